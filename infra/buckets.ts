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

/** The buckets of a stack. */
export interface BucketsArgs {
  /** Days that results and uploads are kept. */
  readonly retentionDays: number;
  /** Whether destroy leaves them, and what they hold, behind. */
  readonly keepData: boolean;
  /** Who may put sources of updates into the uploads. */
  readonly callers: readonly Caller[];
}

/** Parts of an upload that nobody completed go after so many days. */
const INCOMPLETE_DAYS = 1;

/** Where results lie until they are fetched, and sources until they are loaded: private, encrypted, expiring. */
export class Buckets extends pulumi.ComponentResource {
  readonly results: Bucket;
  readonly uploads: Bucket;
  /** Their names, as the runtime's settings have them. */
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
        // A job loads the very object that lay there when it was accepted.
        versioned: true,
        writers: principals,
      },
      { parent: this },
    ).bucket;
    this.settings = pulumi.output({ results: this.results.bucket, uploads: this.uploads.bucket });
    this.registerOutputs({ settings: this.settings });
  }
}

/** What a private bucket differs in from another. */
export interface PrivateBucketArgs {
  readonly keepData: boolean;
  /** Left out, objects stay. */
  readonly expireDays?: number;
  readonly versioned?: boolean;
  /** ARNs of who beyond this account may put objects. */
  readonly writers?: readonly string[];
  /** The account whose load balancers put their access logs here. */
  readonly balancersOf?: string;
}

/**
 * A bucket that nobody reaches without TLS or from outside, whose objects are encrypted and all its owner's; with the
 * policy that says so, for whoever needs it to be there.
 */
export function privateBucket(
  name: string,
  { keepData, expireDays, versioned = false, writers = [], balancersOf }: PrivateBucketArgs,
  opts: pulumi.CustomResourceOptions,
): { bucket: Bucket; policy: BucketPolicy } {
  // A bucket that stays is as closed as it was; only its expiry goes with the stack.
  const kept = { ...opts, retainOnDelete: keepData };
  const bucket = new Bucket(name, { forceDestroy: !keepData }, kept);
  const of = { bucket: bucket.bucket };
  new BucketPublicAccessBlock(
    name,
    { ...of, blockPublicAcls: true, blockPublicPolicy: true, ignorePublicAcls: true, restrictPublicBuckets: true },
    kept,
  );
  new BucketOwnershipControls(name, { ...of, rule: { objectOwnership: "BucketOwnerEnforced" } }, kept);
  new BucketServerSideEncryptionConfiguration(
    name,
    { ...of, rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" }, bucketKeyEnabled: true }] },
    kept,
  );
  const versioning = versioned
    ? [new BucketVersioning(name, { ...of, versioningConfiguration: { status: "Enabled" } }, kept)]
    : [];
  new BucketLifecycleConfiguration(
    name,
    {
      ...of,
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
  const policy = new BucketPolicy(name, { ...of, policy: policyOf(bucket.arn, writers, balancersOf) }, kept);
  return { bucket, policy };
}

const policyOf = (
  arn: pulumi.Output<string>,
  writers: readonly string[],
  balancersOf: string | undefined,
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
      ...(balancersOf === undefined
        ? []
        : [
            {
              Sid: "AccessLogs",
              Effect: "Allow",
              Principal: { Service: "logdelivery.elasticloadbalancing.amazonaws.com" },
              Action: "s3:PutObject",
              Resource: pulumi.interpolate`${arn}/AWSLogs/${balancersOf}/*`,
            },
          ]),
    ],
  });
};
