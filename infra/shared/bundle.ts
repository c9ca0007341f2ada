import { fileURLToPath } from "node:url";
import * as pulumi from "@pulumi/pulumi";
import { build } from "esbuild";
import { textAsset } from "./asset.ts";

/** What a Lambda function's code is made of. */
export interface BundleArgs {
  /** The module whose `handler` is the function's. */
  readonly entry: URL;
  /** Packages that the function's runtime has already. */
  readonly external?: readonly string[];
  /** Modules that run as worker threads, by their path in the function's directory; each is bundled by itself. */
  readonly workers?: Readonly<Record<string, URL>>;
  /** Files and folders beside the code, by their path in the function's directory. */
  readonly files?: Readonly<Record<string, URL | string>>;
}

/**
 * The clients of the SDK for JavaScript v3 are part of Lambda's Node runtimes (AWS Lambda Developer Guide, Node.js
 * runtimes), and with them what they are made of (aws-cdk's NodejsFunction leaves it out too). Other packages of the SDK
 * are bundled: no document says that the runtimes have `rds-signer` and its credential providers.
 */
export const RUNTIME_MODULES = ["@aws-sdk/client-*", "@smithy/*"] as const;

/** CommonJS packages inside an ES module ask for `require` and `__dirname`, which such a module does not have. */
const BANNER =
  'import { createRequire } from "node:module"; const require = createRequire(import.meta.url); const __filename = import.meta.filename; const __dirname = import.meta.dirname;';

/**
 * Bundles a module and all it imports into one file, `index.mjs`: a function that loads one file starts soonest. It is
 * made beside the program, which goes on registering resources.
 */
export async function bundleCode({ entry, external = [] }: BundleArgs): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(entry)],
    bundle: true,
    write: false,
    platform: "node",
    target: "node24",
    format: "esm",
    minify: true,
    // Errors and logs name classes.
    keepNames: true,
    legalComments: "none",
    banner: { js: BANNER },
    external: [...external],
    // pg asks for it only where somebody wants its native variant.
    alias: { "pg-native": "node:module" },
    logLevel: "silent",
  });
  const [made] = outputFiles;
  if (!made) throw new Error(`esbuild made nothing of ${entry}`);
  return made.text;
}

/** A Lambda function's code as Pulumi uploads it; the same sources make the same archive. */
export async function bundle(args: BundleArgs): Promise<pulumi.asset.AssetArchive> {
  const beside = Object.entries(args.files ?? {}).map(([path, file]) => [path, assetOf(path, file)] as const);
  const workers = await Promise.all(
    Object.entries(args.workers ?? {}).map(
      async ([path, entry]) => [path, textAsset(path, await bundleCode({ entry }))] as const,
    ),
  );
  return new pulumi.asset.AssetArchive({
    "index.mjs": textAsset("index.mjs", await bundleCode(args)),
    ...Object.fromEntries(workers),
    ...Object.fromEntries(beside),
  });
}

/** A URL is a file, or a folder where it ends in a slash; text is a file's content. */
function assetOf(name: string, file: URL | string): pulumi.asset.Asset | pulumi.asset.Archive {
  if (typeof file === "string") return textAsset(name, file);
  const path = fileURLToPath(file);
  return file.pathname.endsWith("/") ? new pulumi.asset.FileArchive(path) : new pulumi.asset.FileAsset(path);
}
