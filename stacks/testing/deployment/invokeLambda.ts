import { join } from "node:path";
import { pathToFileURL } from "node:url";

/**
 * `node invokeLambda.ts DIRECTORY FUNCTION EVENT…`: stands for a function's container. Loads the handler from the
 * unpacked archive, as Lambda's runtime does, calls it with each event, and sends its results to the parent.
 */
const [directory = "", functionName = "", ...events] = process.argv.slice(2);
const invocation = {
  functionName,
  functionVersion: "1",
  invokedFunctionArn: `arn:aws:lambda:eu-central-1:111111111111:function:${functionName}:live`,
  memoryLimitInMB: "512",
  awsRequestId: "00000000-0000-0000-0000-000000000000",
};
try {
  const { handler } = await import(pathToFileURL(join(directory, "index.mjs")).href);
  const answers: unknown[] = [];
  for (const event of events) answers.push((await handler(JSON.parse(event), invocation)) ?? null);
  process.send?.({ answers });
} catch (error) {
  process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
}
process.disconnect();
// Lambda freezes a container with its connections open; this process must close them.
process.exit();
