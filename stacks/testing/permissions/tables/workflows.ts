import type { Authorization, Case, Context } from "../evaluate.ts";
import { actionsOn, on } from "./component.ts";
import type { StackNames } from "./stackNames.ts";

const PROVIDER = "token.actions.githubusercontent.com";

/** Returns the reads of Pulumi's backend in S3 (Pulumi documentation, required permissions of an S3 backend). */
const readsState = ({ state, stateKey }: StackNames): Authorization[] => [
  ...on("s3:ListBucket", state),
  ...on("s3:GetObject", `${state}/.pulumi/stacks/rates-platform/dev.json`),
  ...on("kms:Decrypt", stateKey),
];

/**
 * Returns the look-ups of a preview and a deployment, by the token of the provider's function, or by a title if the
 * provider itself makes the call.
 */
export const lookUps = ({ account, region, arnOf }: StackNames): Record<string, Authorization[]> => ({
  // STS requires no permission for this call.
  "aws:index/getCallerIdentity:getCallerIdentity": [],
  "aws:ssm/getParameter:getParameter": [
    {
      action: "ssm:GetParameter",
      resource: `arn:aws:ssm:${region}::parameter/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id`,
      isUnlisted: true,
    },
  ],
  "aws:iam/getRole:getRole": on("iam:GetRole", `arn:aws:iam::${account}:role/pricing`),
  "aws:iam/getUser:getUser": on("iam:GetUser", `arn:aws:iam::${account}:user/pricing`),
  // The provider calls this to compare a domain's engine versions (terraform-provider-aws,
  // internal/service/opensearch/domain.go).
  "domain's compatible versions": on("es:GetCompatibleVersions", arnOf("es", "domain/rates-dev-1a2b3c4")),
});

export const previewAuthorizations = (names: StackNames): Authorization[] => [
  ...readsState(names),
  ...Object.values(lookUps(names)).flat(),
];

export const deploymentAuthorizations = (names: StackNames): Authorization[] => [
  ...readsState(names),
  ...actionsOn(`${names.state}/.pulumi/locks/x.json`, "s3:PutObject", "s3:DeleteObject"),
  ...on("kms:GenerateDataKey", names.stateKey),
  ...Object.values(lookUps(names)).flat(),
];

/**
 * Returns requests with which a principal could gain permissions or do lasting harm. The roles of the workflows must be
 * denied all of them. The boundary of a stack's roles denies all but launching an instance.
 */
export function escalations({
  account,
  region,
  arnOf,
  state,
  stateKey,
  roleArn,
}: StackNames): Record<string, Authorization> {
  const role = (name: string) => `arn:aws:iam::${account}:role/${name}`;
  const policy = (name: string) => `arn:aws:iam::${account}:policy/${name}`;
  const bounded = { "iam:PermissionsBoundary": policy("rates-boundary") };
  const otherBoundary = { "iam:PermissionsBoundary": policy("rates-deployment-boundary") };
  const request = (action: string, resource: string, context: Context = {}): Authorization => ({
    action,
    resource,
    context,
  });
  const administrator = { "iam:PolicyARN": "arn:aws:iam::aws:policy/AdministratorAccess" };
  const passed = (service: string) => ({ "iam:PassedToService": service });
  return {
    "creates a role without a boundary": request("iam:CreateRole", role("rates-mine")),
    "creates a role with another boundary": request("iam:CreateRole", role("rates-mine"), otherBoundary),
    "creates a role with another name": request("iam:CreateRole", role("mine"), bounded),
    "removes a boundary": request("iam:DeleteRolePermissionsBoundary", roleArn("api"), bounded),
    "replaces a boundary": request("iam:PutRolePermissionsBoundary", roleArn("api"), otherBoundary),
    "removes its own boundary": request("iam:DeleteRolePermissionsBoundary", role("rates-deploy"), otherBoundary),
    "replaces its own boundary": request("iam:PutRolePermissionsBoundary", role("rates-deploy"), bounded),
    "makes itself an administrator": request("iam:AttachRolePolicy", role("rates-deploy"), {
      ...otherBoundary,
      ...administrator,
    }),
    "makes itself an administrator inline": request("iam:PutRolePolicy", role("rates-deploy"), otherBoundary),
    "makes itself an administrator under the stacks' boundary": request(
      "iam:PutRolePolicy",
      role("rates-deploy"),
      bounded,
    ),
    "deletes a policy of the preview": request("iam:DeleteRolePolicy", role("rates-preview")),
    "attaches a policy to the preview": request("iam:AttachRolePolicy", role("rates-preview"), {
      ...bounded,
      ...administrator,
    }),
    "makes an unbounded role an administrator": request("iam:AttachRolePolicy", role("rates-old"), administrator),
    "makes an unbounded role an administrator inline": request("iam:PutRolePolicy", role("rates-old")),
    "takes over an unbounded role": request("iam:UpdateAssumeRolePolicy", role("rates-old")),
    "takes over another role": request("iam:UpdateAssumeRolePolicy", role("administrator"), bounded),
    "changes its own trust policy": request("iam:UpdateAssumeRolePolicy", role("rates-deploy"), otherBoundary),
    "tags itself": request("iam:TagRole", role("rates-deploy")),
    "deletes its own role": request("iam:DeleteRole", role("rates-deploy"), otherBoundary),
    "writes a version of the stacks' boundary": request("iam:CreatePolicyVersion", policy("rates-boundary")),
    "writes a version of its boundary": request("iam:CreatePolicyVersion", policy("rates-deployment-boundary")),
    "writes a version of its own policy": request("iam:CreatePolicyVersion", policy("rates-deployment-network")),
    "restores an old version of its boundary": request(
      "iam:SetDefaultPolicyVersion",
      policy("rates-deployment-boundary"),
    ),
    "deletes the boundary": request("iam:DeletePolicy", policy("rates-boundary")),
    "creates a policy": request("iam:CreatePolicy", policy("rates-mine")),
    "creates a user": request("iam:CreateUser", `arn:aws:iam::${account}:user/rates-mine`),
    "creates an access key": request("iam:CreateAccessKey", `arn:aws:iam::${account}:user/administrator`),
    "creates a console password": request("iam:CreateLoginProfile", `arn:aws:iam::${account}:user/administrator`),
    "attaches a policy to a user": request("iam:AttachUserPolicy", `arn:aws:iam::${account}:user/me`, administrator),
    "joins a group": request("iam:AddUserToGroup", `arn:aws:iam::${account}:group/administrators`),
    "trusts another identity provider": request(
      "iam:CreateOpenIDConnectProvider",
      `arn:aws:iam::${account}:oidc-provider/evil.example`,
    ),
    "changes the identity provider": request(
      "iam:AddClientIDToOpenIDConnectProvider",
      `arn:aws:iam::${account}:oidc-provider/${PROVIDER}`,
    ),
    "passes a privileged role to a function": request(
      "iam:PassRole",
      role("administrator"),
      passed("lambda.amazonaws.com"),
    ),
    "passes itself to a function": request("iam:PassRole", role("rates-deploy"), passed("lambda.amazonaws.com")),
    "passes itself to an instance": request("iam:PassRole", role("rates-deploy"), passed("ec2.amazonaws.com")),
    "passes the preview to a function": request("iam:PassRole", role("rates-preview"), passed("lambda.amazonaws.com")),
    "passes a stack's role to CloudFormation": request(
      "iam:PassRole",
      roleArn("api"),
      passed("cloudformation.amazonaws.com"),
    ),
    "changes another instance profile": request(
      "iam:AddRoleToInstanceProfile",
      `arn:aws:iam::${account}:instance-profile/other`,
    ),
    "creates another service's linked role": request(
      "iam:CreateServiceLinkedRole",
      `arn:aws:iam::${account}:role/aws-service-role/sagemaker.amazonaws.com/AWSServiceRoleForSageMaker`,
      { "iam:AWSServiceName": "sagemaker.amazonaws.com" },
    ),
    "creates a service-linked role with a name of its choice": request(
      "iam:CreateServiceLinkedRole",
      role("rates-mine"),
      {
        "iam:AWSServiceName": "ecs.amazonaws.com",
      },
    ),
    "assumes a role": request("sts:AssumeRole", role("administrator")),
    "changes another function's code": request("lambda:UpdateFunctionCode", arnOf("lambda", "function:administration")),
    "calls another function": request("lambda:InvokeFunction", arnOf("lambda", "function:administration")),
    "maps an event source to another function": request("lambda:CreateEventSourceMapping", "*", {
      "lambda:FunctionArn": arnOf("lambda", "function:administration"),
    }),
    "changes an event source mapping of another function": request(
      "lambda:UpdateEventSourceMapping",
      arnOf("lambda", "event-source-mapping:one"),
      {
        "lambda:FunctionArn": arnOf("lambda", "function:administration"),
      },
    ),
    "changes another job": request("glue:UpdateJob", arnOf("glue", "job/administration")),
    "runs another task": request("ecs:RunTask", arnOf("ecs", "task-definition/administration:1")),
    "opens a shell in a task": request("ecs:ExecuteCommand", arnOf("ecs", "task/administration/one")),
    "changes another service": request("ecs:UpdateService", arnOf("ecs", "service/administration/one")),
    "opens a session": request("ssm:StartSession", arnOf("ec2", "instance/i-1")),
    "sends a command": request("ssm:SendCommand", arnOf("ec2", "instance/i-1")),
    "launches an instance": request("ec2:RunInstances", arnOf("ec2", "instance/i-1")),
    "changes an instance's script": request("ec2:ModifyInstanceAttribute", arnOf("ec2", "instance/i-1")),
    "gives an instance another profile": request("ec2:AssociateIamInstanceProfile", arnOf("ec2", "instance/i-1")),
    "shares a snapshot": request("ec2:ModifySnapshotAttribute", `arn:aws:ec2:${region}::snapshot/snap-1`),
    "shares an image": request("ec2:ModifyImageAttribute", `arn:aws:ec2:${region}::image/ami-1`),
    "attaches a disk": request("ec2:AttachVolume", arnOf("ec2", "volume/vol-1")),
    "creates a CloudFormation stack": request("cloudformation:CreateStack", arnOf("cloudformation", "stack/one/1")),
    "starts a build": request("codebuild:StartBuild", arnOf("codebuild", "project/one")),
    "reads a secret": request("secretsmanager:GetSecretValue", arnOf("secretsmanager", "secret:other-abcdef")),
    "reads a parameter": request("ssm:GetParameter", arnOf("ssm", "parameter/secret")),
    "looks up a role of another account": request("iam:GetRole", "arn:aws:iam::999999999999:role/x"),
    "leaves the organization": request("organizations:LeaveOrganization", "*"),
    "closes the account": request("account:CloseAccount", `arn:aws:account::${account}:account`),
    "changes the policy of the state's bucket": request("s3:PutBucketPolicy", state),
    "changes the versioning of the state's bucket": request("s3:PutBucketVersioning", state),
    "deletes an old version of the state": request("s3:DeleteObjectVersion", `${state}/.pulumi/stacks/x.json`),
    "deletes the state's bucket": request("s3:DeleteBucket", state),
    "changes the policy of the state's key": request("kms:PutKeyPolicy", stateKey),
    "deletes the state's key": request("kms:ScheduleKeyDeletion", stateKey),
    "grants another principal the state's key": request("kms:CreateGrant", stateKey),
  };
}

/** Returns requests that must be denied to a preview. */
export const previewDenied = (names: StackNames): Record<string, Authorization> => ({
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
  "describes another domain": { action: "es:GetCompatibleVersions", resource: names.arnOf("es", "domain/other") },
  "writes the state": { action: "s3:PutObject", resource: `${names.state}/.pulumi/stacks/x.json` },
  "takes a lock": { action: "s3:PutObject", resource: `${names.state}/.pulumi/locks/x.json` },
  "deletes the state": { action: "s3:DeleteObject", resource: `${names.state}/.pulumi/stacks/x.json` },
  "encrypts a secret": { action: "kms:Encrypt", resource: names.stateKey },
  "decrypts with another key": { action: "kms:Decrypt", resource: names.topicKey },
  "calls the dispatcher": { action: "lambda:InvokeFunction", resource: names.dispatcherAlias },
  "starts a run": { action: "glue:StartJobRun", resource: names.glueJob },
  "creates a queue": { action: "sqs:CreateQueue", resource: names.queues.requests },
  "looks up a group": { action: "iam:GetGroup", resource: `arn:aws:iam::${names.account}:group/x` },
});

/** Returns requests to assume the workflows' roles: only certain workflow runs of the repository may. */
export function federatedCases(account: string, preview: string, deploy: string): Case[] {
  const principal = `arn:aws:iam::${account}:oidc-provider/${PROVIDER}`;
  const caseOf = (allowed: boolean, resource: string, sub: string, aud = "sts.amazonaws.com"): Case => ({
    title: `${sub} for ${aud} assumes ${resource}`,
    principal,
    action: "sts:AssumeRoleWithWebIdentity",
    resource,
    context: { [`${PROVIDER}:sub`]: sub, [`${PROVIDER}:aud`]: aud },
    allowed,
    isFederated: true,
  });
  const pullRequest = "repo:example/rates-platform:pull_request";
  const environment = "repo:example/rates-platform:environment:dev";
  return [
    caseOf(true, preview, pullRequest),
    caseOf(false, preview, environment),
    caseOf(false, preview, "repo:someone/rates-platform:pull_request"),
    caseOf(false, preview, pullRequest, "example"),
    caseOf(true, deploy, environment),
    caseOf(false, deploy, pullRequest),
    caseOf(false, deploy, "repo:example/rates-platform:environment:prod"),
    caseOf(false, deploy, "repo:example/rates-platform:ref:refs/heads/main"),
    caseOf(false, deploy, environment, "example"),
  ];
}

/** Returns further requests, besides the escalations, that must be denied to a deployment. */
export const deploymentDenied = (names: StackNames): Record<string, Authorization> => ({
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
  "decrypts with another key": { action: "kms:Decrypt", resource: names.topicKey },
  "generates data keys with another key": { action: "kms:GenerateDataKey", resource: names.topicKey },
  "writes an MX record": {
    action: "route53:ChangeResourceRecordSets",
    resource: "arn:aws:route53:::hostedzone/Z1",
    context: { "route53:ChangeResourceRecordSetsRecordTypes": ["MX"] },
  },
  "deletes a zone": { action: "route53:DeleteHostedZone", resource: "arn:aws:route53:::hostedzone/Z1" },
});
