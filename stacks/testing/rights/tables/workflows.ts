import type { Case, Context, Need } from "../evaluate.ts";
import { all, on } from "./part.ts";
import type { StackNames } from "./stackNames.ts";

const PROVIDER = "token.actions.githubusercontent.com";

/** Reads of Pulumi's backend in S3 (Pulumi documentation, required permissions of an S3 backend). */
const readsState = ({ state, stateKey }: StackNames): Need[] => [
  ...on("s3:ListBucket", state),
  ...on("s3:GetObject", `${state}/.pulumi/stacks/rates-platform/dev.json`),
  ...on("kms:Decrypt", stateKey),
];

/** Look-ups of a preview and a deployment, by the tokens of the provider's functions. */
export const lookUps = ({ account, region, arnOf }: StackNames): Record<string, Need[]> => ({
  // STS answers every caller.
  "aws:index/getCallerIdentity:getCallerIdentity": [],
  "aws:ssm/getParameter:getParameter": [
    {
      action: "ssm:GetParameter",
      resource: `arn:aws:ssm:${region}::parameter/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id`,
      unlisted: true,
    },
  ],
  "aws:iam/getRole:getRole": on("iam:GetRole", `arn:aws:iam::${account}:role/pricing`),
  "aws:iam/getUser:getUser": on("iam:GetUser", `arn:aws:iam::${account}:user/pricing`),
  // The provider calls this to compare a domain's engine versions (terraform-provider-aws,
  // internal/service/opensearch/domain.go).
  "domain's compatible versions": on("es:GetCompatibleVersions", arnOf("es", "domain/rates-dev-1a2b3c4")),
});

export const previewNeeds = (names: StackNames): Need[] => [
  ...readsState(names),
  ...Object.values(lookUps(names)).flat(),
];

export const deploymentNeeds = (names: StackNames): Need[] => [
  ...readsState(names),
  ...all(`${names.state}/.pulumi/locks/x.json`, "s3:PutObject", "s3:DeleteObject"),
  ...on("kms:GenerateDataKey", names.stateKey),
  ...Object.values(lookUps(names)).flat(),
];

/**
 * Ways to become an administrator. They must be denied to every role of a workflow or a stack, regardless of its
 * policies.
 */
export function escalations({ account, region, arnOf, state, stateKey, roleArn }: StackNames): Record<string, Need> {
  const role = (name: string) => `arn:aws:iam::${account}:role/${name}`;
  const policy = (name: string) => `arn:aws:iam::${account}:policy/${name}`;
  const bounded = { "iam:PermissionsBoundary": policy("rates-boundary") };
  const otherwise = { "iam:PermissionsBoundary": policy("rates-deployment-boundary") };
  const need = (action: string, resource: string, context: Context = {}): Need => ({ action, resource, context });
  const administrator = { "iam:PolicyARN": "arn:aws:iam::aws:policy/AdministratorAccess" };
  const passed = (service: string) => ({ "iam:PassedToService": service });
  return {
    "creates a role without a boundary": need("iam:CreateRole", role("rates-mine")),
    "creates a role with another boundary": need("iam:CreateRole", role("rates-mine"), otherwise),
    "creates a role by another name": need("iam:CreateRole", role("mine"), bounded),
    "removes a boundary": need("iam:DeleteRolePermissionsBoundary", roleArn("api"), bounded),
    "replaces a boundary": need("iam:PutRolePermissionsBoundary", roleArn("api"), otherwise),
    "removes its own boundary": need("iam:DeleteRolePermissionsBoundary", role("rates-deploy"), otherwise),
    "replaces its own boundary": need("iam:PutRolePermissionsBoundary", role("rates-deploy"), bounded),
    "makes itself an administrator": need("iam:AttachRolePolicy", role("rates-deploy"), {
      ...otherwise,
      ...administrator,
    }),
    "makes itself an administrator inline": need("iam:PutRolePolicy", role("rates-deploy"), otherwise),
    "makes itself an administrator under the stacks' boundary": need(
      "iam:PutRolePolicy",
      role("rates-deploy"),
      bounded,
    ),
    "frees the preview": need("iam:DeleteRolePolicy", role("rates-preview")),
    "extends the preview": need("iam:AttachRolePolicy", role("rates-preview"), { ...bounded, ...administrator }),
    "makes an unbounded role an administrator": need("iam:AttachRolePolicy", role("rates-old"), administrator),
    "makes an unbounded role an administrator inline": need("iam:PutRolePolicy", role("rates-old")),
    "takes an unbounded role over": need("iam:UpdateAssumeRolePolicy", role("rates-old")),
    "takes another role over": need("iam:UpdateAssumeRolePolicy", role("administrator"), bounded),
    "opens its own trust": need("iam:UpdateAssumeRolePolicy", role("rates-deploy"), otherwise),
    "tags itself": need("iam:TagRole", role("rates-deploy")),
    "deletes its own role": need("iam:DeleteRole", role("rates-deploy"), otherwise),
    "writes a version of the stacks' boundary": need("iam:CreatePolicyVersion", policy("rates-boundary")),
    "writes a version of its boundary": need("iam:CreatePolicyVersion", policy("rates-deployment-boundary")),
    "writes a version of its own policy": need("iam:CreatePolicyVersion", policy("rates-deployment-network")),
    "goes back to a version of its boundary": need("iam:SetDefaultPolicyVersion", policy("rates-deployment-boundary")),
    "deletes the boundary": need("iam:DeletePolicy", policy("rates-boundary")),
    "creates a policy": need("iam:CreatePolicy", policy("rates-mine")),
    "creates a user": need("iam:CreateUser", `arn:aws:iam::${account}:user/rates-mine`),
    "creates an access key": need("iam:CreateAccessKey", `arn:aws:iam::${account}:user/administrator`),
    "creates a log-in": need("iam:CreateLoginProfile", `arn:aws:iam::${account}:user/administrator`),
    "attaches a policy to a user": need("iam:AttachUserPolicy", `arn:aws:iam::${account}:user/me`, administrator),
    "joins a group": need("iam:AddUserToGroup", `arn:aws:iam::${account}:group/administrators`),
    "trusts another identity provider": need(
      "iam:CreateOpenIDConnectProvider",
      `arn:aws:iam::${account}:oidc-provider/evil.example`,
    ),
    "changes the identity provider": need(
      "iam:AddClientIDToOpenIDConnectProvider",
      `arn:aws:iam::${account}:oidc-provider/${PROVIDER}`,
    ),
    "passes a privileged role to a function": need(
      "iam:PassRole",
      role("administrator"),
      passed("lambda.amazonaws.com"),
    ),
    "passes itself to a function": need("iam:PassRole", role("rates-deploy"), passed("lambda.amazonaws.com")),
    "passes itself to an instance": need("iam:PassRole", role("rates-deploy"), passed("ec2.amazonaws.com")),
    "passes the preview to a function": need("iam:PassRole", role("rates-preview"), passed("lambda.amazonaws.com")),
    "passes a stack's role to CloudFormation": need(
      "iam:PassRole",
      roleArn("api"),
      passed("cloudformation.amazonaws.com"),
    ),
    "changes another profile": need("iam:AddRoleToInstanceProfile", `arn:aws:iam::${account}:instance-profile/other`),
    "creates a service's role for itself": need(
      "iam:CreateServiceLinkedRole",
      `arn:aws:iam::${account}:role/aws-service-role/sagemaker.amazonaws.com/AWSServiceRoleForSageMaker`,
      { "iam:AWSServiceName": "sagemaker.amazonaws.com" },
    ),
    "creates a service's role by a name of its own": need("iam:CreateServiceLinkedRole", role("rates-mine"), {
      "iam:AWSServiceName": "ecs.amazonaws.com",
    }),
    "assumes a role": need("sts:AssumeRole", role("administrator")),
    "changes another function's code": need("lambda:UpdateFunctionCode", arnOf("lambda", "function:administration")),
    "calls another function": need("lambda:InvokeFunction", arnOf("lambda", "function:administration")),
    "feeds another function": need("lambda:CreateEventSourceMapping", "*", {
      "lambda:FunctionArn": arnOf("lambda", "function:administration"),
    }),
    "feeds another function from a mapping": need(
      "lambda:UpdateEventSourceMapping",
      arnOf("lambda", "event-source-mapping:one"),
      {
        "lambda:FunctionArn": arnOf("lambda", "function:administration"),
      },
    ),
    "changes another job": need("glue:UpdateJob", arnOf("glue", "job/administration")),
    "runs another task": need("ecs:RunTask", arnOf("ecs", "task-definition/administration:1")),
    "opens a shell in a task": need("ecs:ExecuteCommand", arnOf("ecs", "task/administration/one")),
    "changes another service": need("ecs:UpdateService", arnOf("ecs", "service/administration/one")),
    "opens a session": need("ssm:StartSession", arnOf("ec2", "instance/i-1")),
    "sends a command": need("ssm:SendCommand", arnOf("ec2", "instance/i-1")),
    "launches an instance": need("ec2:RunInstances", arnOf("ec2", "instance/i-1")),
    "changes an instance's script": need("ec2:ModifyInstanceAttribute", arnOf("ec2", "instance/i-1")),
    "gives an instance another profile": need("ec2:AssociateIamInstanceProfile", arnOf("ec2", "instance/i-1")),
    "shares a snapshot": need("ec2:ModifySnapshotAttribute", `arn:aws:ec2:${region}::snapshot/snap-1`),
    "shares an image": need("ec2:ModifyImageAttribute", `arn:aws:ec2:${region}::image/ami-1`),
    "attaches a disk": need("ec2:AttachVolume", arnOf("ec2", "volume/vol-1")),
    "creates a CloudFormation stack": need("cloudformation:CreateStack", arnOf("cloudformation", "stack/one/1")),
    "starts a build": need("codebuild:StartBuild", arnOf("codebuild", "project/one")),
    "reads a secret": need("secretsmanager:GetSecretValue", arnOf("secretsmanager", "secret:other-abcdef")),
    "reads a parameter": need("ssm:GetParameter", arnOf("ssm", "parameter/secret")),
    "looks an external role up": need("iam:GetRole", "arn:aws:iam::999999999999:role/x"),
    "leaves the organization": need("organizations:LeaveOrganization", "*"),
    "closes the account": need("account:CloseAccount", `arn:aws:account::${account}:account`),
    "opens the state's bucket": need("s3:PutBucketPolicy", state),
    "ends the state's versions": need("s3:PutBucketVersioning", state),
    "deletes old state for good": need("s3:DeleteObjectVersion", `${state}/.pulumi/stacks/x.json`),
    "deletes the state's bucket": need("s3:DeleteBucket", state),
    "opens the state's key": need("kms:PutKeyPolicy", stateKey),
    "deletes the state's key": need("kms:ScheduleKeyDeletion", stateKey),
    "grants the state's key to another": need("kms:CreateGrant", stateKey),
  };
}

/** Requests that must be denied to a preview. */
export const previewDenied = (names: StackNames): Record<string, Need> => ({
  ...escalations(names),
  "reads results": { action: "s3:GetObject", resource: `${names.results}/x` },
  "lists results": { action: "s3:ListBucket", resource: names.results },
  "reads uploads": { action: "s3:GetObject", resource: `${names.uploads}/x` },
  "reads requests": { action: "sqs:ReceiveMessage", resource: names.queues.requests },
  "reads responses": { action: "sqs:ReceiveMessage", resource: names.queues.acme },
  "reads the master's password": { action: "secretsmanager:GetSecretValue", resource: names.masterSecret },
  "logs in to the database": { action: "rds-db:connect", resource: names.databaseUser("job_reader") },
  "reads the database's log": {
    action: "rds:DownloadDBLogFilePortion",
    resource: names.arnOf("rds", `db:rates-${names.stack}-database`),
  },
  "reads a log": { action: "logs:GetLogEvents", resource: names.logStream("rates-dev-api") },
  "searches a log": { action: "logs:FilterLogEvents", resource: names.arnOf("logs", "log-group:rates-dev-api") },
  "reads documents": { action: "es:ESHttpGet", resource: names.arnOf("es", "domain/rates-dev-1a2b3c4/_search") },
  "upgrades the domain": { action: "es:UpgradeDomain", resource: names.arnOf("es", "domain/rates-dev-1a2b3c4") },
  "looks at another domain": { action: "es:GetCompatibleVersions", resource: names.arnOf("es", "domain/other") },
  "writes the state": { action: "s3:PutObject", resource: `${names.state}/.pulumi/stacks/x.json` },
  "takes a lock": { action: "s3:PutObject", resource: `${names.state}/.pulumi/locks/x.json` },
  "deletes the state": { action: "s3:DeleteObject", resource: `${names.state}/.pulumi/stacks/x.json` },
  "encrypts a secret": { action: "kms:Encrypt", resource: names.stateKey },
  "decrypts what is another's": { action: "kms:Decrypt", resource: names.topicKey },
  "calls the dispatcher": { action: "lambda:InvokeFunction", resource: names.dispatcherAlias },
  "starts a run": { action: "glue:StartJobRun", resource: names.glueJob },
  "creates a queue": { action: "sqs:CreateQueue", resource: names.queues.requests },
  "looks up a group": { action: "iam:GetGroup", resource: `arn:aws:iam::${names.account}:group/x` },
});

/** Principals that may assume the workflows' roles: runs of the repository, by their trigger. */
export function federatedCases(account: string, preview: string, deploy: string): Case[] {
  const principal = `arn:aws:iam::${account}:oidc-provider/${PROVIDER}`;
  const one = (allowed: boolean, resource: string, sub: string, aud = "sts.amazonaws.com"): Case => ({
    what: `${sub} for ${aud} assumes ${resource}`,
    principal,
    action: "sts:AssumeRoleWithWebIdentity",
    resource,
    context: { [`${PROVIDER}:sub`]: sub, [`${PROVIDER}:aud`]: aud },
    allowed,
    federated: true,
  });
  const pullRequest = "repo:example/rates-platform:pull_request";
  const environment = "repo:example/rates-platform:environment:dev";
  return [
    one(true, preview, pullRequest),
    one(false, preview, environment),
    one(false, preview, "repo:someone/rates-platform:pull_request"),
    one(false, preview, pullRequest, "example"),
    one(true, deploy, environment),
    one(false, deploy, pullRequest),
    one(false, deploy, "repo:example/rates-platform:environment:prod"),
    one(false, deploy, "repo:example/rates-platform:ref:refs/heads/main"),
    one(false, deploy, environment, "example"),
  ];
}

/** Requests that must be denied to a deployment, besides those that make an administrator. */
export const deploymentDenied = (names: StackNames): Record<string, Need> => ({
  "reads results": { action: "s3:GetObject", resource: `${names.results}/x` },
  "writes uploads": { action: "s3:PutObject", resource: `${names.uploads}/x` },
  "reads tags of results": { action: "s3:GetObjectTagging", resource: `${names.results}/x` },
  "tags results": { action: "s3:PutObjectTagging", resource: `${names.results}/x` },
  "reads requests": { action: "sqs:ReceiveMessage", resource: names.queues.requests },
  "reads the master's password": { action: "secretsmanager:GetSecretValue", resource: names.masterSecret },
  "creates another secret": {
    action: "secretsmanager:CreateSecret",
    resource: names.arnOf("secretsmanager", "secret:mine-abcdef"),
  },
  "tags another secret": {
    action: "secretsmanager:TagResource",
    resource: names.arnOf("secretsmanager", "secret:mine-abcdef"),
  },
  "logs in to the database": { action: "rds-db:connect", resource: names.databaseUser("migrator") },
  "reads documents": { action: "es:ESHttpGet", resource: names.arnOf("es", "domain/rates-dev-1a2b3c4/_search") },
  "reads a log": { action: "logs:GetLogEvents", resource: names.logStream("rates-dev-api") },
  "starts a run": { action: "glue:StartJobRun", resource: names.glueJob },
  "encrypts a secret of the state": { action: "kms:Encrypt", resource: names.stateKey },
  "decrypts what is another's": { action: "kms:Decrypt", resource: names.topicKey },
  "makes keys of another's": { action: "kms:GenerateDataKey", resource: names.topicKey },
  "writes a record of mail": {
    action: "route53:ChangeResourceRecordSets",
    resource: "arn:aws:route53:::hostedzone/Z1",
    context: { "route53:ChangeResourceRecordSetsRecordTypes": ["MX"] },
  },
  "deletes a zone": { action: "route53:DeleteHostedZone", resource: "arn:aws:route53:::hostedzone/Z1" },
});
