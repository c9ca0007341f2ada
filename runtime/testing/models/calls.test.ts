import assert from "node:assert/strict";
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { requirePython } from "../python/python.ts";
import { CallRecorder, checkCalls, type RecordedCall } from "./calls.ts";

const launch = (change: object = {}): RecordedCall => ({
  operation: "ec2.RunInstances",
  input: { MinCount: 1, MaxCount: 1, LaunchTemplate: { LaunchTemplateId: "lt-0123456789abcdef0" }, ...change },
});
const run = (change: object = {}): RecordedCall => ({
  operation: "glue.StartJobRun",
  input: { JobName: "job", ...change },
});
const send = (change: object = {}): RecordedCall => ({
  operation: "sqs.SendMessageBatch",
  input: { QueueUrl: "https://queue", Entries: [{ Id: "1", MessageBody: "body" }], ...change },
});

describe("calls to AWS, checked with botocore's models", () => {
  let python: string;
  before(function () {
    python = requirePython(this, "models");
  });

  it("pass if they satisfy every constraint", () =>
    assert.deepEqual(checkCalls(python, [launch(), run(), send()]), []));

  for (const [defect, call, expected] of [
    ["a required member is missing", send({ QueueUrl: undefined }), "sqs.SendMessageBatch : required: has no QueueUrl"],
    [
      "a member is unknown",
      run({ Capacity: 1 }),
      "glue.StartJobRun Capacity: unknown: is not a member of StartJobRunRequest",
    ],
    [
      "a text is too long",
      run({ JobName: "j".repeat(256) }),
      "glue.StartJobRun JobName: length: 256 characters is more than 255",
    ],
    ["a number is out of its range", run({ Timeout: 0 }), "glue.StartJobRun Timeout: range: 0 is less than 1"],
    [
      "a value has another type",
      launch({ MaxCount: "1" }),
      "ec2.RunInstances MaxCount: type: must be integer, not '1'",
    ],
    [
      "a value is not in its enumeration",
      run({ WorkerType: "G.3X" }),
      "glue.StartJobRun WorkerType: enum: 'G.3X' is not one of",
    ],
    [
      "a text does not match its pattern",
      run({ SecurityConfiguration: "a\nb" }),
      "glue.StartJobRun SecurityConfiguration: pattern: ",
    ],
    [
      "a list is empty",
      { operation: "glue.BatchStopJobRun", input: { JobName: "job", JobRunIds: [] } },
      "glue.BatchStopJobRun JobRunIds: length: 0 items is less than 1",
    ],
  ] as const)
    it(`fail if ${defect}`, () => {
      const [problem = "", ...others] = checkCalls(python, [call, launch(), run(), send()]);
      assert.equal(problem.slice(0, expected.length), expected);
      assert.deepEqual(others, []);
    });

  it("are recorded with the input that the program gives", async () => {
    const recorder = new CallRecorder();
    const client = new SQSClient({
      endpoint: "http://127.0.0.1:1",
      region: "eu-west-1",
      credentials: { accessKeyId: "a", secretAccessKey: "b" },
      maxAttempts: 1,
    });
    recorder.watch(client);
    await assert.rejects(client.send(new SendMessageCommand({ QueueUrl: "http://127.0.0.1:1/1/q", MessageBody: "x" })));
    assert.deepEqual(recorder.calls, [
      { operation: "sqs.SendMessage", input: { QueueUrl: "http://127.0.0.1:1/1/q", MessageBody: "x" } },
    ]);
    assert.deepEqual([...recorder.operations], ["SendMessage"]);
  });
});
