import { actionsOn, type Component, on } from "./component.ts";
import type { StackNames } from "./stackNames.ts";

/** Returns the smoke task, which runs in the stack's network. */
export function smokeTask(names: StackNames): Component {
  const { arnOf, queues } = names;
  const tagged = (value: string) => ({ "aws:ResourceTag/rates:stack": value });
  return {
    role: "smoke",
    service: "ecs-tasks.amazonaws.com",
    source: { typescript: "runtime/smoke/task.ts" },
    calls: {
      "sqs SendMessage": on("sqs:SendMessage", queues.requests),
      "sqs GetQueueAttributes": on("sqs:GetQueueAttributes", queues.requests),
      "sqs ReceiveMessage": on("sqs:ReceiveMessage", names.queue("responses"), queues.dead),
      "sqs DeleteMessage": on("sqs:DeleteMessage", names.queue("responses"), queues.dead),
      "glue GetJob": on("glue:GetJob", names.glueJob),
      "glue GetJobRuns": on("glue:GetJobRuns", names.glueJob),
      "glue BatchStopJobRun": on("glue:BatchStopJobRun", names.glueJob),
      "glue GetConnection": on("glue:GetConnection", ...names.glueConnections, arnOf("glue", "catalog")),
      "ec2 DescribeInstances": on("ec2:DescribeInstances", "*"),
      "ec2 DescribeLaunchTemplateVersions": on("ec2:DescribeLaunchTemplateVersions", "*"),
      "ec2 TerminateInstances": [
        {
          action: "ec2:TerminateInstances",
          resource: arnOf("ec2", "instance/i-1"),
          context: tagged(names.fullName("ec2")),
        },
      ],
    },
    services: {},
    uncalled: {
      // The TLS check is skipped in the task.
      "s3 HeadBucket": on("s3:ListBucket", names.results),
      // The smoke task stops Glue runs with the dispatcher's launcher, which can also start and describe them.
      "glue StartJobRun": on("glue:StartJobRun", names.glueJob),
      "glue GetJobRun": on("glue:GetJobRun", names.glueJob),
    },
    denied: {
      "terminates another stack's instance": {
        action: "ec2:TerminateInstances",
        resource: arnOf("ec2", "instance/i-2"),
        context: tagged("rates-another-ec2"),
      },
      "terminates an instance without a tag": {
        action: "ec2:TerminateInstances",
        resource: arnOf("ec2", "instance/i-3"),
      },
      "receives requests": { action: "sqs:ReceiveMessage", resource: queues.requests },
      "deletes requests": { action: "sqs:DeleteMessage", resource: queues.requests },
      "sends responses": { action: "sqs:SendMessage", resource: names.queue("responses") },
      "counts responses": { action: "sqs:GetQueueAttributes", resource: names.queue("responses") },
      "reads a tenant's responses": { action: "sqs:ReceiveMessage", resource: queues.acme },
      "writes dead letters": { action: "sqs:SendMessage", resource: queues.dead },
      "counts dead letters": { action: "sqs:GetQueueAttributes", resource: queues.dead },
      "reads results": { action: "s3:GetObject", resource: `${names.results}/x` },
      "logs in to the database": { action: "rds-db:connect", resource: names.databaseUser("api_reader") },
      "creates tokens": {
        action: "lambda:InvokeFunction",
        resource: arnOf("lambda", "function:rates-dev-migrations-1"),
      },
      ...Object.fromEntries(
        actionsOn(arnOf("glue", "job/other"), "glue:GetJob", "glue:GetJobRuns", "glue:BatchStopJobRun").map(
          (authorization) => [`${authorization.action} of another job`, authorization],
        ),
      ),
      "reads another connection": { action: "glue:GetConnection", resource: arnOf("glue", "connection/other") },
    },
  };
}
