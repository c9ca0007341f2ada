/**
 * A container's health check, since the image has no curl: `node runtime/image/health.ts [URL]`. Exit code 0 while the
 * URL answers with success; by default it is this container's API with its database (/readyz).
 */
const [url = `http://127.0.0.1:${process.env.PORT ?? 3000}/readyz`] = process.argv.slice(2);
const { ok, status } = await fetch(url);
console.log(`${url}: ${status}`);
process.exit(ok ? 0 : 1);
