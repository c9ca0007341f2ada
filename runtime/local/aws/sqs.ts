import type { IncomingMessage, ServerResponse } from "node:http";
import { AwsError } from "./errors.ts";
import { deleteMessage, deleteMessageBatch, receiveMessage, SqsError, type SqsStore } from "./fauxqs.ts";
import { completeReceived, MAX_MESSAGE_BYTES, makeVisible, sendMessage, sendMessageBatch } from "./messages.ts";
import type { Principal, Principals } from "./principals.ts";
import { errorXml, type Json, parseForm, resultXml } from "./queryProtocol.ts";
import { sha256, verifySignature } from "./signature.ts";

const JSON_TYPE = "application/x-amz-json-1.0";
const FORM_TYPE = "application/x-www-form-urlencoded";
/** Maximum bytes of a request's body. A form may encode one byte of a message as three, and has other parameters. */
const MAX_BODY_BYTES = 4 * MAX_MESSAGE_BYTES;
/** Paths that accept every action: `/` and the path of a queue's URL. */
const PATH = /^\/(?:\d{12}\/[\w.-]{1,80}\/?)?$/;

const QUEUE_NAME = /^[\w-]{1,80}$/;

/** fauxqs's handler of an action of the JSON protocol. */
export type Perform = (action: string, input: unknown) => Promise<{ status: number; headers: Headers; body: string }>;

interface SqsDeps {
  store: SqsStore;
  principals: Principals;
  perform: Perform;
  /** Resolves when all messages sent so far survive a crash of the machine. */
  waitUntilSynced(): Promise<void>;
}

/** Returns true for a request to SQS (or STS) rather than S3. */
export const isSqs = ({ method, headers }: IncomingMessage): boolean =>
  method === "POST" &&
  (headers["x-amz-target"] !== undefined ||
    new RegExp(`^\\s*(${JSON_TYPE}|${FORM_TYPE})`, "i").test(contentType(headers)));

const contentType = (headers: IncomingMessage["headers"]) => headers["content-type"] ?? "";

/** Responds to a request to SQS in the protocol of the request. */
export async function handleSqs(deps: SqsDeps, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const isForm = contentType(request.headers).trim().toLowerCase().startsWith(FORM_TYPE);
  let action = "";
  try {
    const body = await readBody(request);
    const bodyHash = sha256(body);
    const principal = verify(deps, request, bodyHash);
    const parsed = isForm ? parseForm(body.toString("utf8")) : parseJson(request, body);
    action = parsed.action;
    const path = (request.url ?? "").split("?")[0] ?? "";
    if (!PATH.test(path)) throw new AwsError("InvalidAddress", `The address ${path.slice(0, 100)} is not valid.`, 404);
    const input = path === "/" ? parsed.input : { QueueUrl: path, ...parsed.input };
    const result = await performAction(deps, action, input, principal, request);
    if (isForm) sendBody(response, 200, "text/xml", resultXml(action, result));
    else sendBody(response, 200, JSON_TYPE, JSON.stringify(result));
  } catch (error) {
    const awsError = error instanceof AwsError ? error : new AwsError("InternalFailure", "The emulator failed.", 500);
    if (!(error instanceof AwsError)) console.error(error);
    sendError(response, awsError, isForm);
  }
}

/** Sends an error in SQS's format. */
export function sendError(response: ServerResponse, error: AwsError, isForm: boolean): void {
  const { code, queryCode, message, status } = error;
  if (isForm) {
    sendBody(response, status, "text/xml", errorXml(queryCode, message, status));
    return;
  }
  response.setHeader("x-amzn-query-error", `${queryCode};${status < 500 ? "Sender" : "Receiver"}`);
  sendBody(response, status, JSON_TYPE, JSON.stringify({ __type: `com.amazonaws.sqs#${code}`, message }));
}

function verify({ principals }: SqsDeps, request: IncomingMessage, bodyHash: string): Principal {
  const principal = verifySignature(
    { method: "POST", url: request.url ?? "/", headers: request.headers },
    { services: ["sqs", "sts"], find: (key) => principals.find(key), bodyHash },
  );
  const declaredHash = request.headers["x-amz-content-sha256"];
  if (declaredHash !== undefined && declaredHash !== bodyHash)
    throw new AwsError("InvalidSignatureException", "x-amz-content-sha256 is not the hash of the body.", 403);
  return principal;
}

/** Attributes of a queue that are JSON documents. */
const JSON_ATTRIBUTES = ["RedrivePolicy", "RedriveAllowPolicy", "Policy"];

/** @throws AwsError if a queue's attribute that must be a JSON object is not one */
function requireJsonPolicies(attributes: Json | undefined): void {
  if (typeof attributes !== "object" || attributes === null || Array.isArray(attributes)) return;
  for (const name of JSON_ATTRIBUTES) {
    const text = Object.hasOwn(attributes, name) ? attributes[name] : "";
    if (text !== "" && !isJsonObject(text))
      throw new AwsError("InvalidAttributeValue", `Invalid value for the parameter ${name}.`);
  }
}

function isJsonObject(text: unknown): boolean {
  try {
    const value: unknown = typeof text === "string" ? JSON.parse(text) : undefined;
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

async function performAction(
  { store, perform, waitUntilSynced }: SqsDeps,
  action: string,
  input: { [name: string]: Json },
  { senderId }: Principal,
  { socket }: IncomingMessage,
): Promise<Json> {
  if (action === "GetCallerIdentity")
    return { Arn: `arn:aws:iam::000000000000:user/${senderId}`, UserId: senderId, Account: "000000000000" };
  if (input.QueueUrl !== undefined && typeof input.QueueUrl !== "string")
    throw new AwsError("InvalidParameterValue", "QueueUrl must be a string.");
  if (action === "CreateQueue" && /\.fifo$/.test(String(input.QueueName)))
    throw new AwsError("UnsupportedOperation", "The emulator has standard queues only.");
  if (action === "CreateQueue" && !QUEUE_NAME.test(String(input.QueueName)))
    throw new AwsError(
      "InvalidParameterValue",
      "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
    );
  requireJsonPolicies(input.Attributes);
  const queue = input.QueueUrl === undefined ? undefined : store.getQueue(input.QueueUrl);
  if (action === "SendMessage" || action === "SendMessageBatch") {
    if (input.QueueUrl === undefined)
      throw new AwsError("MissingParameter", "The request must contain the parameter QueueUrl.");
    if (queue === undefined)
      throw new AwsError(
        "QueueDoesNotExist",
        "The specified queue does not exist.",
        400,
        "AWS.SimpleQueueService.NonExistentQueue",
      );
    const sent = (action === "SendMessage" ? sendMessage : sendMessageBatch)(queue, input, senderId);
    await waitUntilSynced();
    return sent as Json;
  }

  if (action === "ReceiveMessage") {
    // Requests all attributes, since the sender is one of them; completeReceived removes those that were not requested.
    const received = await receiveMessage({ ...input, MessageAttributeNames: ["All"] }, store).catch(throwAwsError);
    // A receiver that disconnected during its long poll would keep the messages invisible until their timeout.
    if (queue !== undefined && (socket.destroyed || socket.readableEnded)) makeVisible(queue, received);
    completeReceived(input, received);
    return received.Messages === undefined ? {} : (received as Json);
  }
  const remove = REMOVALS.get(action);
  if (remove !== undefined) return (await remove(input, store).catch(throwAwsError)) as Json;
  const { status, headers, body } = await perform(action, input);
  const result = body === "" ? {} : JSON.parse(body);
  if (status >= 400) {
    const [, code = "InternalFailure"] = /#(\w+)$/.exec(String(result.__type)) ?? [];
    throw new AwsError(code, String(result.message), status, headers.get("x-amzn-query-error")?.split(";")[0] ?? code);
  }
  return result;
}

type Remove = (input: Record<string, unknown>, store: SqsStore) => Promise<object>;
const REMOVALS: ReadonlyMap<string, Remove> = new Map<string, Remove>([
  ["DeleteMessage", async (input, store) => deleteMessage(input, store) ?? {}],
  ["DeleteMessageBatch", async (input, store) => deleteMessageBatch(input, store)],
]);

/** Converts an error of fauxqs's actions to an AwsError. */
function throwAwsError(error: unknown): never {
  if (!(error instanceof SqsError)) throw error;
  throw new AwsError(error.code, error.message, error.statusCode, error.queryErrorHeader.split(";")[0]);
}

function parseJson({ headers }: IncomingMessage, body: Buffer): { action: string; input: { [name: string]: Json } } {
  const target = headers["x-amz-target"];
  if (target === undefined) throw new AwsError("MissingAction", "The request must have the header X-Amz-Target.");
  const [, action] = /^AmazonSQS\.(\w{1,64})$/.exec(String(target)) ?? [];
  if (action === undefined)
    throw new AwsError("InvalidAction", `The action ${String(target).slice(0, 100)} is not valid.`);
  const notAnObject = () => new AwsError("SerializationException", "The body must be a JSON object.");
  let input: unknown;
  try {
    input = JSON.parse(body.toString("utf8") || "{}");
  } catch {
    throw notAnObject();
  }
  if (typeof input !== "object" || input === null || Array.isArray(input)) throw notAnObject();
  return { action, input: input as { [name: string]: Json } };
}

function readBody(request: IncomingMessage): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let bytes = 0;
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
    else reject(new AwsError("RequestEntityTooLarge", `A request may have at most ${MAX_BODY_BYTES} bytes.`, 413));
  });
  request.once("end", () => resolve(Buffer.concat(chunks)));
  request.once("error", reject);
  request.once("close", () => reject(new AwsError("RequestTimeout", "The request ended before its body.", 408)));
  return promise;
}

function sendBody(response: ServerResponse, status: number, type: string, body: string): void {
  if (response.destroyed || response.headersSent) return;
  // The unread end of this request's body must not be parsed as the next request.
  if (status === 413) response.setHeader("connection", "close");
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) }).end(body);
}
