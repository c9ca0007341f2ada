import { parseArgs } from "node:util";
import { pino } from "pino";
import { RUNNERS, type RunnerType } from "../contract/states.ts";
import { lazyS3, sqsClient } from "../platform/aws.ts";
import { connect } from "../platform/postgres.ts";
import { readSettings, requireCloud } from "../platform/settings.ts";
import { type RunIdentity, run } from "./run.ts";
import { Sessions } from "./sessions.ts";

const USAGE = "usage: node --expose-gc runtime/runner/main.ts (--run ID | --launch ID --instance ID) --runner glue|ec2";

/**
 * A run of the TypeScript runner: `node --expose-gc runtime/runner/main.ts --run ID --runner glue|ec2`. An EC2 instance
 * gets `--launch ID --instance ID` instead, and receives its run from the database. All other settings come from the
 * environment (platform/postgres.ts, platform/settings.ts). SIGTERM drains: the run finishes its current job and claims
 * no other.
 */
const text = { type: "string" } as const;
const { values } = parseArgs({ options: { run: text, launch: text, instance: text, runner: text } });
const runnerType = RUNNERS.find((type) => type === values.runner);
const identity = identityOf(values);
if (!identity || !runnerType) throw new Error(USAGE);
process.exitCode = await main(identity, runnerType);

function identityOf({ run: id, launch, instance }: typeof values): RunIdentity | undefined {
  if (id !== undefined) return { run: id };
  return launch !== undefined && instance !== undefined ? { launch, instance } : undefined;
}

async function main(identity: RunIdentity, runnerType: RunnerType): Promise<number> {
  const log = pino({ base: { ...identity, runner: runnerType } });
  const draining = new AbortController();
  process.on("SIGTERM", () => draining.abort());
  process.on("SIGINT", () => draining.abort());
  // The parent process has exited, and can no longer end this process.
  process.on("disconnect", () => process.exit(1));

  const settings = readSettings();
  const { queues, buckets } = requireCloud(settings);
  const sessions = new Sessions();
  const sqs = sqsClient();
  const s3 = lazyS3(settings);
  // Most jobs of this runner type load a file from S3, so the client is loaded while the run connects to the database.
  if (runnerType === "ec2") s3().catch(() => undefined);
  const client = await connect("job_keeper");
  try {
    const deps = {
      sessions,
      settings,
      s3,
      resultsBucket: buckets.results,
      log,
    };
    const jobs = await run({
      runnerType,
      identity,
      client,
      deps,
      sqs,
      queues,
      logLocation: process.env.LOG_LOCATION,
      draining: draining.signal,
    });
    log.info({ jobs }, "ended");
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
