import type { Resource } from "../resource.ts";
import { control, documented, resourceRule, stackRule } from "../rule.ts";
import {
  ACCOUNT_BLOCK,
  BUCKET,
  BUCKET_BLOCK,
  BUCKET_ENCRYPTION,
  BUCKET_LIFECYCLE,
  QUEUE,
  REPOSITORY,
  TOPIC,
} from "../types.ts";
import { UNRESOLVED, type Unresolved, type Value } from "../value.ts";
import { flagRule } from "./flag.ts";

const BLOCK_SETTINGS = ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"];

export const bucketPrivate = stackRule({
  name: "s3-block-public-access",
  description: "Buckets and accounts enable all four settings that block public access.",
  framework: control("S3.8"),
  remediation: "Add a BucketPublicAccessBlock with all four settings set to true.",
  check(stack, report) {
    const checked = new Set<Resource>();
    for (const bucket of stack.of(BUCKET)) {
      const blocks = stack.linkedTo(bucket, BUCKET_BLOCK, "bucket");
      for (const block of blocks) checked.add(block);
      const unblocked = BLOCK_SETTINGS.filter(
        (setting) => !blocks.some((block) => block.at(setting).flag(false) !== false),
      );
      if (unblocked.length > 0)
        report(
          bucket,
          `${unblocked.join(", ")} ${unblocked.length === 1 ? "is" : "are"} not true: add a BucketPublicAccessBlock that sets all four to true.`,
        );
    }
    // Public access blocks of the account, and of buckets of another program.
    for (const block of [...stack.of(BUCKET_BLOCK), ...stack.of(ACCOUNT_BLOCK)]) {
      if (checked.has(block)) continue;
      const unblocked = BLOCK_SETTINGS.filter((name) => block.at(name).flag(false) === false);
      if (unblocked.length > 0)
        report(
          block,
          `${unblocked.join(", ")} ${unblocked.length === 1 ? "is" : "are"} not true: set all four to true.`,
        );
    }
  },
});

export const bucketExpires = stackRule({
  name: "s3-lifecycle",
  description: "A bucket has lifecycle rules for its objects.",
  framework: control("S3.13"),
  remediation: "Add a BucketLifecycleConfiguration with an enabled rule.",
  check(stack, report) {
    const checked = new Set<Resource>();
    for (const bucket of stack.of(BUCKET)) {
      const configurations = stack.linkedTo(bucket, BUCKET_LIFECYCLE, "bucket");
      for (const configuration of configurations) checked.add(configuration);
      const rules = configurations.map((configuration) => configuration.at("rules").items());
      // The deprecated form: inline rules of the bucket.
      const inlineRules = bucket.at("lifecycleRules").items();
      if (rules.includes(UNRESOLVED) || inlineRules === UNRESOLVED) continue;
      const hasEnabledRule =
        rules
          .filter((list) => list !== UNRESOLVED)
          .flat()
          .some((rule) => rule.at("status").text("") === "Enabled") ||
        inlineRules.some((rule) => rule.at("enabled").flag(false) === true);
      if (!hasEnabledRule)
        report(bucket, "it has no enabled lifecycle rule, so its objects are never deleted: add one.");
    }
    for (const configuration of stack.of(BUCKET_LIFECYCLE)) {
      if (checked.has(configuration)) continue;
      const rules = configuration.at("rules").items();
      if (rules !== UNRESOLVED && !rules.some((rule) => rule.at("status").text("") !== "Disabled"))
        report(configuration, "none of its rules is enabled: enable one.");
    }
  },
});

export const bucketEncrypted = stackRule({
  name: "s3-encryption",
  description: "A bucket configures the encryption of its objects.",
  severity: "medium",
  framework: documented("Amazon S3 User Guide, Setting default server-side encryption behavior"),
  remediation: "Add a BucketServerSideEncryptionConfiguration.",
  check(stack, report) {
    for (const bucket of stack.of(BUCKET)) {
      const rules: (readonly Value[] | Unresolved)[] = [
        ...stack
          .linkedTo(bucket, BUCKET_ENCRYPTION, "bucket")
          .map((configuration) => configuration.at("rules").items()),
        // The deprecated form: an inline configuration of the bucket.
        bucket.at("serverSideEncryptionConfiguration").items(),
      ];
      if (rules.every((list) => list !== UNRESOLVED && list.length === 0))
        report(bucket, "it does not configure encryption: add a BucketServerSideEncryptionConfiguration.");
    }
  },
});

export const queueEncrypted = resourceRule({
  name: "sqs-encrypted",
  description: "A queue's messages are encrypted at rest.",
  framework: control("SQS.1"),
  remediation: "Set sqsManagedSseEnabled to true, or kmsMasterKeyId to a key.",
  presenceOf: ["kmsMasterKeyId"],
  types: [QUEUE],
  check(queue, report) {
    if (!queue.at("kmsMasterKeyId").isAbsent) return;
    const managed = queue.at("sqsManagedSseEnabled").flag(undefined);
    if (managed !== UNRESOLVED && managed !== true)
      report(queue, `sqsManagedSseEnabled is ${managed ?? "not set"}, and kmsMasterKeyId is missing: set one of them.`);
  },
  fix: (queue) =>
    queue.at("sqsManagedSseEnabled").isAbsent && queue.at("kmsMasterKeyId").isAbsent
      ? { sqsManagedSseEnabled: true }
      : undefined,
});

export const topicEncrypted = resourceRule({
  name: "sns-encrypted",
  description: "A topic's messages are encrypted at rest.",
  framework: control("SNS.1"),
  remediation: "Set kmsMasterKeyId to a customer managed key that CloudWatch may use.",
  presenceOf: ["kmsMasterKeyId"],
  types: [TOPIC],
  check(topic, report) {
    if (topic.at("kmsMasterKeyId").isAbsent)
      report(topic, "kmsMasterKeyId is not set: set it to a customer managed key.");
  },
});

export const repositoryScanned = flagRule({
  name: "ecr-scan-on-push",
  control: "ECR.1",
  type: REPOSITORY,
  property: "imageScanningConfiguration.scanOnPush",
  value: true,
  awsDefault: false,
  description: "An image is scanned when it is pushed.",
  consequence: "known vulnerabilities are not found",
});

export const repositoryImmutable = resourceRule({
  name: "ecr-immutable-tags",
  description: "An image tag is immutable.",
  framework: control("ECR.2"),
  remediation: "Set imageTagMutability to IMMUTABLE.",
  types: [REPOSITORY],
  check(repository, report) {
    const tags = repository.at("imageTagMutability").text("MUTABLE");
    if (tags !== UNRESOLVED && !tags.startsWith("IMMUTABLE"))
      report(repository, `imageTagMutability is ${tags}: set it to IMMUTABLE.`);
  },
  fix: (repository) => (repository.at("imageTagMutability").isAbsent ? { imageTagMutability: "IMMUTABLE" } : undefined),
});

export const STORAGE_RULES = [
  bucketPrivate,
  bucketExpires,
  bucketEncrypted,
  queueEncrypted,
  topicEncrypted,
  repositoryScanned,
  repositoryImmutable,
];
