import type { Authorization } from "../evaluate.ts";
import type { IamEnvironment } from "../iamEnvironment.ts";

/** Returns names and ARNs of a deployed stack's resources. */
export function stackNames(environment: IamEnvironment, stack: string, headersSecret?: string) {
  const fullName = (component: string) => `rates-${stack}-${component}`;
  const arn = (type: string, component: string) => environment.arn(type, fullName(component));
  const queue = (name: string) => arn("aws:sqs/queue:Queue", `queues-${name}`);
  const bucket = (name: string) => arn("aws:s3/bucket:Bucket", name);
  /** Returns the ARN of a stream in the log group of one of the stack's components. */
  const logStreamOf = (component: string) => `${arn("aws:cloudwatch/logGroup:LogGroup", component)}:log-stream:one`;
  const [, , , region = "", account = ""] = queue("requests").split(":");
  const arnOf = (service: string, path: string) => `arn:aws:${service}:${region}:${account}:${path}`;
  const database = environment.resource("aws:rds/instance:Instance", fullName("database")).outputs;
  const template = environment.resource("aws:ec2/launchTemplate:LaunchTemplate", fullName("ec2"));
  const domain = environment.resources.find(({ type }) => type === "aws:opensearch/domain:Domain");
  return {
    stack,
    account,
    region,
    fullName,
    arnOf,
    queues: {
      requests: queue("requests"),
      wakeups: queue("wakeups"),
      dead: queue("dead"),
      responses: environment.resources
        .filter(({ type, name }) => type === "aws:sqs/queue:Queue" && name.startsWith(fullName("queues-responses")))
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
    /** Returns the authorizations to write to a log group. AWS checks them for the ARN of a log stream. */
    writesLogs: (component: string): Authorization[] =>
      ["logs:CreateLogStream", "logs:PutLogEvents"].map((action) => ({ action, resource: logStreamOf(component) })),
    logStreamOf,
    logStream: (group: string) => arnOf("logs", `log-group:${group}:log-stream:one`),
    repository: arn("aws:ecr/repository:Repository", "images"),
    databaseUser: (role: string) => arnOf("rds-db", `dbuser:${database.resourceId}/${role}`),
    /** ARN of the secret with headers for the trace collector; undefined if the stack has none. */
    headersSecret,
    masterSecret: database.masterUserSecrets[0].secretArn as string,
    roleArn: (component: string) => arn("aws:iam/role:Role", component),
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
