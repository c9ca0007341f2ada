import { readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { ROOT } from "../../../runtime/platform/root.ts";

const CLIENT = /["'](@aws-sdk\/(?:client|lib)-[\w-]+)["']/g;
/** `new sdk.GetObjectCommand(`, also if esbuild appended a number to the name (`GetObjectCommand2`). */
const COMMAND = /\bnew\s+(?:[\w.#$]+\.)?([A-Z]\w*?)Command\d*\(/g;
const PAGINATOR = /\bpaginate([A-Z]\w*?)\d*\(/g;

/**
 * Lists the AWS calls of a program. A command class of the SDK is listed as `s3 GetObject`, a token of the RDS signer as
 * `rds-db connect`, and a request to OpenSearch as `es POST /_bulk`. Code that a bundler removes from the program is ignored.
 */
export async function typescriptCalls(entry: string): Promise<string[]> {
  const { outputFiles } = await build({
    entryPoints: [join(ROOT, entry)],
    bundle: true,
    write: false,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "esnext",
    treeShaking: true,
    logLevel: "silent",
    loader: { ".node": "empty", ".html": "text", ".css": "text", ".sql": "text" },
  });
  const code = outputFiles.map(({ text }) => text).join("\n");
  const clients = [...new Set([...code.matchAll(CLIENT)].map(([, name]) => name ?? ""))];
  const exported = await Promise.all(
    clients.map(async (name) => [name.replace(/^@aws-sdk\/client-/, ""), Object.keys(await import(name))] as const),
  );
  const calls = new Set<string>();
  for (const [, command = ""] of [...code.matchAll(COMMAND), ...code.matchAll(PAGINATOR)]) {
    // A class of another package may have a name that ends in Command, too.
    const services = exported.filter(([, names]) => names.includes(`${command}Command`));
    for (const [service] of services) calls.add(`${service} ${command}`);
  }
  if (/\bSigner\d*\(/.test(code) && code.includes("@aws-sdk/rds-signer")) calls.add("rds-db connect");
  if (code.includes("@opensearch-project/opensearch"))
    for (const call of openSearchCalls(code)) calls.add(`es ${call}`);
  return [...calls].sort();
}

/** Lists method and path of a program's requests to OpenSearch: `*` for inserted values, `template` for a variable path. */
function openSearchCalls(code: string): string[] {
  return [...code.matchAll(/\bmethod: "([A-Z]+)",\s*path(?:: ([`"][^`"\n]*[`"]))?/g)].map(
    ([, method, path = "`template`"]) => `${method} ${path.slice(1, -1).replaceAll(/\$\{[^}]*\}/g, "*")}`,
  );
}

/** Patterns for calls of boto3 clients, by the variable names in runner.py. */
const BOTO_CLIENTS = { s3: /(?:_s3|aws_client\("s3"[^)]*\))\.(\w+)/g, sqs: /_sqs\.(\w+)/g } as const;

/** Lists the AWS calls of the Glue runner, in the format of typescriptCalls. */
export function pythonCalls(path: string): string[] {
  const source = readFileSync(join(ROOT, path), "utf8");
  const calls = Object.entries(BOTO_CLIENTS).flatMap(([service, pattern]) =>
    [...source.matchAll(pattern)].map(
      ([, method = ""]) =>
        `${service} ${method.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase())}`,
    ),
  );
  if (source.includes(".generate_db_auth_token(")) calls.push("rds-db connect");
  return [...new Set(calls)].sort();
}

/** Lists the services whose boto3 clients the Glue runner creates, including `rds` for tokens. */
export const pythonClients = (path: string): string[] => [
  ...new Set(
    [...readFileSync(join(ROOT, path), "utf8").matchAll(/aws_client\("(\w+)"/g)].map(([, service]) => service ?? ""),
  ),
];

/** Lists the calls of the AWS CLI in a source file: `["ecs", "run-task", …]` as `ecs RunTask`. */
export function commandLineCalls(path: string): string[] {
  const source = readFileSync(join(ROOT, path), "utf8");
  return [
    ...new Set(
      [...source.matchAll(/"(ecs|ssm|lambda|logs|ec2|s3|sqs|iam|sts)", "([a-z]+(?:-[a-z]+)*)"/g)].map(
        ([, service, command = ""]) =>
          `${service} ${command.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase())}`,
      ),
    ),
  ].sort();
}
