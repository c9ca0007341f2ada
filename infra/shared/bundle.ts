import { fileURLToPath } from "node:url";
import * as pulumi from "@pulumi/pulumi";
import { build } from "esbuild";
import { textAsset } from "./asset.ts";

/** Inputs of the archive of a Lambda function's code. */
export interface BundleArgs {
  /** Module whose `handler` is the function's handler. */
  readonly entry: URL;
  /** Packages that the function's runtime provides. */
  readonly external?: readonly string[];
  /** Modules that run as worker threads, by their path in the function's directory; each is bundled separately. */
  readonly workers?: Readonly<Record<string, URL>>;
  /** Files and folders beside the code, by their path in the function's directory. */
  readonly files?: Readonly<Record<string, URL | string>>;
}

/**
 * Clients of the SDK for JavaScript v3 and their dependencies are part of Lambda's Node runtimes (AWS Lambda Developer
 * Guide, Node.js runtimes; aws-cdk's NodejsFunction leaves them out too). Other packages of the SDK are bundled:
 * `rds-signer` and its credential providers are not documented as part of the runtimes.
 */
export const RUNTIME_MODULES = ["@aws-sdk/client-*", "@smithy/*"] as const;

/** Defines `require`, `__filename` and `__dirname` for bundled CommonJS packages, since ES modules lack them. */
const BANNER =
  'import { createRequire } from "node:module"; const require = createRequire(import.meta.url); const __filename = import.meta.filename; const __dirname = import.meta.dirname;';

/**
 * Bundles a module and its imports into one ES module, which starts faster than separate files. Bundling runs while the
 * program registers further resources.
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
    // Errors and logs contain class names.
    keepNames: true,
    legalComments: "none",
    banner: { js: BANNER },
    external: [...external],
    // pg imports pg-native only for its native variant.
    alias: { "pg-native": "node:module" },
    logLevel: "silent",
  });
  const [output] = outputFiles;
  if (!output) throw new Error(`esbuild produced no output for ${entry}`);
  return output.text;
}

/** Creates the archive of a Lambda function's code; the same sources result in the same archive. */
export async function bundle(args: BundleArgs): Promise<pulumi.asset.AssetArchive> {
  const extraFiles = Object.entries(args.files ?? {}).map(([path, file]) => [path, assetOf(path, file)] as const);
  const workers = await Promise.all(
    Object.entries(args.workers ?? {}).map(
      async ([path, entry]) => [path, textAsset(path, await bundleCode({ entry }))] as const,
    ),
  );
  return new pulumi.asset.AssetArchive({
    "index.mjs": textAsset("index.mjs", await bundleCode(args)),
    ...Object.fromEntries(workers),
    ...Object.fromEntries(extraFiles),
  });
}

/** Returns the asset of a file (URL), of a folder (URL that ends in a slash), or of a file with the given text. */
function assetOf(name: string, file: URL | string): pulumi.asset.Asset | pulumi.asset.Archive {
  if (typeof file === "string") return textAsset(name, file);
  const path = fileURLToPath(file);
  return file.pathname.endsWith("/") ? new pulumi.asset.FileArchive(path) : new pulumi.asset.FileAsset(path);
}
