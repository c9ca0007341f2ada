import type { Need } from "../evaluate.ts";
import type { IamEnvironment } from "../iamEnvironment.ts";

/** Names and ARNs of a deployed stack's resources. */
export function stackNames(environment: IamEnvironment, stack: string, headersSecret?: string) {
  const named = (part: string) => `rates-${stack}-${part}`;
  const arn = (type: string, part: string) => environment.arn(type, named(part));
  const queue = (name: string) => arn("aws:sqs/queue:Queue", `queues-${name}`);
  const bucket = (name: string) => arn("aws:s3/bucket:Bucket", name);
  const [, , , region = "", account = ""] = queue("requests").split(":");
  const arnOf = (service: string, path: string) => `arn:aws:${service}:${region}:${account}:${path}`;
  const database = environment.resource("aws:rds/instance:Instance", named("database")).outputs;
  const template = environment.resource("aws:ec2/launchTemplate:LaunchTemplate", named("ec2"));
  const domain = environment.resources.find(({ type }) => type === "aws:opensearch/domain:Domain");
  return {
    stack,
    account,
    region,
    named,
    arnOf,
    queues: {
      requests: queue("requests"),
      wakeups: queue("wakeups"),
      dead: queue("dead"),
      responses: environment.resources
        .filter(({ type, name }) => type === "aws:sqs/queue:Queue" && name.startsWith(named("queues-responses")))
        .map(({ outputs }) => outputs.arn as string),
      acme: queue("responses-acme"),
      globex: queue("responses-globex"),
    },
    queue,
    results: bucket("buckets-results"),
    uploads: bucket("buckets-uploads"),
    scripts: bucket("glue-scripts"),
    accessLogs: bucket("api-access"),
    state: `arn:aws:s3:::rates-state-${account}-${region}`,
    stateKey: environment.arn("aws:kms/key:Key", "rates-state"),
    /** Authorization of writing to a log group: the stream in it (the ARN in its AccessDenied errors). */
    writesLogs: (part: string): Need[] => {
      const stream = `${arn("aws:cloudwatch/logGroup:LogGroup", part)}:log-stream:one`;
      return ["logs:CreateLogStream", "logs:PutLogEvents"].map((action) => ({ action, resource: stream }));
    },
    logStream: (group: string) => arnOf("logs", `log-group:${group}:log-stream:one`),
    repository: arn("aws:ecr/repository:Repository", "images"),
    databaseUser: (role: string) => arnOf("rds-db", `dbuser:${database.resourceId}/${role}`),
    /** ARN of the secret with headers for the collector of traces; undefined if the stack has none. */
    headersSecret,
    masterSecret: database.masterUserSecrets[0].secretArn as string,
    roleArn: (part: string) => arn("aws:iam/role:Role", part),
    glueJob: arn("aws:glue/job:Job", "glue"),
    glueConnections: environment.resources
      .filter(({ type }) => type === "aws:glue/connection:Connection")
      .map(({ outputs }) => outputs.arn as string),
    launchTemplate: arnOf("ec2", `launch-template/${template.id}`),
    instanceGroup: arnOf("ec2", `security-group/${template.outputs.vpcSecurityGroupIds[0]}`),
    instanceProfile: arn("aws:iam/instanceProfile:InstanceProfile", "ec2"),
    instanceType: template.outputs.instanceType as string,
    vpc: arnOf("ec2", `vpc/${environment.resources.find(({ type }) => type === "aws:ec2/vpc:Vpc")?.id}`),
    /** ARN of the OpenSearch domain; undefined if the stack searches in Postgres. */
    domain: domain?.outputs.arn as string | undefined,
    topic: arn("aws:sns/topic:Topic", "monitoring"),
    topicKey: arn("aws:kms/key:Key", "monitoring"),
    migrations: arn("aws:lambda/function:Function", "migrations"),
    dispatcherAlias: arn("aws:lambda/alias:Alias", "dispatcher"),
    rules: ["schedule", "glue", "ec2"].map((rule) => arn("aws:cloudwatch/eventRule:EventRule", `dispatcher-${rule}`)),
  };
}

export type StackNames = ReturnType<typeof stackNames>;
