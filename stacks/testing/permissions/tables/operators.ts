import type { Authorization, Case } from "../evaluate.ts";
import type { Policy } from "../policy.ts";
import { actionsOn, on, type Source } from "./component.ts";
import type { StackNames } from "./stackNames.ts";

/** An operator's command with its calls, and the managed policies that it needs. */
export interface Command {
  readonly policies: readonly string[];
  readonly source: Source;
  readonly calls: Readonly<Record<string, readonly Authorization[]>>;
  /** Calls in shared code that the command never makes: they must be denied. */
  readonly uncalled: Readonly<Record<string, readonly Authorization[]>>;
  /** Further calls that are not in the source. */
  readonly services: Readonly<Record<string, readonly Authorization[]>>;
  readonly denied: Readonly<Record<string, Authorization>>;
}

/** `aws:userid` of an operator: the unique id of the assumed role, and the session's name. */
const OPERATOR = "AROAOPERATOR000000000:ann";

/** Returns the operators' commands by name. */
export function commands(names: StackNames): Record<string, Command> {
  const { arnOf, queues, stack } = names;
  const cluster = arnOf("ecs", `cluster/rates-${stack}-access-1a2b3c4`);
  const task = arnOf("ecs", `task/rates-${stack}-access-1a2b3c4/0123456789abcdef`);
  const apiTask = arnOf("ecs", `task/rates-${stack}-api-1a2b3c4/0123456789abcdef`);
  const definition = arnOf("ecs", `task-definition/rates-${stack}-access:1`);
  const inCluster = { "ecs:cluster": cluster };
  const smoke = {
    definition: arnOf("ecs", `task-definition/rates-${stack}-smoke:1`),
    inCluster: { "ecs:cluster": arnOf("ecs", `cluster/rates-${stack}-smoke-1a2b3c4`) },
    task: arnOf("ecs", `task/rates-${stack}-smoke-1a2b3c4/0123456789abcdef`),
    log: arnOf("logs", `log-group:rates-${stack}-smoke-1a2b3c4:log-stream:smoke/smoke/0123456789abcdef`),
  };
  const withDocument = { "ssm:SessionDocumentAccessCheck": "true" };
  const document = (name: string) => `arn:aws:ssm:${names.region}::document/${name}`;
  const session = (owner: string) => arnOf("ssm", `session/${owner}-0123456789abcdef`);
  const startedBy = (userId: string) => ({ "ssm:resourceTag/aws:ssmmessages:session-id": userId });
  const passRole = (resource: string, service = "ecs-tasks.amazonaws.com"): Authorization => ({
    action: "iam:PassRole",
    resource,
    context: { "iam:PassedToService": service },
  });
  const tag = (value: string) => ({ "aws:ResourceTag/rates:stack": value });
  const start = (resource: string, context = withDocument): Authorization => ({
    action: "ssm:StartSession",
    resource,
    context,
    isUnlisted: resource.includes("::document/"),
  });
  return {
    "rates connect": {
      policies: ["rates-connect"],
      source: { commandLine: "runtime/cli/lib/accessSession.ts" },
      calls: {
        "ecs RunTask": [
          { action: "ecs:RunTask", resource: definition, context: inCluster },
          passRole(names.roleArn("access")),
          passRole(names.roleArn("access-start")),
        ],
        "ecs DescribeTasks": on("ecs:DescribeTasks", task),
        "ecs StopTask": on("ecs:StopTask", task),
        "ssm StartSession": [start(task), start(document("AWS-StartPortForwardingSessionToRemoteHost"))],
      },
      services: {
        "the plugin ends the session": [
          ...on("ssm:TerminateSession", session(OPERATOR)),
          { action: "ssm:TerminateSession", resource: session("ann"), context: startedBy(OPERATOR) },
        ],
        "--stack reads the stack's outputs": [
          ...on("s3:ListBucket", names.state),
          ...on("s3:GetObject", `${names.state}/.pulumi/stacks/rates-platform/dev.json`),
          ...on("kms:Decrypt", names.stateKey),
        ],
      },
      uncalled: {},
      denied: {
        "runs the API's task": {
          action: "ecs:RunTask",
          resource: arnOf("ecs", `task-definition/rates-${stack}-api:1`),
          context: inCluster,
        },
        "runs the task in another cluster": {
          action: "ecs:RunTask",
          resource: definition,
          context: { "ecs:cluster": arnOf("ecs", `cluster/rates-${stack}-api-1a2b3c4`) },
        },
        "stops the API's task": { action: "ecs:StopTask", resource: apiTask },
        "describes the API's task": { action: "ecs:DescribeTasks", resource: apiTask },
        "opens a session in the API's task": start(apiTask),
        "opens a session on an instance": start(arnOf("ec2", "instance/i-1")),
        "opens a shell": start(document("SSM-SessionManagerRunShell")),
        "opens a session without a document": start(task, { "ssm:SessionDocumentAccessCheck": "false" }),
        "ends another operator's session, by its id": {
          action: "ssm:TerminateSession",
          resource: session("AROAOTHER000000000000:bob"),
        },
        "ends another operator's session, by its tag": {
          action: "ssm:TerminateSession",
          resource: session("bob"),
          context: startedBy("AROAOTHER000000000000:bob"),
        },
        "passes the API's role": passRole(names.roleArn("api")),
        "passes the task's role to a function": passRole(names.roleArn("access"), "lambda.amazonaws.com"),
        "runs a command in the task": { action: "ecs:ExecuteCommand", resource: task },
        "writes the state": { action: "s3:PutObject", resource: `${names.state}/.pulumi/stacks/x.json` },
        "reads results": { action: "s3:GetObject", resource: `${names.results}/x` },
        "lists results": { action: "s3:ListBucket", resource: names.results },
        "decrypts with another key": { action: "kms:Decrypt", resource: names.topicKey },
      },
    },
    "rates doctor": {
      policies: ["rates-connect"],
      source: { typescript: "runtime/cli/main.ts" },
      calls: {
        // STS requires no permission for this call.
        "sts GetCallerIdentity": [],
        "service-quotas GetServiceQuota": on(
          "servicequotas:GetServiceQuota",
          arnOf("servicequotas", "glue/L-F574AED9"),
        ).map((authorization) => ({ ...authorization, isUnrestricted: true })),
        "service-quotas GetAWSDefaultServiceQuota": on("servicequotas:GetAWSDefaultServiceQuota", "*"),
      },
      services: {},
      uncalled: {},
      denied: {
        "requests a larger quota": {
          action: "servicequotas:RequestServiceQuotaIncrease",
          resource: arnOf("servicequotas", "glue/L-F574AED9"),
        },
      },
    },
    "npm run smoke": {
      policies: ["rates-connect", "rates-smoke"],
      source: { typescript: "runtime/smoke/main.ts" },
      calls: {
        "sqs SendMessage": on("sqs:SendMessage", queues.requests),
        "sqs GetQueueAttributes": on("sqs:GetQueueAttributes", queues.requests),
        "sqs ReceiveMessage": on("sqs:ReceiveMessage", ...queues.responses, queues.dead),
        "sqs DeleteMessage": on("sqs:DeleteMessage", ...queues.responses, queues.dead),
        "s3 HeadBucket": on("s3:ListBucket", names.results),
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
            context: tag(names.fullName("ec2")),
            isUnrestricted: true,
          },
        ],
      },
      services: {},
      // The smoke test stops Glue runs with the dispatcher's launcher, which can also start and describe them.
      uncalled: {
        "glue StartJobRun": on("glue:StartJobRun", names.glueJob),
        "glue GetJobRun": on("glue:GetJobRun", names.glueJob),
      },
      denied: {
        "terminates another owner's instance": {
          action: "ec2:TerminateInstances",
          resource: arnOf("ec2", "instance/i-2"),
          context: tag("other"),
        },
        "terminates an instance without a tag": {
          action: "ec2:TerminateInstances",
          resource: arnOf("ec2", "instance/i-3"),
        },
        "terminates an instance with another component's tag": {
          action: "ec2:TerminateInstances",
          resource: arnOf("ec2", "instance/i-4"),
          context: tag("rates-dev-api"),
        },
        "receives requests": { action: "sqs:ReceiveMessage", resource: queues.requests },
        "deletes requests": { action: "sqs:DeleteMessage", resource: queues.requests },
        "sends responses": { action: "sqs:SendMessage", resource: queues.acme },
        "counts dead letters": { action: "sqs:GetQueueAttributes", resource: queues.dead },
        "reads results": { action: "s3:GetObject", resource: `${names.results}/x` },
        "lists uploads": { action: "s3:ListBucket", resource: names.uploads },
        ...Object.fromEntries(
          actionsOn(arnOf("glue", "job/other"), "glue:GetJob", "glue:GetJobRuns", "glue:BatchStopJobRun").map(
            (authorization) => [`${authorization.action} of another job`, authorization],
          ),
        ),
        "reads another connection": { action: "glue:GetConnection", resource: arnOf("glue", "connection/other") },
      },
    },
    "npm run smoke -- --inside": {
      policies: ["rates-connect", "rates-smoke-inside"],
      source: { commandLine: "runtime/smoke/inside.ts" },
      calls: {
        "ecs RunTask": [
          { action: "ecs:RunTask", resource: smoke.definition, context: smoke.inCluster },
          passRole(names.roleArn("smoke")),
          passRole(names.roleArn("smoke-start")),
        ],
        "ecs DescribeTasks": on("ecs:DescribeTasks", smoke.task),
        "ecs StopTask": on("ecs:StopTask", smoke.task),
        "logs GetLogEvents": on("logs:GetLogEvents", smoke.log),
        "lambda Invoke": on("lambda:InvokeFunction", names.migrations),
      },
      services: {},
      uncalled: {},
      denied: {
        "runs the smoke task in another cluster": {
          action: "ecs:RunTask",
          resource: smoke.definition,
          context: inCluster,
        },
        "runs the API's task": {
          action: "ecs:RunTask",
          resource: arnOf("ecs", `task-definition/rates-${stack}-api:1`),
          context: smoke.inCluster,
        },
        "stops the API's task": { action: "ecs:StopTask", resource: apiTask },
        "describes the API's task": { action: "ecs:DescribeTasks", resource: apiTask },
        "opens a session in the smoke task": start(smoke.task),
        "passes the API's role": passRole(names.roleArn("api")),
        "passes the task's role to a function": passRole(names.roleArn("smoke"), "lambda.amazonaws.com"),
        "reads the API's log": {
          action: "logs:GetLogEvents",
          resource: arnOf("logs", `log-group:rates-${stack}-api-1a2b3c4:log-stream:one`),
        },
        "invokes the dispatcher": { action: "lambda:InvokeFunction", resource: names.dispatcherAlias },
        "sends requests": { action: "sqs:SendMessage", resource: queues.requests },
      },
    },
  };
}

/** Returns the requests of a command under its policies, and the same requests on other names, which must be denied. */
export function commandCases(
  title: string,
  command: Command,
  policies: ReadonlyMap<string, Policy>,
  account: string,
): Case[] {
  const identity = command.policies.map((name) => {
    const policy = policies.get(`arn:aws:iam::${account}:policy/${name}`);
    if (policy === undefined) throw new Error(`the account has no policy ${name}`);
    return policy;
  });
  const principal = `arn:aws:sts::${account}:assumed-role/operator/ann`;
  const listed = (groups: Readonly<Record<string, readonly Authorization[]>>, allowed: boolean): Case[] =>
    Object.entries(groups).flatMap(([call, authorizations]) =>
      authorizations.map((authorization) => ({
        ...authorization,
        context: { "aws:userid": OPERATOR, ...authorization.context },
        title: `${title}: ${call}`,
        principal,
        identity,
        allowed,
      })),
    );
  const allowed = [...listed(command.calls, true), ...listed(command.services, true)];
  const onOtherNames = allowed
    .filter(({ resource, isUnrestricted }) => resource.includes("rates-") && !isUnrestricted)
    .map((testCase) => ({
      ...testCase,
      title: `${testCase.title}, on another name`,
      resource: testCase.resource.replace("rates-", "other-"),
      allowed: false,
    }));
  const denied = Object.fromEntries(
    Object.entries(command.denied).map(([attack, authorization]) => [attack, [authorization]]),
  );
  return [...allowed, ...onOtherNames, ...listed(command.uncalled, false), ...listed(denied, false)];
}
