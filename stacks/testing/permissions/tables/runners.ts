import { databaseUsersBut, pullsImage } from "./api.ts";
import { actionsOn, type Component, on, throughService } from "./component.ts";
import { functionInterfaces, networkInterfaces } from "./dispatcher.ts";
import type { StackNames } from "./stackNames.ts";

/** Returns database users of a runner's reads. With raw SQL each slot has its own user; two of them are returned. */
const readers = (runner: "ec2" | "glue", rawSql: boolean) =>
  rawSql ? [`job_reader_${runner}_1`, `job_reader_${runner}_100`] : ["job_reader"];

const writesResults = ({ results }: StackNames) => {
  const object = `${results}/r/1/result`;
  return {
    "s3 CreateMultipartUpload": on("s3:PutObject", object),
    "s3 UploadPart": on("s3:PutObject", object),
    "s3 CompleteMultipartUpload": on("s3:PutObject", object),
    "s3 AbortMultipartUpload": on("s3:AbortMultipartUpload", object),
  };
};

/** Returns requests that must be denied to a runner of either type. */
const deniedToRunners = (
  { queues, results, uploads, masterSecret, roleArn, glueJob, arnOf }: StackNames,
  role: "ec2" | "glue",
) => ({
  "receives requests": { action: "sqs:ReceiveMessage", resource: queues.requests },
  "sends requests": { action: "sqs:SendMessage", resource: queues.requests },
  "receives responses": { action: "sqs:ReceiveMessage", resource: queues.acme },
  "reads results": { action: "s3:GetObject", resource: `${results}/x` },
  "writes uploads": { action: "s3:PutObject", resource: `${uploads}/x` },
  "aborts uploads": { action: "s3:AbortMultipartUpload", resource: `${uploads}/x` },
  "lists results": { action: "s3:ListBucket", resource: results },
  "reads the master's password": { action: "secretsmanager:GetSecretValue", resource: masterSecret },
  "passes its role": { action: "iam:PassRole", resource: roleArn(role) },
  "starts runs": { action: "glue:StartJobRun", resource: glueJob },
  "launches instances": { action: "ec2:RunInstances", resource: arnOf("ec2", "instance/i-1") },
});

/** Returns the EC2 runner: the container and the instance that starts it. */
export function ec2Runner(names: StackNames, rawSql: boolean): Component {
  const users = ["job_keeper", "job_writer", "canceller", ...readers("ec2", rawSql)];
  return {
    role: "ec2",
    service: "ec2.amazonaws.com",
    source: { typescript: "runtime/runner/main.ts" },
    calls: {
      "rds-db connect": on("rds-db:connect", ...users.map(names.databaseUser)),
      ...writesResults(names),
      "s3 GetObject": [
        // The runner reads pinned versions of sources, which does not require s3:GetObject (Amazon S3 API Reference,
        // GetObject).
        ...on("s3:GetObjectVersion", `${names.uploads}/a/b.csv`),
        // S3 returns 404 for an expired upload only to a role that may list the bucket (Amazon S3 API Reference,
        // GetObject).
        ...on("s3:ListBucket", names.uploads),
      ],
      "sqs SendMessageBatch": on("sqs:SendMessage", ...names.queues.responses),
    },
    services: {
      "infra/ec2Runner.sh logs in to ECR and pulls the image": pullsImage(names),
      // Docker documentation, Amazon CloudWatch Logs logging driver.
      "Docker writes the container's log": names.writesLogs("ec2"),
    },
    uncalled: {},
    denied: {
      ...deniedToRunners(names, "ec2"),
      ...databaseUsersBut(names, users),
      "reads scripts": { action: "s3:GetObject", resource: `${names.scripts}/x` },
      "pushes an image": { action: "ecr:PutImage", resource: names.repository },
      "reads the dispatcher's log stream": { action: "logs:GetLogEvents", resource: names.logStreamOf("dispatcher") },
    },
  };
}

/** Returns the Glue runner. */
export function glueRunner(names: StackNames, rawSql: boolean): Component {
  const { arnOf, scripts } = names;
  const users = ["job_keeper", "canceller", ...readers("glue", rawSql)];
  const networkInterface = arnOf("ec2", "network-interface/eni-1");
  const tags = { "aws:TagKeys": ["aws-glue-service-resource"] };
  return {
    role: "glue",
    service: "glue.amazonaws.com",
    source: { python: "runtime/runner/glue/runner.py" },
    calls: {
      "rds-db connect": on("rds-db:connect", ...users.map(names.databaseUser)),
      // Before a download, boto3 calls HeadObject, which requires the same permission.
      "s3 DownloadFile": on("s3:GetObject", `${scripts}/catalog-0123456789abcdef.json`),
      ...writesResults(names),
      "sqs SendMessageBatch": on("sqs:SendMessage", ...names.queues.responses),
    },
    services: {
      "Glue reads the script": on("s3:GetObject", `${scripts}/runner-0123456789abcdef.py`),
      "Glue writes the job's log": ["output", "error"].flatMap((stream) =>
        actionsOn(names.logStream(`/aws-glue/python-jobs/${stream}`), "logs:CreateLogStream", "logs:PutLogEvents"),
      ),
      // A job with a connection needs these (AWS managed policy AWSGlueServiceRole).
      "Glue reads the connections": [...names.glueConnections, arnOf("glue", "catalog")].map((resource) => ({
        action: "glue:GetConnection",
        resource,
      })),
      "Glue connects the run to the network": [
        ...networkInterfaces(names),
        ...["SecurityGroups", "VpcEndpoints", "RouteTables"].flatMap((noun) => on(`ec2:Describe${noun}`, "*")),
        { action: "ec2:DescribeVpcAttribute", resource: arnOf("ec2", "vpc/vpc-1"), isUnrestricted: true },
        { action: "ec2:CreateTags", resource: networkInterface, context: tags },
        { action: "ec2:DeleteTags", resource: networkInterface, context: tags },
      ],
    },
    uncalled: {},
    denied: {
      ...deniedToRunners(names, "glue"),
      ...databaseUsersBut(names, users),
      "reads uploads": { action: "s3:GetObject", resource: `${names.uploads}/x` },
      "changes its script": { action: "s3:PutObject", resource: `${scripts}/runner.py` },
      "reads another connection": { action: "glue:GetConnection", resource: arnOf("glue", "connection/other") },
      "marks an interface as belonging to a stack": {
        action: "ec2:CreateTags",
        resource: networkInterface,
        context: { "aws:TagKeys": ["rates:stack"] },
      },
      "removes the tag of a stack": {
        action: "ec2:DeleteTags",
        resource: networkInterface,
        context: { "aws:TagKeys": ["rates:stack"] },
      },
      "tags an instance": { action: "ec2:CreateTags", resource: arnOf("ec2", "instance/i-1"), context: tags },
      "writes the dispatcher's log": { action: "logs:PutLogEvents", resource: names.logStreamOf("dispatcher") },
    },
  };
}

/** Returns the function that migrates the database. */
export const migrations = (names: StackNames): Component => ({
  role: "migrations",
  service: "lambda.amazonaws.com",
  source: { typescript: "db/lambda.ts" },
  calls: {
    "rds-db connect": on("rds-db:connect", names.databaseUser("migrator")),
    "secrets-manager GetSecretValue": on("secretsmanager:GetSecretValue", names.masterSecret),
  },
  services: {
    "Lambda connects the function to the network": functionInterfaces(names),
    "Lambda writes the function's log": names.writesLogs("migrations"),
    "Secrets Manager decrypts the master's password": throughService("secretsmanager", names, "Decrypt"),
  },
  uncalled: {},
  denied: {
    ...databaseUsersBut(names, ["migrator"]),
    "reads another secret": {
      action: "secretsmanager:GetSecretValue",
      resource: names.arnOf("secretsmanager", "secret:other-abcdef"),
    },
    "changes the master's password": { action: "secretsmanager:PutSecretValue", resource: names.masterSecret },
    "reads results": { action: "s3:GetObject", resource: `${names.results}/x` },
    "receives requests": { action: "sqs:ReceiveMessage", resource: names.queues.requests },
  },
});
