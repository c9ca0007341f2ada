import type { ReceiveMessageResult } from "@aws-sdk/client-sqs";
import Type from "typebox";
import { Compile } from "typebox/compile";
import Value from "typebox/value";
import { AwsError } from "./errors.ts";
import { type SqsQueue, SqsStore } from "./fauxqs.ts";

/** Maximum bytes of a message and of a batch: bodies and attributes (SQS quotas, "Message quotas"). */
export const MAX_MESSAGE_BYTES = 1_048_576;
const MAX_ATTRIBUTES = 10;
const MAX_DELAY_SECONDS = 900;
const MAX_ENTRIES = 10;
/** Message attribute with the sender. AWS reserves this prefix, so no sender can set it. */
const SENDER = "AWS.SenderId";

const Attribute = Type.Object({
  DataType: Type.String({ pattern: "^(String|Number|Binary)(\\.[^\\r\\n]*)?$", maxLength: 256 }),
  StringValue: Type.Optional(Type.String()),
  BinaryValue: Type.Optional(Type.String()),
});
type Attribute = Type.Static<typeof Attribute>;
const Message = Type.Object({
  MessageBody: Type.String({ minLength: 1 }),
  MessageAttributes: Type.Optional(Type.Record(Type.String(), Attribute)),
  DelaySeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_DELAY_SECONDS })),
});
type Message = Type.Static<typeof Message>;
const validMessage = Compile(Message);

/** Matches a character that SQS refuses in a body (API Reference, SendMessage). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: tab, line feed and carriage return are accepted
const INVALID_CHARACTER = /[^\x09\x0A\x0D\x20-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u;

/** Sends a message. Replaces fauxqs's action, which stores no SenderId and refuses characters above U+FFFF. */
export function sendMessage(queue: SqsQueue, input: unknown, senderId: string): object {
  return enqueue(queue, checkMessage(queue, input), senderId);
}

/** Sends a batch of messages. Each entry succeeds or fails by itself. */
export function sendMessageBatch(queue: SqsQueue, input: unknown, senderId: string): object {
  const entries = isObject(input) && Array.isArray(input.Entries) ? (input.Entries as unknown[]) : [];
  if (entries.length === 0) throw batchError("EmptyBatchRequest", "There must be at least one entry in the request.");
  if (entries.length > MAX_ENTRIES)
    throw batchError("TooManyEntriesInBatchRequest", `A batch may have at most ${MAX_ENTRIES} entries.`);
  const ids = entries.map((entry) => (isObject(entry) ? entry.Id : undefined));
  if (!ids.every((id): id is string => typeof id === "string" && /^[\w-]{1,80}$/.test(id)))
    throw batchError("InvalidBatchEntryId", "The Id of an entry must have 1 to 80 letters, digits, - or _.");
  if (new Set(ids).size < ids.length)
    throw batchError("BatchEntryIdsNotDistinct", "Two entries of the request have the same Id.");
  const bytes = entries.reduce<number>((sum, entry) => sum + (validMessage.Check(entry) ? sizeOf(entry) : 0), 0);
  if (bytes > MAX_MESSAGE_BYTES)
    throw batchError("BatchRequestTooLong", `All entries together may have at most ${MAX_MESSAGE_BYTES} bytes.`);

  const successful: object[] = [];
  const failed: object[] = [];
  entries.forEach((entry, index) => {
    try {
      successful.push({ Id: ids[index], ...enqueue(queue, checkMessage(queue, entry), senderId) });
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      failed.push({ Id: ids[index], SenderFault: true, Code: error.code, Message: error.message });
    }
  });
  return { Successful: successful, Failed: failed };
}

/**
 * Completes fauxqs's response to ReceiveMessage: adds SenderIds, and keeps only the requested message attributes.
 * @param result response, changed in place
 */
export function completeReceived(input: unknown, result: ReceiveMessageResult): void {
  const systemNames = [...names(input, "AttributeNames"), ...names(input, "MessageSystemAttributeNames")];
  const requestedNames = names(input, "MessageAttributeNames");
  for (const message of result.Messages ?? []) {
    const { [SENDER]: sender, ...attributes } = message.MessageAttributes ?? {};
    if (sender?.StringValue !== undefined && systemNames.some((name) => name === "All" || name === "SenderId"))
      message.Attributes = { ...message.Attributes, SenderId: sender.StringValue };
    const selected = Object.entries(attributes).filter(([name]) =>
      requestedNames.some((pattern) => isWanted(name, pattern)),
    );
    if (selected.length === 0) delete message.MessageAttributes;
    else message.MessageAttributes = Object.fromEntries(selected);
    // The digest covers all attributes, so it does not match a selection of them.
    if (selected.length < Object.keys(attributes).length || selected.length === 0)
      delete message.MD5OfMessageAttributes;
  }
}

/** Makes messages visible again after their receiver has disconnected. */
export function makeVisible(queue: SqsQueue, { Messages = [] }: ReceiveMessageResult): void {
  for (const { ReceiptHandle = "" } of Messages) queue.changeVisibility(ReceiptHandle, 0);
}

const isWanted = (name: string, pattern: string) =>
  pattern === "All" || pattern === name || (pattern.endsWith(".*") && name.startsWith(pattern.slice(0, -2)));

function names(input: unknown, field: string): string[] {
  const list = isObject(input) ? input[field] : undefined;
  return Array.isArray(list) ? list.filter((name) => typeof name === "string") : [];
}

function checkMessage(queue: SqsQueue, input: unknown): Message {
  if (!validMessage.Check(input)) {
    const [first] = Value.Errors(Message, input);
    const path = first?.instancePath.slice(1).replaceAll("/", ".") || "MessageBody";
    if (isObject(input) && (input.MessageBody === undefined || input.MessageBody === ""))
      throw new AwsError("MissingParameter", "The request must contain the parameter MessageBody.");
    throw new AwsError("InvalidParameterValue", `Value for parameter ${path} is invalid. Reason: ${first?.message}.`);
  }
  if (INVALID_CHARACTER.test(input.MessageBody))
    throw new AwsError(
      "InvalidMessageContents",
      "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF.",
    );
  const attributes = Object.entries(input.MessageAttributes ?? {});
  if (attributes.length > MAX_ATTRIBUTES)
    throw new AwsError("InvalidParameterValue", `A message may have at most ${MAX_ATTRIBUTES} attributes.`);
  for (const [name, attribute] of attributes) checkAttribute(name, attribute);
  const max = Number(queue.getAttribute("MaximumMessageSize") ?? MAX_MESSAGE_BYTES);
  if (sizeOf(input) > max)
    throw new AwsError(
      "InvalidParameterValue",
      `One or more parameters are invalid. Reason: Message must be shorter than ${max} bytes.`,
    );
  return input;
}

function checkAttribute(name: string, { DataType, StringValue, BinaryValue }: Attribute): void {
  if (!/^(?!\.)(?!.*\.\.)[\w.-]{1,256}(?<!\.)$/.test(name) || /^(aws|amazon)\./i.test(name))
    throw new AwsError("InvalidParameterValue", `The attribute name '${name.slice(0, 256)}' is invalid.`);
  const value = DataType.startsWith("Binary") ? BinaryValue : StringValue;
  if (value === undefined || value === "")
    throw new AwsError("InvalidParameterValue", `The attribute '${name}' must have a value of its DataType.`);
}

function sizeOf({ MessageBody, MessageAttributes = {} }: Message): number {
  let bytes = Buffer.byteLength(MessageBody);
  for (const [name, { DataType, StringValue = "", BinaryValue = "" }] of Object.entries(MessageAttributes))
    bytes +=
      [name, DataType, StringValue].reduce((sum, text) => sum + Buffer.byteLength(text), 0) +
      Buffer.byteLength(BinaryValue, "base64");
  return bytes;
}

function enqueue(queue: SqsQueue, { MessageBody, MessageAttributes = {}, DelaySeconds }: Message, senderId: string) {
  const delay = DelaySeconds ?? Number(queue.getAttribute("DelaySeconds") ?? 0);
  const message = SqsStore.createMessage(MessageBody, MessageAttributes, delay > 0 ? delay : undefined);
  const digest = message.md5OfMessageAttributes;
  message.messageAttributes = { ...MessageAttributes, [SENDER]: { DataType: "String", StringValue: senderId } };
  queue.enqueue(message);
  return {
    MessageId: message.messageId,
    MD5OfMessageBody: message.md5OfBody,
    ...(digest ? { MD5OfMessageAttributes: digest } : {}),
  };
}

const batchError = (code: string, message: string) =>
  new AwsError(code, message, 400, `AWS.SimpleQueueService.${code}`);

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
