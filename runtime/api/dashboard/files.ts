import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

/** A file as it is served. */
export interface Served {
  content: Buffer;
  gzipped: Buffer;
  type: string;
  etag: string;
}

const CLIENT = new URL("client/", import.meta.url);

/** Libraries by the names that the page imports them under, as npm put them here. */
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

/** What is served under /dashboard/, by path, and the page itself with the policy that it is served under. */
export interface Site {
  page: Served;
  policy: string;
  files: ReadonlyMap<string, Served>;
  /** What all files together are called: the page asks for them below it, so what lies there never changes. */
  version: string;
}

/** All styles in one, in the order of their names. */
const STYLES = "style.css";
/** What the page asks for first: it asks for what the first view shows while all else is on its way. */
const FIRST = ["preload.js", "route.js"];

/**
 * Reads the page, its modules and styles, and the libraries they import. No build step stands between these files and a
 * browser: an import map, made here, names the libraries, and a hash lets it and no other inline script run.
 */
export function readSite(): Site {
  const files = new Map<string, Served>();
  const own = readdirSync(CLIENT, { recursive: true, encoding: "utf8" })
    .map((name) => name.replaceAll("\\", "/"))
    .filter((name) => [".js", ".css", ".svg"].includes(extname(name)))
    .sort();
  const read = (name: string) => readFileSync(new URL(name, CLIENT));
  const isStyle = (name: string) => name.endsWith(".css");
  for (const name of [...FIRST, ...own.filter((name) => !isStyle(name))]) files.set(name, served(name, read(name)));
  for (const path of Object.values(LIBRARIES))
    files.set(`library/${path}`, served(path, readFileSync(inModules(path))));
  const styles = [...LIBRARY_STYLES.map((path) => readFileSync(inModules(path))), ...own.filter(isStyle).map(read)];
  files.set(STYLES, served(STYLES, Buffer.concat(styles.flatMap((style) => [style, Buffer.from("\n")]))));

  const version = versionOf(files);
  const base = `dashboard/${version}`;
  const importMap = JSON.stringify({
    imports: Object.fromEntries(Object.entries(LIBRARIES).map(([name, path]) => [name, `./${base}/library/${path}`])),
  });
  // All at once, in place of one after the other as each is found to import the next.
  const modules = [...files.keys()].filter((path) => /\.m?js$/.test(path));
  const links = [
    `<link rel="stylesheet" href="${base}/${STYLES}" />`,
    // Not before what the first ones ask for: a browser opens six connections to a server that speaks HTTP/1.1.
    ...modules.map((path) => {
      const priority = FIRST.includes(path) ? "high" : "low";
      return `<link rel="modulepreload" href="${base}/${path}" fetchpriority="${priority}" />`;
    }),
  ];
  const html = read("index.html")
    .toString()
    .replaceAll('="dashboard/', `="${base}/`)
    .replace("<!-- import map -->", `<script type="importmap">${importMap}</script>`)
    .replace("<!-- files -->", links.join("\n    "));
  return { page: served("index.html", Buffer.from(html)), policy: policyOf(importMap), files, version };
}

/** Another one as soon as any file differs. */
export const versionOf = (files: Site["files"]): string =>
  hashOf([...files].map(([path, { etag }]) => `${path} ${etag}`).join("\n")).slice(0, 16);

/** Nothing but the page's own files runs or is fetched: text of a job that looks like markup stays text. */
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

/** A package's file. Its `exports` need not name it, so it is found beside what they do name. */
function inModules(path: string): string {
  const [, name = ""] = /^(@[^/]+\/[^/]+|[^/]+)\//.exec(path) ?? [];
  const entry = fileURLToPath(import.meta.resolve(name)).replaceAll("\\", "/");
  return join(entry.slice(0, entry.lastIndexOf(`/node_modules/${name}/`)), "node_modules", path);
}

function served(name: string, content: Buffer): Served {
  const type = TYPES[extname(name)] ?? "application/octet-stream";
  return { content, gzipped: gzipSync(content), type, etag: `"${hashOf(content)}"` };
}

const hashOf = (content: string | Buffer) => createHash("sha256").update(content).digest("base64url");
