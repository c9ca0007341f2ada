import { control, type Rule, resourceRule, stackRule } from "../rule.ts";
import {
  BUCKET,
  BUCKET_BLOCK,
  BUCKET_ENCRYPTION,
  BUCKET_LIFECYCLE,
  BUCKET_POLICY,
  QUEUE,
  QUEUE_POLICY,
  REPOSITORY,
  TOPIC,
} from "../types.ts";
import { TROUBLE } from "../value.ts";
import { isOfEverybody, isTlsOnly, statementsOf } from "./document.ts";
import { flagRule } from "./flag.ts";

/** Each resource of a type has a policy beside it that turns away whoever comes without TLS. */
const tlsOnly = (spec: {
  name: string;
  control: string;
  type: string;
  policy: string;
  link: string;
  what: string;
}): Rule =>
  stackRule({
    name: spec.name,
    description: `A ${spec.what} is talked to over TLS only.`,
    severity: "medium",
    framework: control(spec.control),
    remediation: "Give it a policy that denies everybody everything where aws:SecureTransport is false.",
    mayBeUnknown: ["policy"],
    check(stack, report) {
      for (const one of stack.of(spec.type)) {
        const policies = stack.linkedTo(one, spec.policy, spec.link);
        if (policies.length === 0)
          report(one, `it has no policy that keeps out whoever comes without TLS: give it one.`);
        for (const policy of policies) {
          const statements = statementsOf(policy.at("policy"));
          if (statements !== TROUBLE && !isTlsOnly(statements))
            report(
              one,
              `its policy ${policy.name} does not deny everything where aws:SecureTransport is false: have it do so.`,
            );
        }
      }
    },
  });

export const bucketTls = tlsOnly({
  name: "s3-tls-only",
  control: "S3.5",
  type: BUCKET,
  policy: BUCKET_POLICY,
  link: "bucket",
  what: "bucket",
});
export const queueTls = tlsOnly({
  name: "sqs-tls-only",
  control: "SQS.3",
  type: QUEUE,
  policy: QUEUE_POLICY,
  link: "queueUrl",
  what: "queue",
});

const BLOCKS = ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"];

export const bucketPrivate = stackRule({
  name: "s3-block-public-access",
  description: "A bucket refuses to be made public, in all four ways.",
  framework: control("S3.8"),
  remediation: "Give the bucket a BucketPublicAccessBlock with all four set to true.",
  check(stack, report) {
    for (const bucket of stack.of(BUCKET)) {
      const blocks = stack.linkedTo(bucket, BUCKET_BLOCK, "bucket");
      const open = BLOCKS.filter((block) => !blocks.some((one) => one.at(block).flag(false) !== false));
      if (open.length > 0)
        report(
          bucket,
          `${open.join(", ")} ${open.length === 1 ? "is" : "are"} not true: make a BucketPublicAccessBlock of all four.`,
        );
    }
  },
});

export const bucketExpires = stackRule({
  name: "s3-lifecycle",
  description: "A bucket has rules for how long its objects are kept.",
  severity: "low",
  framework: control("S3.13"),
  remediation: "Give the bucket a BucketLifecycleConfiguration with an enabled rule.",
  check(stack, report) {
    for (const bucket of stack.of(BUCKET)) {
      const rules = stack.linkedTo(bucket, BUCKET_LIFECYCLE, "bucket").map((one) => one.at("rules").items());
      if (rules.includes(TROUBLE)) continue;
      const enabled = rules
        .filter((one) => one !== TROUBLE)
        .flat()
        .some((rule) => rule.at("status").text("") === "Enabled");
      if (!enabled) report(bucket, "no lifecycle rule is enabled for it, so that what lies in it stays: give it one.");
    }
  },
});

export const bucketEncrypted = stackRule({
  name: "s3-encryption",
  description: "A bucket names how its objects are encrypted.",
  severity: "medium",
  framework: control("S3.17"),
  remediation: "Give the bucket a BucketServerSideEncryptionConfiguration.",
  check(stack, report) {
    for (const bucket of stack.of(BUCKET)) {
      const rules = stack.linkedTo(bucket, BUCKET_ENCRYPTION, "bucket").map((one) => one.at("rules").items());
      if (!rules.some((one) => one === TROUBLE || one.length > 0))
        report(bucket, "no encryption is configured for it: give it one.");
    }
  },
});

export const queueEncrypted = resourceRule({
  name: "sqs-encrypted",
  description: "A queue's messages are encrypted where they lie.",
  severity: "medium",
  framework: control("SQS.1"),
  remediation: "Set sqsManagedSseEnabled to true, or kmsMasterKeyId to a key.",
  presenceOf: ["kmsMasterKeyId"],
  types: [QUEUE],
  check(queue, report) {
    if (!queue.at("kmsMasterKeyId").isAbsent) return;
    const managed = queue.at("sqsManagedSseEnabled").flag(undefined);
    if (managed !== TROUBLE && managed !== true)
      report(
        queue,
        `sqsManagedSseEnabled is ${managed ?? "not set"}, and there is no kmsMasterKeyId: set one of them.`,
      );
  },
  fix: (queue) =>
    queue.at("sqsManagedSseEnabled").isAbsent && queue.at("kmsMasterKeyId").isAbsent
      ? { sqsManagedSseEnabled: true }
      : undefined,
});

/** Everybody, without a condition, is the internet. */
const policyNotPublic = (name: string, reference: string, types: string[], what: string): Rule =>
  resourceRule({
    name,
    description: `The policy of a ${what} lets nobody in whom it does not name.`,
    severity: "critical",
    framework: control(reference),
    remediation: "Name the accounts, roles or services in Principal, or limit everybody by a Condition.",
    mayBeUnknown: ["policy"],
    types,
    check(resource, report) {
      const statements = statementsOf(resource.at("policy"));
      if (statements === TROUBLE) return;
      for (const statement of statements)
        if (statement.allows && isOfEverybody(statement) && statement.value.at("Condition").isAbsent)
          report(resource, `its policy allows everybody ${statement.actions.join(", ")}: name who may in Principal.`);
    },
  });

export const queueNotPublic = policyNotPublic("sqs-not-public", "SQS.3", [QUEUE_POLICY], "queue");
export const bucketNotPublic = policyNotPublic("s3-not-public", "S3.2", [BUCKET_POLICY], "bucket");

export const topicEncrypted = resourceRule({
  name: "sns-encrypted",
  description: "A topic's messages are encrypted where they lie.",
  severity: "medium",
  framework: control("SNS.1"),
  remediation: "Set kmsMasterKeyId to a key of your own, which CloudWatch may use.",
  presenceOf: ["kmsMasterKeyId"],
  types: [TOPIC],
  check(topic, report) {
    if (topic.at("kmsMasterKeyId").isAbsent) report(topic, "kmsMasterKeyId is not set: set it.");
  },
});

export const repositoryScanned = flagRule({
  name: "ecr-scan-on-push",
  control: "ECR.1",
  type: REPOSITORY,
  property: "imageScanningConfiguration.scanOnPush",
  value: true,
  absent: false,
  description: "An image is scanned when it is pushed.",
  because: "known holes go unseen",
});

export const repositoryImmutable = resourceRule({
  name: "ecr-immutable-tags",
  description: "An image's tag names one image for ever.",
  severity: "medium",
  framework: control("ECR.2"),
  remediation: "Set imageTagMutability to IMMUTABLE.",
  types: [REPOSITORY],
  check(repository, report) {
    const tags = repository.at("imageTagMutability").text("MUTABLE");
    if (tags !== TROUBLE && !tags.startsWith("IMMUTABLE"))
      report(repository, `imageTagMutability is ${tags}: set it to IMMUTABLE.`);
  },
  fix: (repository) => (repository.at("imageTagMutability").isAbsent ? { imageTagMutability: "IMMUTABLE" } : undefined),
});

export const STORAGE_RULES = [
  bucketTls,
  bucketPrivate,
  bucketExpires,
  bucketEncrypted,
  bucketNotPublic,
  queueEncrypted,
  queueTls,
  queueNotPublic,
  topicEncrypted,
  repositoryScanned,
  repositoryImmutable,
];
