import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import type { Principal } from "../local/aws/principals.ts";

/** A request to sign, with its path exactly as it will be sent. */
export interface RawRequest {
  method: string;
  path: string;
  headers?: Record<string, string>;
  body?: string;
  service?: "s3" | "sqs";
}

/** Signs a request with Signature Version 4 and returns its headers. The query must be sorted and encoded. */
export function sign(
  { method, path, headers = {}, body = "", service = "s3" }: RawRequest,
  { accessKeyId, secretAccessKey }: Emulator["credentials"],
  host: string,
  now = new Date(),
): Record<string, string> {
  const time = now.toISOString().replace(/[-:]|\.\d+/g, "");
  const hash = (data: string) => createHash("sha256").update(data).digest("hex");
  const hmac = (key: string | Buffer, data: string) => createHmac("sha256", key).update(data).digest();
  const signedHeaders: Record<string, string> = {
    ...headers,
    host,
    "x-amz-date": time,
    "x-amz-content-sha256": hash(body),
  };
  const names = Object.keys(signedHeaders).sort();
  const [pathname = "", query = ""] = path.split("?");
  const canonical = [
    method,
    service === "s3" ? pathname : pathname.split("/").map(encodeURIComponent).join("/"),
    query,
    ...names.map((name) => `${name}:${signedHeaders[name]}`),
    "",
    names.join(";"),
    hash(body),
  ].join("\n");
  const scope = [time.slice(0, 8), "eu-west-1", service, "aws4_request"];
  const key = scope.reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`);
  const signature = hmac(key, ["AWS4-HMAC-SHA256", time, scope.join("/"), hash(canonical)].join("\n")).toString("hex");
  const credential = `${accessKeyId}/${scope.join("/")}`;
  return {
    ...signedHeaders,
    authorization: `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names.join(";")}, Signature=${signature}`,
  };
}

/** Sends a request exactly as given, without a client that changes its path or headers. */
export async function sendRaw(
  port: number,
  { method, path, body = "" }: RawRequest,
  headers: Record<string, string>,
): Promise<{ status: number; body: string }> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  const length = method === "GET" || method === "HEAD" ? {} : { "content-length": String(Buffer.byteLength(body)) };
  const lines = Object.entries({ ...headers, ...length, connection: "close" }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n${body}`);
  const response = await text(socket);
  const [, status = "0"] = /^HTTP\/1\.1 (\d+)/.exec(response) ?? [];
  return { status: Number(status), body: response.slice(response.indexOf("\r\n\r\n") + 4) };
}

/** Address of an emulator, and valid credentials. */
export interface Emulator {
  readonly port: number;
  readonly credentials: Pick<Principal, "accessKeyId" | "secretAccessKey">;
}

/** Signs a request as the platform, or as another principal, and sends it. */
export const sendSigned = (
  cloud: Emulator,
  request: RawRequest,
  principal: Emulator["credentials"] = cloud.credentials,
) => sendRaw(cloud.port, request, sign(request, principal, `127.0.0.1:${cloud.port}`));

const UP = "..%2F".repeat(6);
/** Request paths without a valid S3 bucket and key, many of them path traversals. */
export const INVALID_PATHS: readonly string[] = [
  "/uploads/../../../../secret",
  "/uploads/../../../../written",
  "/uploads/%2e%2e/%2e%2e/%2E%2E/%2e%2e/written",
  `/uploads/${UP}written`,
  `/uploads/a/${UP}written`,
  "/uploads/..%5C..%5C..%5Cwritten",
  "/uploads/a/./b",
  "/uploads/a%00b",
  `/uploads/${"k".repeat(1025)}`,
  "/../written",
  "/..",
  "/%2e%2e/written",
  "/up..loads/written",
  "/uploads%2F..%2F..%2Fwritten",
  "/uploads/%zz",
];
