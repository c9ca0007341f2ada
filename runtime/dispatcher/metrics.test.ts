import assert from "node:assert/strict";
import { NAMESPACE, PLATFORM_METRICS, RUNNER_METRICS } from "../monitoring/metrics.ts";
import { accept } from "../store/jobs.ts";
import { jobDatabase, newJob } from "../testing/jobs.ts";
import { emitMetrics } from "./metrics.ts";

/** A line of Embedded Metric Format. */
interface Line {
  _aws: {
    CloudWatchMetrics: { Namespace: string; Dimensions: string[][]; Metrics: { Name: string; Unit: string }[] }[];
  };
  [name: string]: unknown;
}

describe("the dispatcher's metrics", () => {
  const original = { env: process.env, log: console.log };
  const lines: Line[] = [];
  before(() => {
    // Copied here and not on import: the set-up of the test run sets variables too.
    original.env = { ...process.env };
    // Powertools writes to its own console, except in development mode.
    Object.assign(process.env, { POWERTOOLS_DEV: "true", POWERTOOLS_METRICS_DISABLED: "false" });
    console.log = (line: string) => lines.push(JSON.parse(line));
  });
  after(() => {
    console.log = original.log;
    process.env = original.env;
  });

  it("are written in Embedded Metric Format, for the platform and per runner type, if they have a value", async () => {
    const d = await jobDatabase();
    try {
      const dispatcher = await d.as("dispatcher");
      await accept(dispatcher, [newJob("a"), newJob("b")]);
      await emitMetrics(dispatcher, "dispatcher-1234567");
    } finally {
      await d.close();
    }
    const emitted = lines.map(({ _aws, ...values }) => {
      const [metrics] = _aws.CloudWatchMetrics;
      assert.equal(metrics?.Namespace, NAMESPACE);
      assert.equal(values.service, "dispatcher-1234567");
      return { dimensions: metrics?.Dimensions, metrics: metrics?.Metrics, values };
    });
    assert.deepEqual(
      emitted.map(({ dimensions, values }) => [dimensions, values.runner]),
      [
        [[["service"]], undefined],
        [[["service", "runner"]], "glue"],
        [[["service", "runner"]], "ec2"],
      ],
    );
    const [platform, glue] = emitted;
    assert.deepEqual(
      platform?.metrics,
      Object.values(PLATFORM_METRICS).map(({ name, unit }) => ({ Name: name, Unit: unit })),
    );
    assert.equal(glue?.values.Waiting, 2);
    const valued = Object.values(RUNNER_METRICS).filter(({ name }) => !/P95|Peak/.test(name));
    assert.deepEqual(
      glue?.metrics?.map(({ Name }) => Name),
      valued.map(({ name }) => name),
    );
  });
});
