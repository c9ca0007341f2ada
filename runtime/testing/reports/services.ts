import type { Report } from "./report.ts";

/** Reports about requests, queues and what becomes of jobs when something fails. */
export const SERVICES: readonly Report[] = [
  {
    url: "https://github.com/PostgREST/postgrest/issues/274",
    reported: "A browser's Accept header is answered with an error.",
    here: "A wildcard or a parameter in it is understood.",
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
    reported: "A NUL byte in a query parameter is a 500 with the database's error.",
    here: "It is a 400 that names the parameter.",
    verdict: "right",
    trial: {
      url: "/rates?date_from=2021-01-01&date_to=2021-01-01&orig_code=%00&dest_code=BBBBB",
      status: 400,
      body: /orig_code/,
    },
  },
  {
    url: "https://github.com/philgyford/pepysdiary/issues/603",
    reported: "A search for a NUL byte is a 500.",
    here: "No text of a job has one: no jobs are found.",
    verdict: "right",
    trial: { url: "/jobs?text=%00", status: 200, body: /"jobs":\[\]/ },
  },
  {
    url: "https://github.com/bufbuild/protobuf-es/pull/1446",
    reported: "If a field is repeated in JSON, the last value wins silently.",
    here: "A request with a repeated field is refused with the field.",
    verdict: "right",
    trial: {
      submit: '{"requestId":"twice","task":{"type":"read","sql":"select 1"},"task":{"type":"read","sql":"select 2"}}',
      status: 400,
      body: /"task".*more than once/,
    },
  },
  {
    url: "https://github.com/AdaCore/gnatcoll-core/issues/3",
    reported: "Two JSON parsers take different values of one repeated name: a way around a check.",
    here: "A repeated name is refused at any depth, also if one of the two is escaped.",
    verdict: "right",
    trial: {
      submit: '{"requestId":"twice","labels":{"a":"1","\\u0061":"2"},"task":{"type":"read","sql":"select 1"}}',
      status: 400,
      body: /labels[.]a.*more than once/,
    },
  },
  {
    url: "https://github.com/prantlf/jsonlint/issues/23",
    reported: "The name 'constructor' is taken for a repeated one, because every object has it.",
    here: "Names are compared with those of the text only.",
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
    reported: "A message that is not JSON is received again and again.",
    here: "It goes to the dead-letter queue with the reason, once.",
    verdict: "right",
    trial: { message: "test event, not JSON", deadLetter: /is not a request: .*JSON/ },
  },
  {
    url: "https://github.com/boto/boto3/issues/1953",
    reported: "A message with control characters is refused by SQS; the sender learns it late.",
    here: "JSON has escapes for them, and such a request is answered as any other.",
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
    here: "An update that the server refuses as read-only is DatabaseUnavailable and retried. It was NotReadOnly before, the caller's fault.",
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
    here: "The reason lists what failed for each address. It was empty before.",
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
    here: "It is an error of the job in hand, which is retried.",
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
    here: "The run reconnects, records the attempt as DatabaseUnavailable, and the next attempt does the job. It was reported as a lost runner before.",
    verdict: "fixed",
    trial: { test: "runtime/runner/failover.test.ts" },
  },
  {
    url: "https://github.com/timgit/pg-boss/issues/436",
    reported: "A job whose process crashed stays active until its timeout.",
    here: "Its heartbeats end, and after the lease it is retried or FAILED as RunnerLost.",
    verdict: "right",
    trial: { test: "runtime/runner/faults.test.ts" },
  },
  {
    url: "https://github.com/graphile/worker/issues/307",
    reported:
      "After 'terminating connection due to administrator command' the pool goes on with workers that do nothing.",
    here: "The attempt is Interrupted and retried; the run takes a new session.",
    verdict: "right",
    trial: { test: "runtime/runner/interruptions.test.ts" },
  },
];
