import type { CreateContext, ResourceType } from "../types.ts";
import { asText } from "../values.ts";
import { arn, bucketName, name, naming, partOf } from "./naming.ts";

const s3Object: ResourceType = {
  id: ({ inputs }) => `${asText(inputs.bucket)}/${asText(inputs.key)}`,
  outputs: ({ id, hex }) => ({ arn: `arn:aws:s3:::${id}`, etag: hex(32), versionId: hex(32) }),
  changing: ["etag", "versionId"],
  naming: { ...naming("key", 1024, "nowhere", ""), automatic: false },
  replace: ["bucket"],
};

/** Stores the final snapshot of a database, unless it is skipped. Names are unique per account and region. */
function storeFinalSnapshot({ cloud, account, region, inputs }: CreateContext): void {
  if (inputs.skipFinalSnapshot === true) return;
  const id = asText(inputs.finalSnapshotIdentifier);
  const snapshot = { type: "aws:rds/snapshot:Snapshot", account, region, id };
  if (cloud.get(snapshot)) throw new Error(`DBSnapshotAlreadyExists: "${id}" already exists`);
  cloud.store({ ...snapshot, urn: "", name: id, properties: {} });
}

/** Buckets, image repositories, databases, search and Glue. */
export const dataTypes: Readonly<Record<string, ResourceType>> = {
  "aws:s3/bucket:Bucket": {
    naming: naming("bucket", 63, "world", "BucketAlreadyExists", bucketName),
    id: name,
    arn: ({ name }) => `arn:aws:s3:::${name}`,
    outputs: ({ name, region }) => ({
      bucketDomainName: `${name}.s3.amazonaws.com`,
      bucketRegionalDomainName: `${name}.s3.${region}.amazonaws.com`,
      hostedZoneId: "Z1BKCTXD74EZPE",
      bucketRegion: region,
    }),
    defaults: { forceDestroy: false },
  },
  "aws:s3/bucketPolicy:BucketPolicy": partOf("bucket"),
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": partOf("bucket"),
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": partOf("bucket"),
  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": partOf("bucket"),
  "aws:s3/bucketVersioning:BucketVersioning": partOf("bucket"),
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls": partOf("bucket"),
  "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration": partOf("bucket"),
  "aws:s3/bucketLogging:BucketLogging": partOf("bucket"),
  "aws:s3/bucketNotification:BucketNotification": partOf("bucket"),
  "aws:s3/bucketObject:BucketObject": s3Object,
  "aws:s3/bucketObjectv2:BucketObjectv2": s3Object,
  "aws:ecr/repository:Repository": {
    naming: naming("name", 256, "region", "RepositoryAlreadyExistsException", /^[a-z0-9]+([._/-][a-z0-9]+)*$/),
    id: name,
    arn: arn("ecr", "repository/"),
    outputs: ({ region, account, name }) => ({
      registryId: account,
      repositoryUrl: `${account}.dkr.ecr.${region}.amazonaws.com/${name}`,
    }),
    defaults: { imageTagMutability: "MUTABLE" },
    replace: ["encryptionConfigurations"],
  },
  "aws:ecr/lifecyclePolicy:LifecyclePolicy": partOf("repository"),
  "aws:ecr/repositoryPolicy:RepositoryPolicy": partOf("repository"),
  "aws:rds/instance:Instance": {
    naming: naming("identifier", 63, "region", "DBInstanceAlreadyExists", /^[a-z](?!.*--)[a-z0-9-]*(?<!-)$/),
    id: ({ hex }) => `db-${hex(26).toUpperCase()}`,
    arn: arn("rds", "db:"),
    outputs: ({ id, name, region, account, inputs, hex }) => {
      const address = `${name}.${hex(12)}.${region}.rds.amazonaws.com`;
      const port = typeof inputs.port === "number" ? inputs.port : 5432;
      const secretArn = `arn:aws:secretsmanager:${region}:${account}:secret:rds!${id.toLowerCase()}-${hex(6)}`;
      const managed = inputs.manageMasterUserPassword === true;
      return {
        address,
        port,
        endpoint: `${address}:${port}`,
        resourceId: id,
        status: "available",
        hostedZoneId: "Z29XKXDKYMONMX",
        masterUserSecrets: managed ? [{ secretArn, secretStatus: "active", kmsKeyId: "" }] : [],
        engineVersionActual: asText(inputs.engineVersion),
      };
    },
    defaults: {
      autoMinorVersionUpgrade: true,
      copyTagsToSnapshot: false,
      deleteAutomatedBackups: true,
      deletionProtection: false,
      iamDatabaseAuthenticationEnabled: false,
      publiclyAccessible: false,
      skipFinalSnapshot: false,
      storageEncrypted: false,
    },
    replace: ["dbName", "engine", "storageEncrypted", "kmsKeyId", "username", "dbSubnetGroupName", "availabilityZone"],
    guards: [
      { property: "deletionProtection", is: true, error: "InvalidParameterCombination: deletion protection is on" },
      {
        property: "finalSnapshotIdentifier",
        is: null,
        unless: "skipFinalSnapshot",
        error: "finalSnapshotIdentifier is required when skipFinalSnapshot is false",
      },
    ],
    onDelete: storeFinalSnapshot,
  },
  "aws:rds/subnetGroup:SubnetGroup": {
    naming: naming("name", 255, "region", "DBSubnetGroupAlreadyExists", /^[a-z0-9 ._-]+$/),
    id: name,
    arn: arn("rds", "subgrp:"),
  },
  "aws:rds/parameterGroup:ParameterGroup": {
    naming: naming("name", 255, "region", "DBParameterGroupAlreadyExists", /^[a-z](?!.*--)[a-z0-9.-]*(?<!-)$/),
    id: name,
    arn: arn("rds", "pg:"),
    replace: ["family", "description"],
  },
  "aws:opensearch/domain:Domain": {
    naming: naming("domainName", 28, "region", "ResourceAlreadyExistsException", /^[a-z][a-z0-9-]{2,}$/),
    id: arn("es", "domain/"),
    arn: arn("es", "domain/"),
    outputs: ({ account, name, region, inputs, hex }) => ({
      domainId: `${account}/${name}`,
      endpoint: `${inputs.vpcOptions === undefined ? "search" : "vpc"}-${name}-${hex(26)}.${region}.es.amazonaws.com`,
    }),
  },
  "aws:opensearch/domainPolicy:DomainPolicy": partOf("domainName"),
  "aws:glue/job:Job": {
    naming: naming("name", 255, "region", "AlreadyExistsException"),
    id: name,
    arn: arn("glue", "job/"),
    defaults: { timeout: 2880, maxRetries: 0 },
  },
  "aws:glue/connection:Connection": {
    naming: naming("name", 255, "region", "AlreadyExistsException"),
    id: ({ account, name }) => `${account}:${name}`,
    arn: arn("glue", "connection/"),
  },
};
