import { once } from "node:events";
import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

/** A fault that a test injects into calls. */
export interface S3Fault {
  operation: S3Operation;
  /** `before`: the call fails before it reaches S3; `after`: S3 executes it, but its response is lost. */
  when: "before" | "after";
  /** A broken connection, an error of S3, or a response whose second half never arrives. */
  how: "reset" | "SlowDown" | "stall";
  /** Number of failing calls. */
  times: number;
}

export type S3Operation =
  | "CreateMultipartUpload"
  | "UploadPart"
  | "CompleteMultipartUpload"
  | "AbortMultipartUpload"
  | "GetObject"
  | "other";

const SLOW_DOWN = "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>";

/**
 * Starts a proxy between a runner and S3. It forwards calls, injects the faults of a test, and records open uploads.
 */
export async function startS3Proxy(target: string): Promise<{
  endpoint: string;
  faults: S3Fault[];
  seen: S3Operation[];
  /** Uploads that were neither completed nor aborted. */
  open: Set<string>;
  stop(): Promise<void>;
}> {
  const faults: S3Fault[] = [];
  const seen: S3Operation[] = [];
  const open = new Set<string>();
  const server = createServer(async (received, response) => {
    const operation = operationOf(received);
    seen.push(operation);
    const fault = faults.find((candidate) => candidate.operation === operation && candidate.times > 0);
    if (fault) fault.times--;
    const body = await buffer(received);
    const forwarded = fault?.when === "before" ? undefined : await forward(target, received, body);
    if (forwarded?.ok) trackUploads(open, operation, received.url ?? "", forwarded.body.toString());
    if (fault?.how === "stall" && forwarded)
      response
        .writeHead(forwarded.status, { ...forwarded.headers, "content-length": forwarded.body.length })
        .write(forwarded.body.subarray(0, forwarded.body.length / 2));
    else if (fault?.how === "reset") response.destroy();
    else if (fault) response.writeHead(503, { "content-type": "application/xml" }).end(SLOW_DOWN);
    else response.writeHead(forwarded?.status ?? 500, forwarded?.headers).end(forwarded?.body);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    faults,
    seen,
    open,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function operationOf({ method, url = "" }: IncomingMessage): S3Operation {
  const { searchParams } = new URL(url, "http://s3");
  if (method === "POST" && searchParams.has("uploads")) return "CreateMultipartUpload";
  if (!searchParams.has("uploadId")) return method === "GET" ? "GetObject" : "other";
  if (method === "PUT") return "UploadPart";
  return method === "POST" ? "CompleteMultipartUpload" : "AbortMultipartUpload";
}

/** Headers that apply to one connection or transfer, and are therefore not forwarded. */
const HOP_HEADERS = new Set(["connection", "expect", "content-length", "transfer-encoding"]);

/** Forwards a request unchanged, including Host, which is part of its signature. */
async function forward(target: string, { method = "GET", url = "", headers }: IncomingMessage, body: Buffer) {
  const forwarded = Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_HEADERS.has(name)));
  const sent = request(`${target}${url}`, { method, headers: { ...forwarded, "content-length": body.length } });
  sent.end(body);
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  const { statusCode: status = 500 } = response;
  return {
    ok: status < 300,
    status,
    headers: Object.fromEntries(Object.entries(response.headers).filter(([name]) => !HOP_HEADERS.has(name))),
    body: await buffer(response),
  };
}

function trackUploads(open: Set<string>, operation: S3Operation, url: string, body: string): void {
  const id = new URL(url, "http://s3").searchParams.get("uploadId") ?? "";
  if (operation === "CreateMultipartUpload") open.add(/<UploadId>([^<]+)</.exec(body)?.[1] ?? "");
  if (operation === "CompleteMultipartUpload" || operation === "AbortMultipartUpload") open.delete(id);
}
