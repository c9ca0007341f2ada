import type { Authorization, Context } from "../evaluate.ts";
import { databaseUsersBut, otherDomain, searchReads, searchWrites } from "./api.ts";
import { actionsOn, type Component, on, throughService } from "./component.ts";
import type { StackNames } from "./stackNames.ts";

/**
 * Returns the authorizations for network interfaces of a function or a run. AWS's managed policies grant them for any
 * network (AWSLambdaVPCAccessExecutionRole).
 *
 * @param furtherActions - Actions on the interface, in addition to its deletion.
 */
export const networkInterfaces = ({ arnOf }: StackNames, ...furtherActions: readonly string[]): Authorization[] =>
  [
    ...on(
      "ec2:CreateNetworkInterface",
      ...["network-interface/eni-1", "subnet/subnet-1", "security-group/sg-1"].map((path) => arnOf("ec2", path)),
    ),
    ...on("ec2:DescribeNetworkInterfaces", "*"),
    ...on("ec2:DescribeSubnets", "*"),
    ...actionsOn(arnOf("ec2", "network-interface/eni-1"), "ec2:DeleteNetworkInterface", ...furtherActions),
  ].map((authorization) => ({ ...authorization, isUnrestricted: true }));

export const functionInterfaces = (names: StackNames): Authorization[] =>
  networkInterfaces(names, "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses");

/** Returns the authorizations of RunInstances with the launch template (Amazon EC2 User Guide, launch templates). */
export function runsInstances(names: StackNames): Authorization[] {
  const { arnOf, launchTemplate, vpc } = names;
  const ec2 = (path: string) => arnOf("ec2", path);
  const withTemplate = { "ec2:LaunchTemplate": launchTemplate };
  const fromTemplate = { ...withTemplate, "ec2:IsLaunchTemplateResource": "true" };
  const run = (resource: string, context: Context): Authorization => ({
    action: "ec2:RunInstances",
    resource,
    context,
  });
  const tags = {
    "aws:RequestTag/rates:stack": names.fullName("ec2"),
    "aws:TagKeys": ["rates:stack", "rates:launch", "rates:runner"],
  };
  const tag = (path: string): Authorization => ({
    action: "ec2:CreateTags",
    resource: ec2(path),
    context: { "ec2:CreateAction": "RunInstances", ...tags },
  });
  return [
    run(launchTemplate, fromTemplate),
    run(names.instanceGroup, { ...fromTemplate, "ec2:Vpc": vpc }),
    run(imageOf(names), fromTemplate),
    run(ec2("subnet/subnet-1"), { ...withTemplate, "ec2:IsLaunchTemplateResource": "false", "ec2:Vpc": vpc }),
    run(ec2("network-interface/eni-1"), { ...withTemplate, "ec2:Vpc": vpc }),
    run(ec2("volume/vol-1"), { ...withTemplate, "ec2:Encrypted": "true" }),
    run(ec2("instance/i-1"), {
      ...withTemplate,
      ...tags,
      "ec2:InstanceType": names.instanceType,
      "ec2:InstanceProfile": names.instanceProfile,
      "ec2:MetadataHttpTokens": "required",
    }),
    // The resource of a Spot request, which has no condition key for the template.
    run(ec2("spot-instances-request/sir-1"), {}),
    ...["instance/i-1", "volume/vol-1", "network-interface/eni-1"].map(tag),
    passRole(names.roleArn("ec2"), "ec2.amazonaws.com"),
  ];
}

const imageOf = ({ region }: StackNames) => `arn:aws:ec2:${region}::image/ami-0123456789abcdef0`;

const passRole = (resource: string, service: string): Authorization => ({
  action: "iam:PassRole",
  resource,
  context: { "iam:PassedToService": service },
});

const readsHeaders = (secret: string) => ({
  "secrets-manager GetSecretValue": on("secretsmanager:GetSecretValue", secret),
});

/** Returns the dispatcher's function, which also drains the stack. */
export function dispatcher(names: StackNames): Component {
  const { queues, uploads, databaseUser, domain, headersSecret, arnOf, launchTemplate, vpc } = names;
  const otherHeaders = arnOf("secretsmanager", "secret:rates/other-abcdef");
  const ec2 = (path: string) => arnOf("ec2", path);
  const withTemplate = { "ec2:LaunchTemplate": launchTemplate };
  const otherTemplate = { "ec2:LaunchTemplate": ec2("launch-template/lt-0fedcba9876543210") };
  const otherVpc = { ...withTemplate, "ec2:Vpc": ec2("vpc/vpc-0fedcba9876543210") };
  const ownTag = { "aws:ResourceTag/rates:stack": names.fullName("ec2") };
  const runInstances = (path: string, context: Context): Authorization => ({
    action: "ec2:RunInstances",
    resource: path.startsWith("arn:") ? path : ec2(path),
    context,
  });
  const users = ["dispatcher", "job_reader_plan", "canceller"];
  return {
    role: "dispatcher",
    service: "lambda.amazonaws.com",
    source: { typescript: "runtime/dispatcher/lambda.ts" },
    calls: {
      "rds-db connect": on("rds-db:connect", ...users.map(databaseUser)),
      "s3 HeadObject": [...on("s3:GetObject", `${uploads}/a/b`), ...on("s3:ListBucket", uploads)],
      "sqs SendMessage": on("sqs:SendMessage", queues.dead),
      "sqs SendMessageBatch": on("sqs:SendMessage", ...queues.responses),
      "sqs ChangeMessageVisibility": on("sqs:ChangeMessageVisibility", queues.requests),
      "glue StartJobRun": on("glue:StartJobRun", names.glueJob),
      "glue GetJobRun": on("glue:GetJobRun", names.glueJob),
      "glue GetJobRuns": on("glue:GetJobRuns", names.glueJob),
      "glue BatchStopJobRun": on("glue:BatchStopJobRun", names.glueJob),
      "ec2 RunInstances": runsInstances(names),
      "ec2 DescribeInstances": on("ec2:DescribeInstances", "*"),
      "ec2 TerminateInstances": [{ action: "ec2:TerminateInstances", resource: ec2("instance/i-1"), context: ownTag }],
      ...(headersSecret === undefined ? {} : readsHeaders(headersSecret)),
      ...(domain === undefined ? {} : searchWrites(domain)),
    },
    services: {
      // AWS Lambda Developer Guide, configuring the execution role of an SQS event source.
      "Lambda polls the queues": [queues.requests, queues.wakeups].flatMap((queue) =>
        actionsOn(queue, "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
      ),
      "Lambda connects the function to the network": functionInterfaces(names),
      "Lambda writes the function's log": names.writesLogs("dispatcher"),
      // The principal that launches instances needs these (Amazon EBS User Guide, permissions for EBS encryption).
      "EC2 encrypts the disks of instances": throughService(
        "ec2",
        names,
        ...["CreateGrant", "Decrypt", "DescribeKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo"],
      ),
    },
    uncalled: {
      ...(headersSecret === undefined ? readsHeaders(otherHeaders) : {}),
      ...(domain === undefined
        ? { ...searchReads(otherDomain(names)), ...searchWrites(otherDomain(names)) }
        : // Only the API searches.
          searchReads(domain)),
    },
    denied: {
      ...databaseUsersBut(names, users),
      "launches without the template": runInstances("instance/i-1", {}),
      "launches another template": runInstances("instance/i-1", otherTemplate),
      "names another template": runInstances("launch-template/lt-0fedcba9876543210", otherTemplate),
      "joins another security group": runInstances("security-group/sg-0fedcba9876543210", {
        ...withTemplate,
        "ec2:Vpc": vpc,
      }),
      "launches an image of its choice": runInstances(imageOf(names), {
        ...withTemplate,
        "ec2:IsLaunchTemplateResource": "false",
      }),
      "launches an image with another template": runInstances(imageOf(names), {
        ...otherTemplate,
        "ec2:IsLaunchTemplateResource": "true",
      }),
      "launches in another network": runInstances("subnet/subnet-2", otherVpc),
      "launches in this network with another template": runInstances("subnet/subnet-1", {
        ...otherTemplate,
        "ec2:Vpc": vpc,
      }),
      "launches with a key pair": runInstances("key-pair/mine", withTemplate),
      "launches in a placement group": runInstances("placement-group/one", withTemplate),
      "tags an existing instance": { action: "ec2:CreateTags", resource: ec2("instance/i-2") },
      "tags a template": {
        action: "ec2:CreateTags",
        resource: launchTemplate,
        context: { "ec2:CreateAction": "RunInstances" },
      },
      "terminates another stack's instance": {
        action: "ec2:TerminateInstances",
        resource: ec2("instance/i-2"),
        context: { "aws:ResourceTag/rates:stack": "rates-other-ec2" },
      },
      "terminates an instance without a tag": { action: "ec2:TerminateInstances", resource: ec2("instance/i-3") },
      "stops an instance": { action: "ec2:StopInstances", resource: ec2("instance/i-1"), context: ownTag },
      "gives instances another role": passRole(names.roleArn("dispatcher"), "ec2.amazonaws.com"),
      "gives functions the instances' role": passRole(names.roleArn("ec2"), "lambda.amazonaws.com"),
      "changes the job": { action: "glue:UpdateJob", resource: names.glueJob },
      "starts another job": { action: "glue:StartJobRun", resource: arnOf("glue", "job/other") },
      "sends requests": { action: "sqs:SendMessage", resource: queues.requests },
      "receives responses": { action: "sqs:ReceiveMessage", resource: queues.acme },
      "receives dead letters": { action: "sqs:ReceiveMessage", resource: queues.dead },
      "changes the visibility of wake-ups": { action: "sqs:ChangeMessageVisibility", resource: queues.wakeups },
      "reads results": { action: "s3:GetObject", resource: `${names.results}/x` },
      "lists results": { action: "s3:ListBucket", resource: names.results },
      "writes uploads": { action: "s3:PutObject", resource: `${uploads}/x` },
      "reads another secret": { action: "secretsmanager:GetSecretValue", resource: otherHeaders },
      "reads the master's password": { action: "secretsmanager:GetSecretValue", resource: names.masterSecret },
    },
  };
}
