import { join } from "node:path";
import { pathToFileURL } from "node:url";

/**
 * `node invokeLambda.ts DIRECTORY FUNCTION EVENT…` simulates a function's container. Like Lambda's runtime, it loads the
 * handler from the unpacked archive. It calls the handler with each event, and sends the results to the parent process.
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
  const results: unknown[] = [];
  for (const event of events) results.push((await handler(JSON.parse(event), invocation)) ?? null);
  process.send?.({ results });
} catch (error) {
  process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
}
process.disconnect();
// Lambda freezes a container with its connections open. This process must close them to end.
process.exit();
