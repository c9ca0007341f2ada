import Type from "typebox";
import { RUNNERS } from "../contract/states.ts";
import { BOTTLENECKS, LEVELS } from "../monitoring/bottleneck.ts";
import { SCOPES } from "../store/tokens.ts";

/** Response schemas of GET /stats and GET /stats/figures. */

const Count = Type.Integer({ minimum: 0 });
const NumberOrNull = Type.Union([Type.Number(), Type.Null()]);
const Percentiles = Type.Object({ p50: NumberOrNull, p95: NumberOrNull, p99: NumberOrNull });
const StepPercentiles = Type.Object({ p50: NumberOrNull, p95: NumberOrNull });
const Ended = Type.Object({ succeeded: Count, failed: Count, cancelled: Count });

/** Severity and name of the bottleneck, a sentence about it, and the configuration key to raise. */
const Bottleneck = Type.Object({
  level: Type.Enum([...LEVELS]),
  name: Type.Enum([...BOTTLENECKS]),
  sentence: Type.String(),
  raise: Type.Optional(Type.String()),
});

/** Creates an object schema with one property per runner type. */
const perRunnerType = <T extends Type.TSchema>(schema: T) =>
  Type.Object(Object.fromEntries(RUNNERS.map((type) => [type, schema])));

export const Stats = Type.Object({
  total: Count,
  byStatus: Type.Record(Type.String(), Count),
  byErrorType: Type.Record(Type.String(), Count),
  percentiles: Type.Object({ queueMs: Percentiles, executionMs: Percentiles, totalMs: Percentiles }),
  // Admins only: these count the jobs of all tenants.
  capacity: Type.Optional(perRunnerType(Type.Object({ running: Count, working: Count, slots: Count }))),
  bottleneck: Type.Optional(Bottleneck),
});

const Step = Type.Object({
  at: Type.String(),
  accepted: Count,
  succeeded: Count,
  failed: Count,
  cancelled: Count,
  queueMs: StepPercentiles,
  runMs: StepPercentiles,
});

const Activity = Type.Object({
  from: Type.String(),
  to: Type.String(),
  stepSeconds: Type.Number(),
  steps: Type.Array(Step),
  ended: Ended,
  percentiles: Type.Object({ queueMs: Percentiles, runMs: Percentiles, totalMs: Percentiles }),
  errors: Type.Array(Type.Object({ type: Type.String(), category: Type.String(), count: Count, last: Type.String() })),
  slowest: Type.Array(
    Type.Object({ what: Type.String(), count: Count, p50: NumberOrNull, p95: NumberOrNull, max: NumberOrNull }),
  ),
  results: Type.Object({ byPointer: Count, nearlyInline: Count }),
});

/** State of the platform. Admins only, since it counts the jobs of all tenants. */
const Platform = {
  bottleneck: Bottleneck,
  // Metrics by name (runtime/monitoring/metrics.ts), and the numbers of busy runs and slots. While launches are paused,
  // `paused` is the time at which they resume, or "closed" until an operator reopens them.
  runners: perRunnerType(Type.Record(Type.String(), Type.Union([Type.Number(), Type.String(), Type.Null()]))),
  platform: Type.Record(Type.String(), NumberOrNull),
  database: Type.Object({ connections: Count, maxConnections: Count }),
  queues: Type.Object({ requests: Type.Optional(Count), deadLetters: Type.Optional(Count) }),
};

export const Figures = Type.Object({
  caller: Type.Object({ tenant: Type.String(), scopes: Type.Array(Type.Enum([...SCOPES])) }),
  activity: Activity,
  ...Type.Partial(Type.Object(Platform)).properties,
});
