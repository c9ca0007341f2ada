import type { Report } from "./report.ts";

/** Reports about requests, queues, and jobs during failures. */
export const SERVICES: readonly Report[] = [
  {
    url: "https://github.com/PostgREST/postgrest/issues/274",
    reported: "A browser's Accept header causes an error.",
    behaviour: "Wildcards and parameters in it are supported.",
    verdict: "right",
    trial: {
      url: "/rates?date_from=2021-01-01&date_to=2021-01-01&orig_code=AAAAA&dest_code=BBBBB",
      headers: { accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" },
      status: 200,
      body: /"rates"/,
    },
  },
  {
    url: "https://github.com/modelcontextprotocol/registry/issues/862",
    reported: "A NUL byte in a query parameter returns a 500 with the database's error.",
    behaviour: "It returns a 400 that names the parameter.",
    verdict: "right",
    trial: {
      url: "/rates?date_from=2021-01-01&date_to=2021-01-01&orig_code=%00&dest_code=BBBBB",
      status: 400,
      body: /orig_code/,
    },
  },
  {
    url: "https://github.com/philgyford/pepysdiary/issues/603",
    reported: "A search for a NUL byte returns a 500.",
    behaviour: "No job contains one, so no jobs are found.",
    verdict: "right",
    trial: { url: "/jobs?text=%00", status: 200, body: /"jobs":\[\]/ },
  },
  {
    url: "https://github.com/bufbuild/protobuf-es/pull/1446",
    reported: "If a field is repeated in JSON, the last value wins silently.",
    behaviour: "A request with a repeated field is refused, and the message names the field.",
    verdict: "right",
    trial: {
      submit: '{"requestId":"twice","task":{"type":"read","sql":"select 1"},"task":{"type":"read","sql":"select 2"}}',
      status: 400,
      body: /"task".*more than once/,
    },
  },
  {
    url: "https://github.com/AdaCore/gnatcoll-core/issues/3",
    reported: "Two JSON parsers use different values of a repeated name, which bypasses a check.",
    behaviour: "A repeated name is refused at any depth, even if one of the two is escaped.",
    verdict: "right",
    trial: {
      submit: '{"requestId":"twice","labels":{"a":"1","\\u0061":"2"},"task":{"type":"read","sql":"select 1"}}',
      status: 400,
      body: /labels[.]a.*more than once/,
    },
  },
  {
    url: "https://github.com/prantlf/jsonlint/issues/23",
    reported: "The name 'constructor' is treated as repeated, because every object has it.",
    behaviour: "Names are compared only with other names in the text.",
    verdict: "right",
    trial: {
      submit:
        '{"requestId":"named","labels":{"constructor":"x","toString":"y"},"task":{"type":"read","sql":"select 1"}}',
      status: 202,
      body: /"named"/,
    },
  },
  {
    url: "https://github.com/elastic/beats/pull/21727",
    reported: "A message that is not JSON is received repeatedly.",
    behaviour: "It goes to the dead-letter queue with the reason, once.",
    verdict: "right",
    trial: { message: "test event, not JSON", deadLetter: /is not a request: .*JSON/ },
  },
  {
    url: "https://github.com/boto/boto3/issues/1953",
    reported: "SQS refuses a message with control characters, and the sender notices late.",
    behaviour: "JSON escapes them, and such a request is accepted like any other.",
    verdict: "right",
    trial: {
      submit: '{"requestId":"control","labels":{"k":"a\\u0001b"},"task":{"type":"read","sql":"select 1"}}',
      status: 202,
      body: /"control"/,
    },
  },
  {
    url: "https://github.com/graphile/worker/issues/449",
    reported: "After a failover a worker meets a read-only server, and its job is stuck.",
    behaviour:
      "An update that the server refuses as read-only is DatabaseUnavailable and retried. Before the fix, it was NotReadOnly, an error of the caller.",
    verdict: "fixed",
    trial: {
      error: Object.assign(new Error("cannot execute INSERT in a read-only transaction"), { code: "25006" }),
      task: "update",
      type: "DatabaseUnavailable",
      message: /cannot execute INSERT/,
    },
  },
  {
    url: "https://github.com/timgit/pg-boss/issues/549",
    reported: "A connection that times out on all addresses of a host has an error without a message.",
    behaviour: "The reason lists the failure of each address. Before the fix, it was empty.",
    verdict: "fixed",
    trial: {
      error: Object.assign(
        new AggregateError([new Error("connect ETIMEDOUT 10.0.0.1:5432"), new Error("connect ENETUNREACH ::1:5432")]),
        { code: "ETIMEDOUT" },
      ),
      type: "DatabaseUnavailable",
      message: /connect ETIMEDOUT 10[.]0[.]0[.]1:5432; connect ENETUNREACH/,
    },
  },
  {
    url: "https://github.com/graphile/worker/issues/178",
    reported: "A lost connection (read ETIMEDOUT) ends the whole process with an uncaught exception.",
    behaviour: "It is an error of the current job, which is retried.",
    verdict: "right",
    trial: {
      error: Object.assign(new Error("read ETIMEDOUT"), { code: "ETIMEDOUT" }),
      type: "DatabaseUnavailable",
      message: /read ETIMEDOUT/,
    },
  },
  {
    url: "https://github.com/cybertec-postgresql/pg_timetable/issues/364",
    reported: "A job whose database fails over stays in the state running.",
    behaviour:
      "The run reconnects, records the attempt as DatabaseUnavailable, and the next attempt executes the job. Before the fix, it was reported as a lost runner.",
    verdict: "fixed",
    trial: { test: "runtime/runner/failover.test.ts" },
  },
  {
    url: "https://github.com/timgit/pg-boss/issues/436",
    reported: "A job whose process crashed stays active until its timeout.",
    behaviour: "Its heartbeats end, and after the lease it is retried or FAILED as RunnerLost.",
    verdict: "right",
    trial: { test: "runtime/runner/faults.test.ts" },
  },
  {
    url: "https://github.com/graphile/worker/issues/307",
    reported: "After 'terminating connection due to administrator command' the pool keeps workers that do nothing.",
    behaviour: "The attempt is Interrupted and retried; the run opens a new session.",
    verdict: "right",
    trial: { test: "runtime/runner/interruptions.test.ts" },
  },
];
