import { Alias } from "@pulumi/aws/kms/alias.js";
import { Key } from "@pulumi/aws/kms/key.js";
import { Bucket } from "@pulumi/aws/s3/bucket.js";
import { BucketPolicy } from "@pulumi/aws/s3/bucketPolicy.js";
import { BucketPublicAccessBlock } from "@pulumi/aws/s3/bucketPublicAccessBlock.js";
import { BucketServerSideEncryptionConfiguration } from "@pulumi/aws/s3/bucketServerSideEncryptionConfiguration.js";
import { BucketVersioning } from "@pulumi/aws/s3/bucketVersioning.js";
import * as pulumi from "@pulumi/pulumi";
import { tlsOnly } from "../../infra/shared/tlsOnly.ts";

/** Pulumi state of an account's stacks: a versioned bucket and its KMS key, both protected against deletion. */
export class State extends pulumi.ComponentResource {
  readonly bucket: Bucket;
  readonly key: Key;

  constructor(name: string, { id, region }: { id: string; region: string }, opts?: pulumi.ComponentResourceOptions) {
    super("rates:account:State", name, {}, opts);
    const child = { parent: this };
    const protectedChild = { ...child, protect: true };
    this.key = new Key(name, { description: "state of Pulumi's stacks", enableKeyRotation: true }, protectedChild);
    new Alias(name, { name: "alias/rates-state", targetKeyId: this.key.keyId }, child);
    // The workflows (stacks/workflows/account.ts) need a predictable name.
    this.bucket = new Bucket(name, { bucket: `rates-state-${id}-${region}` }, protectedChild);
    const bucketRef = { bucket: this.bucket.bucket };
    new BucketVersioning(name, { ...bucketRef, versioningConfiguration: { status: "Enabled" } }, child);
    new BucketServerSideEncryptionConfiguration(
      name,
      {
        ...bucketRef,
        rules: [
          {
            applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId: this.key.arn },
            bucketKeyEnabled: true,
          },
        ],
      },
      child,
    );
    new BucketPublicAccessBlock(
      name,
      {
        ...bucketRef,
        blockPublicAcls: true,
        blockPublicPolicy: true,
        ignorePublicAcls: true,
        restrictPublicBuckets: true,
      },
      child,
    );
    new BucketPolicy(
      name,
      {
        ...bucketRef,
        policy: pulumi.jsonStringify({
          Version: "2012-10-17",
          Statement: [tlsOnly("s3:*", [this.bucket.arn, pulumi.interpolate`${this.bucket.arn}/*`])],
        }),
      },
      child,
    );
    this.registerOutputs({ bucket: this.bucket.bucket });
  }
}
