// Sends a batch of prices through the queue and reads its response.
//   eval "$(npx rates env)" && node runtime/clients/batch.ts
import { DeleteMessageCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";

const sqs = new SQSClient();
const { REQUEST_QUEUE_URL, RESPONSE_QUEUE_URL } = process.env;

// The id identifies the batch: sending the batch again after a crash finds the same job, so prices are loaded once.
const requestId = process.argv[2] ?? `prices-${new Date().toISOString().slice(0, 10)}`;
const task = {
  type: "update",
  target: "prices",
  source: {
    inline: [
      { orig_code: "CNSHA", dest_code: "NLRTM", day: "2021-02-01", price: 1500 },
      { orig_code: "CNSHA", dest_code: "NLRTM", day: "2021-02-02", price: 1520 },
    ],
  },
};
await sqs.send(
  new SendMessageCommand({ QueueUrl: REQUEST_QUEUE_URL, MessageBody: JSON.stringify({ requestId, task }) }),
);

const seen = new Set<string>();
for (const deadline = Date.now() + 300_000; Date.now() < deadline; ) {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl: RESPONSE_QUEUE_URL,
      WaitTimeSeconds: 20,
      MaxNumberOfMessages: 10,
      VisibilityTimeout: 5, // a response to another client becomes visible again
      MessageAttributeNames: ["All"],
    }),
  );
  for (const { Body = "", MessageAttributes, ReceiptHandle } of Messages) {
    if (MessageAttributes?.requestId?.StringValue !== requestId) continue;
    const response = JSON.parse(Body);
    // A response may arrive more than once; all copies have the same responseId. Store it, then delete the message.
    if (!seen.has(response.responseId)) reportResponse(response);
    seen.add(response.responseId);
    await sqs.send(new DeleteMessageCommand({ QueueUrl: RESPONSE_QUEUE_URL, ReceiptHandle }));
  }
  if (seen.size > 0) process.exit();
}
console.error(`No response to ${requestId} yet. Run this again; it does not load anything twice.`);
process.exit(5);

function reportResponse({ status, error, stats }: { status: string; error?: Failure; stats: { rows: number } }): void {
  if (status === "SUCCEEDED") {
    console.log(`${requestId}: ${stats.rows} rows loaded.`);
    return;
  }
  console.error(`${requestId}: ${status}, ${error?.type}: ${error?.message}`);
  for (const row of error?.details ?? []) console.error(JSON.stringify(row));
  process.exitCode = 1;
}

interface Failure {
  type: string;
  message: string;
  details?: unknown[];
}
