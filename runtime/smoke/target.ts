import {
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import type { SmokeOutputs } from "../contract/stackOutputs.ts";
import { killCloudRun, type RunOfAttempt } from "./killRun.ts";

/** The platform that a smoke run checks: the local one, or a deployed stack. */
export interface Target {
  readonly name: string;
  readonly api: string;
  readonly token: string;
  readonly requestQueueUrl: string;
  readonly responseQueueUrl: string;
  readonly deadLetterQueueUrl: string;
  readonly sqs: SQSClient;
  /** Outputs of a deployed stack; undefined for the local platform. */
  readonly outputs: SmokeOutputs | undefined;
  /** True if the smoke run is a task in the stack's network. */
  readonly inside?: true;
  /** Ends a run abruptly, as a failing machine would. */
  killRun(run: RunOfAttempt): Promise<void>;
}

/** Returns a deployed stack as a target, accessed with the AWS credentials of this process. */
export const stackTarget = (outputs: SmokeOutputs, token: string): Target => ({
  ...outputs,
  name: outputs.stack,
  token,
  sqs: new SQSClient({ region: outputs.region }),
  outputs,
  killRun: (run) => killCloudRun(outputs, run),
});

/** Body of a received response. */
export interface ReceivedResponse {
  readonly responseId: string;
  readonly requestId: string;
  readonly status: string;
  // biome-ignore lint/suspicious/noExplicitAny: checks read fields of results and errors
  readonly [field: string]: any;
}

/** Sends requests and receives responses for the checks. Messages for other clients stay in the queue. */
export class QueueClient {
  readonly #target: Target;
  readonly #prefix: string;
  readonly #received: { body: string; response: ReceivedResponse }[] = [];

  /** @param prefix prefix of all request ids of this smoke run */
  constructor(target: Target, prefix: string) {
    this.#target = target;
    this.#prefix = prefix;
  }

  async send(body: object | string): Promise<void> {
    const MessageBody = typeof body === "string" ? body : JSON.stringify(body);
    await this.#target.sqs.send(new SendMessageCommand({ QueueUrl: this.#target.requestQueueUrl, MessageBody }));
  }

  /**
   * Waits for `count` responses to a request.
   * @throws Error if they do not arrive within `seconds`
   */
  async responses(
    requestId: string,
    count = 1,
    seconds = 600,
  ): Promise<{ body: string; response: ReceivedResponse }[]> {
    for (const end = Date.now() + seconds * 1000; ; ) {
      const ours = this.#received.filter(({ response }) => response.requestId === requestId);
      if (ours.length >= count) return ours;
      if (Date.now() > end) throw new Error(`${ours.length} of ${count} responses to ${requestId} within ${seconds} s`);
      for (const { Body = "" } of await this.#receive(this.#target.responseQueueUrl, (body) =>
        body.includes(this.#prefix),
      ))
        this.#received.push({ body: Body, response: JSON.parse(Body) });
    }
  }

  async response(requestId: string): Promise<ReceivedResponse> {
    const [first] = await this.responses(requestId);
    if (!first) throw new Error("no response");
    return first.response;
  }

  /**
   * Waits for a dead letter that contains a text.
   * @returns its reason; empty if it has none
   * @throws Error if it does not arrive within `seconds`
   */
  async deadLetter(text: string, seconds = 120): Promise<string> {
    for (const end = Date.now() + seconds * 1000; Date.now() < end; ) {
      const [letter] = await this.#receive(this.#target.deadLetterQueueUrl, (body) => body.includes(text));
      if (letter) return letter.MessageAttributes?.reason?.StringValue ?? "";
    }
    throw new Error(`no dead letter with ${text} within ${seconds} s`);
  }

  async #receive(QueueUrl: string, isOurs: (body: string) => boolean): Promise<Message[]> {
    const { sqs } = this.#target;
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: 10,
        WaitTimeSeconds: 2,
        VisibilityTimeout: 5,
        MessageAttributeNames: ["All"],
      }),
    );
    const ours = Messages.filter(({ Body = "" }) => isOurs(Body));
    await Promise.all(ours.map(({ ReceiptHandle }) => sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }))));
    return ours;
  }
}
