/**
 * Checks a container's health, since the image has no curl: `node runtime/image/health.ts [URL]`. Exits with 0 if the URL
 * returns success. The default URL is /readyz of this container's API, which also checks the database.
 */
const [url = `http://127.0.0.1:${process.env.PORT ?? 3000}/readyz`] = process.argv.slice(2);
const { ok, status } = await fetch(url);
console.log(`${url}: ${status}`);
process.exit(ok ? 0 : 1);
