import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

/** A file with its response headers. */
export interface ServedFile {
  content: Buffer;
  gzipped: Buffer;
  type: string;
  etag: string;
}

const CLIENT = new URL("client/", import.meta.url);

/** Libraries by the names in the page's import map, with their paths in node_modules. */
const LIBRARIES = {
  preact: "preact/dist/preact.mjs",
  "preact/hooks": "preact/hooks/dist/hooks.mjs",
  htm: "htm/dist/htm.mjs",
  "htm/preact": "htm/preact/index.mjs",
  "@preact/signals-core": "@preact/signals-core/dist/signals-core.mjs",
  "@preact/signals": "@preact/signals/dist/signals.mjs",
  uplot: "uplot/dist/uPlot.esm.js",
} as const;
const LIBRARY_STYLES = ["uplot/dist/uPlot.min.css"];

const TYPES: Record<string, string> = {
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".html": "text/html; charset=utf-8",
};

/** Files under /dashboard/ by path, and the page with its content security policy. */
export interface Site {
  page: ServedFile;
  policy: string;
  files: ReadonlyMap<string, ServedFile>;
  /** Version of all files together. It is part of their URLs, so that browsers can cache them permanently. */
  version: string;
}

/** All styles as one file, in the order of their names. */
const STYLES = "style.css";
/** Modules that the page loads first. They request the data of the first view while the other modules load. */
const FIRST_MODULES = ["preload.js", "route.js"];

/**
 * Reads the page, its modules and styles, and the libraries that they import. There is no build step: a generated import
 * map names the libraries. The policy contains the hash of this map, so it allows no other inline script.
 */
export function readSite(): Site {
  const files = new Map<string, ServedFile>();
  const names = readdirSync(CLIENT, { recursive: true, encoding: "utf8" })
    .map((name) => name.replaceAll("\\", "/"))
    .filter((name) => [".js", ".css", ".svg"].includes(extname(name)))
    .sort();
  const read = (name: string) => readFileSync(new URL(name, CLIENT));
  const isStyle = (name: string) => name.endsWith(".css");
  for (const name of [...FIRST_MODULES, ...names.filter((name) => !isStyle(name))])
    files.set(name, toServedFile(name, read(name)));
  for (const path of Object.values(LIBRARIES))
    files.set(`library/${path}`, toServedFile(path, readFileSync(pathInModules(path))));
  const styles = [
    ...LIBRARY_STYLES.map((path) => readFileSync(pathInModules(path))),
    ...names.filter(isStyle).map(read),
  ];
  files.set(STYLES, toServedFile(STYLES, Buffer.concat(styles.flatMap((style) => [style, Buffer.from("\n")]))));

  const version = versionOf(files);
  const base = `dashboard/${version}`;
  const importMap = JSON.stringify({
    imports: Object.fromEntries(Object.entries(LIBRARIES).map(([name, path]) => [name, `./${base}/library/${path}`])),
  });
  // All modules load in parallel. Otherwise the browser would load a module only after one that imports it.
  const modules = [...files.keys()].filter((path) => /\.m?js$/.test(path));
  const links = [
    `<link rel="stylesheet" href="${base}/${STYLES}" />`,
    // Low priority: browsers open only six connections to an HTTP/1.1 server, and the first view needs them.
    ...modules.map((path) => {
      const priority = FIRST_MODULES.includes(path) ? "high" : "low";
      return `<link rel="modulepreload" href="${base}/${path}" fetchpriority="${priority}" />`;
    }),
  ];
  const html = read("index.html")
    .toString()
    .replaceAll('="dashboard/', `="${base}/`)
    .replace("<!-- import map -->", `<script type="importmap">${importMap}</script>`)
    .replace("<!-- files -->", links.join("\n    "));
  return { page: toServedFile("index.html", Buffer.from(html)), policy: policyOf(importMap), files, version };
}

/** Computes the version, which changes when any file changes. */
export const versionOf = (files: Site["files"]): string =>
  hashOf([...files].map(([path, { etag }]) => `${path} ${etag}`).join("\n")).slice(0, 16);

/** Returns a policy that allows only the page's own files and import map, so that markup in a job's text cannot run. */
const policyOf = (inline: string) =>
  Object.entries({
    "default-src": "'none'",
    "script-src": `'self' 'sha256-${createHash("sha256").update(inline).digest("base64")}'`,
    "style-src": "'self'",
    "img-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'none'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
  })
    .map((directive) => directive.join(" "))
    .join("; ");

/** Finds a file of a package by its entry point, since the `exports` of the package may not list the file. */
function pathInModules(path: string): string {
  const [, name = ""] = /^(@[^/]+\/[^/]+|[^/]+)\//.exec(path) ?? [];
  const entry = fileURLToPath(import.meta.resolve(name)).replaceAll("\\", "/");
  return join(entry.slice(0, entry.lastIndexOf(`/node_modules/${name}/`)), "node_modules", path);
}

function toServedFile(name: string, content: Buffer): ServedFile {
  const type = TYPES[extname(name)] ?? "application/octet-stream";
  return { content, gzipped: gzipSync(content), type, etag: `"${hashOf(content)}"` };
}

const hashOf = (content: string | Buffer) => createHash("sha256").update(content).digest("base64url");
