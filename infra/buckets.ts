import { Bucket } from "@pulumi/aws/s3/bucket.js";
import { BucketLifecycleConfiguration } from "@pulumi/aws/s3/bucketLifecycleConfiguration.js";
import { BucketOwnershipControls } from "@pulumi/aws/s3/bucketOwnershipControls.js";
import { BucketPolicy } from "@pulumi/aws/s3/bucketPolicy.js";
import { BucketPublicAccessBlock } from "@pulumi/aws/s3/bucketPublicAccessBlock.js";
import { BucketServerSideEncryptionConfiguration } from "@pulumi/aws/s3/bucketServerSideEncryptionConfiguration.js";
import { BucketVersioning } from "@pulumi/aws/s3/bucketVersioning.js";
import * as pulumi from "@pulumi/pulumi";
import type { Caller } from "./queues.ts";
import { tlsOnly } from "./shared/tlsOnly.ts";

/**
 * Arguments of the buckets of a stack.
 *
 * @example
 * ```ts
 * import { Buckets } from "./buckets.ts";
 *
 * const buckets = new Buckets("rates-dev-buckets", { retentionDays: 30, keepData: false, callers: [] });
 * export const resultsBucket = buckets.results.bucket;
 * ```
 */
export interface BucketsArgs {
  /** Days after which results are deleted and uploads become noncurrent versions, which are kept as long again. */
  readonly retentionDays: number;
  /** Keeps the buckets and their objects when the stack is destroyed. */
  readonly keepData: boolean;
  /** Principals that may upload sources of updates. */
  readonly callers: readonly Caller[];
}

/** Days after which parts of an incomplete upload are deleted. */
const INCOMPLETE_DAYS = 1;

/** Buckets of results and of uploaded sources: private, encrypted, with objects that expire. */
export class Buckets extends pulumi.ComponentResource {
  /** Results that are too large for a response. */
  readonly results: Bucket;
  /** Files that callers upload for updates. */
  readonly uploads: Bucket;
  /** Bucket names in the form of the runtime's settings. */
  readonly settings: pulumi.Output<{ results: string; uploads: string }>;

  constructor(name: string, args: BucketsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("rates:infra:Buckets", name, {}, opts);
    const { keepData, retentionDays } = args;
    const principals = [...new Set(args.callers.map(({ principal }) => principal))];
    this.results = privateBucket(`${name}-results`, { keepData, expireDays: retentionDays }, { parent: this }).bucket;
    this.uploads = privateBucket(
      `${name}-uploads`,
      {
        keepData,
        expireDays: retentionDays,
        // A job loads the version of the object that existed when the job was accepted.
        versioned: true,
        writers: principals,
      },
      { parent: this },
    ).bucket;
    this.settings = pulumi.output({ results: this.results.bucket, uploads: this.uploads.bucket });
    this.registerOutputs({ settings: this.settings });
  }
}

/** Settings of one private bucket. */
export interface PrivateBucketArgs {
  /** Keeps the bucket and its objects when the stack is destroyed. */
  readonly keepData: boolean;
  /**
   * Days after which objects expire.
   *
   * @default never
   */
  readonly expireDays?: number;
  /**
   * Keeps previous versions of objects.
   *
   * @default false
   */
  readonly versioned?: boolean;
  /** ARNs of principals that may put objects. */
  readonly writers?: readonly string[];
  /** Id of the account whose load balancers put their access logs here. */
  readonly accessLogAccount?: string;
}

/**
 * Creates a private bucket: encrypted, TLS only, no public access, all objects owned by the bucket's owner.
 *
 * @returns the bucket, and its policy for resources that depend on it
 */
export function privateBucket(
  name: string,
  { keepData, expireDays, versioned = false, writers = [], accessLogAccount }: PrivateBucketArgs,
  opts: pulumi.CustomResourceOptions,
): { bucket: Bucket; policy: BucketPolicy } {
  // A retained bucket stays private: only its lifecycle rules are deleted with the stack.
  const bucketOptions = { ...opts, retainOnDelete: keepData };
  const bucket = new Bucket(name, { forceDestroy: !keepData }, bucketOptions);
  const bucketRef = { bucket: bucket.bucket };
  new BucketPublicAccessBlock(
    name,
    {
      ...bucketRef,
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    },
    bucketOptions,
  );
  new BucketOwnershipControls(name, { ...bucketRef, rule: { objectOwnership: "BucketOwnerEnforced" } }, bucketOptions);
  new BucketServerSideEncryptionConfiguration(
    name,
    {
      ...bucketRef,
      rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" }, bucketKeyEnabled: true }],
    },
    bucketOptions,
  );
  const versioning = versioned
    ? [new BucketVersioning(name, { ...bucketRef, versioningConfiguration: { status: "Enabled" } }, bucketOptions)]
    : [];
  new BucketLifecycleConfiguration(
    name,
    {
      ...bucketRef,
      rules: [
        {
          id: "expire",
          status: "Enabled",
          filter: { prefix: "" },
          abortIncompleteMultipartUpload: { daysAfterInitiation: INCOMPLETE_DAYS },
          ...(expireDays === undefined ? {} : { expiration: { days: expireDays } }),
          ...(versioned && expireDays !== undefined
            ? { noncurrentVersionExpiration: { noncurrentDays: expireDays } }
            : {}),
        },
      ],
    },
    { ...opts, dependsOn: versioning },
  );
  const policy = new BucketPolicy(
    name,
    { ...bucketRef, policy: policyOf(bucket.arn, writers, accessLogAccount) },
    bucketOptions,
  );
  return { bucket, policy };
}

const policyOf = (
  arn: pulumi.Output<string>,
  writers: readonly string[],
  accessLogAccount: string | undefined,
): pulumi.Output<string> => {
  const objects = pulumi.interpolate`${arn}/*`;
  return pulumi.jsonStringify({
    Version: "2012-10-17",
    Statement: [
      tlsOnly("s3:*", [arn, objects]),
      ...(writers.length === 0
        ? []
        : [
            {
              Sid: "Callers",
              Effect: "Allow",
              Principal: { AWS: writers },
              Action: ["s3:PutObject", "s3:AbortMultipartUpload"],
              Resource: objects,
            },
          ]),
      ...(accessLogAccount === undefined
        ? []
        : [
            {
              Sid: "AccessLogs",
              Effect: "Allow",
              Principal: { Service: "logdelivery.elasticloadbalancing.amazonaws.com" },
              Action: "s3:PutObject",
              Resource: pulumi.interpolate`${arn}/AWSLogs/${accessLogAccount}/*`,
            },
          ]),
    ],
  });
};
