import { parseArgs } from "node:util";
import { pino } from "pino";
import { RUNNERS, type RunnerType } from "../contract/states.ts";
import { lazyS3, sqsClient } from "../platform/aws.ts";
import { connect } from "../platform/postgres.ts";
import { readSettings, requireCloud } from "../platform/settings.ts";
import { run } from "./run.ts";
import { Sessions } from "./sessions.ts";

/**
 * A run of the TypeScript runner: `node --expose-gc runtime/runner/main.ts --run ID --runner glue|ec2`. What it needs beside these
 * comes from the environment (database.ts, settings.ts). SIGTERM drains: the job in hand is finished, no other taken.
 */
const { values } = parseArgs({ options: { run: { type: "string" }, runner: { type: "string" } } });
const runnerType = RUNNERS.find((one) => one === values.runner);
if (!values.run || !runnerType)
  throw new Error("usage: node --expose-gc runtime/runner/main.ts --run ID --runner glue|ec2");
process.exitCode = await main(values.run, runnerType);

async function main(id: string, runnerType: RunnerType): Promise<number> {
  const log = pino({ base: { run: id, runner: runnerType } });
  const draining = new AbortController();
  process.on("SIGTERM", () => draining.abort());
  process.on("SIGINT", () => draining.abort());
  // Started by a parent that vanished: nobody would end this process any more.
  process.on("disconnect", () => process.exit(1));

  const settings = readSettings();
  const { queues, buckets } = requireCloud(settings);
  const sessions = new Sessions();
  const sqs = sqsClient();
  const client = await connect("job_keeper");
  try {
    const deps = {
      run: id,
      db: client,
      sessions,
      settings,
      s3: lazyS3(settings),
      resultsBucket: buckets.results,
      log,
    };
    const done = await run({
      runnerType,
      client,
      deps,
      sqs,
      queues,
      logLocation: process.env.LOG_LOCATION,
      draining: draining.signal,
    });
    log.info({ jobs: done }, "ended");
    return 0;
  } catch (error) {
    log.error({ error: error instanceof Error ? error.stack : String(error) }, "failed");
    return 1;
  } finally {
    await sessions.close();
    await client.end().catch(() => undefined);
    sqs.destroy();
    if (process.connected) process.disconnect();
  }
}
