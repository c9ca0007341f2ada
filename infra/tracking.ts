import type { SecurityGroup } from "@pulumi/aws/ec2/securityGroup.js";
import { Domain } from "@pulumi/aws/opensearch/domain.js";
import * as pulumi from "@pulumi/pulumi";
import { DEDICATED_MASTERS, dedicatedMasterCount } from "./limits/dedicatedMasters.ts";
import type { Statement } from "./shared/iam.ts";
import { logGroup } from "./shared/logs.ts";
import { ingressRule, type Placement, securityGroup } from "./shared/securityGroups.ts";

/**
 * Arguments of the OpenSearch domain of a stack.
 *
 * @example
 * ```ts
 * import type { Network } from "./network.ts";
 * import { Tracking } from "./tracking.ts";
 *
 * export const createTracking = ({ placement }: Network) =>
 *   new Tracking("rates-prod", {
 *     placement,
 *     instanceType: "m7g.medium.search",
 *     instanceCount: 3,
 *     zoneCount: 3,
 *     storageGb: 20,
 *     retentionDays: 30,
 *     keepData: true,
 *   });
 * ```
 */
export interface TrackingArgs {
  /** Private subnets of the nodes. */
  readonly placement: Placement;
  /** Instance type of data nodes, for example `m7g.medium.search`. */
  readonly instanceType: string;
  /** Number of data nodes, a multiple of `zoneCount`. */
  readonly instanceCount: number;
  /** Number of zones of the nodes, 1 to 3. */
  readonly zoneCount: number;
  /** GiB of gp3 per data node. */
  readonly storageGb: number;
  /** Retention of the domain's logs in days. */
  readonly retentionDays: number;
  /** Keeps the logs when the stack is destroyed. The domain is never kept (see Tracking). */
  readonly keepData: boolean;
}

/**
 * Prefix of the log groups of domains. OpenSearch writes logs only if a resource policy of the account allows it. An
 * account may have only a few of these policies, so stacks/account creates one for this prefix.
 */
export const TRACKING_LOGS = "/aws/OpenSearchService/rates/";

/** Prefix of the runtime's indices (TrackingSettings.indexPrefix in runtime/platform/settings.ts). */
const INDEX_PREFIX = "rates-jobs";

/** First hour (UTC) of the ten-hour window in which OpenSearch may patch and restart nodes. */
const OFF_PEAK_HOUR = 21;

const HTTPS = 443;

/**
 * Search over tracking documents, for a stack that needs more than Postgres: an OpenSearch domain in the private
 * subnets, encrypted, TLS only.
 *
 * Two mechanisms control access: the policies of roles by method and path (`statements`, `readStatements`), and the
 * security group's rules (`allowFrom`). Fine-grained access control is not used: its users would be in the domain,
 * outside this program, and the policies of two roles are enough. The domain has no access policy, because it
 * would refer to roles whose policies refer to the domain. The domain therefore accepts only signed calls that the
 * caller's own IAM policy allows.
 *
 * The domain contains copies. Destroying or replacing it loses nothing, because the dispatcher rewrites every document
 * from the database. Keeping it would require keeping its network.
 */
export class Tracking extends pulumi.ComponentResource {
  /** OpenSearch domain. */
  readonly domain: Domain;
  /** URL for the runtime. */
  readonly endpoint: pulumi.Output<string>;
  /** Security group of the domain. */
  readonly securityGroupId: pulumi.Output<string>;
  /** Number of nodes, including dedicated master nodes. */
  readonly nodes: number;
  /** Permissions of the writer of documents, the dispatcher. */
  readonly statements: Statement[];
  /** Permissions of the reader of documents, the API. */
  readonly readStatements: Statement[];

  constructor(name: string, args: TrackingArgs, opts?: pulumi.ComponentResourceOptions) {
    super("rates:infra:Tracking", name, {}, opts);
    const { placement, instanceType, instanceCount, zoneCount, storageGb } = args;
    const dedicatedMasters = dedicatedMasterCount(instanceCount);
    const child = { parent: this };

    const group = securityGroup(name, { vpcId: placement.vpcId, description: "OpenSearch" }, child);
    const logs = logGroup(
      `${name}-log`,
      { retentionDays: args.retentionDays, namePrefix: `${TRACKING_LOGS}${name}-`, keep: args.keepData },
      child,
    );

    this.domain = new Domain(
      name,
      {
        engineVersion: "OpenSearch_2.19",
        clusterConfig: {
          instanceType,
          instanceCount,
          zoneAwarenessEnabled: zoneCount > 1,
          ...(zoneCount > 1 ? { zoneAwarenessConfig: { availabilityZoneCount: zoneCount } } : {}),
          dedicatedMasterEnabled: dedicatedMasters > 0,
          ...(dedicatedMasters > 0
            ? { dedicatedMasterCount: dedicatedMasters, dedicatedMasterType: DEDICATED_MASTERS.instanceType }
            : {}),
        },
        // gp3's default values, which OpenSearch Service requires explicitly.
        ebsOptions: { ebsEnabled: true, volumeType: "gp3", volumeSize: storageGb, iops: 3_000, throughput: 125 },
        // A domain has exactly one subnet per zone.
        vpcOptions: {
          subnetIds: pulumi.output(placement.subnetIds).apply((ids) => ids.slice(0, zoneCount)),
          securityGroupIds: [group.id],
        },
        encryptAtRest: { enabled: true },
        nodeToNodeEncryption: { enabled: true },
        domainEndpointOptions: { enforceHttps: true, tlsSecurityPolicy: "Policy-Min-TLS-1-2-PFS-2023-10" },
        logPublishingOptions: [{ logType: "ES_APPLICATION_LOGS", cloudwatchLogGroupArn: logs.arn }],
        softwareUpdateOptions: { autoSoftwareUpdateEnabled: true },
        offPeakWindowOptions: {
          enabled: true,
          offPeakWindow: { windowStartTime: { hours: OFF_PEAK_HOUR, minutes: 0 } },
        },
      },
      // Creating a domain takes about twenty minutes; a resize takes longer, because it moves the shards.
      { ...child, customTimeouts: { create: "90m", update: "3h", delete: "90m" } },
    );

    this.endpoint = pulumi.interpolate`https://${this.domain.endpoint}`;
    this.securityGroupId = group.id;
    this.nodes = instanceCount + dedicatedMasters;
    const path = (suffix: string): pulumi.Output<string> => pulumi.interpolate`${this.domain.arn}/${suffix}`;
    const index = path(`${INDEX_PREFIX}-*`);
    const template = path(`_index_template/${INDEX_PREFIX}`);
    this.readStatements = [{ actions: ["es:ESHttpPost"], resources: [path(`${INDEX_PREFIX}-*/_search`)] }];
    this.statements = [
      { actions: ["es:ESHttpPost"], resources: [path("_bulk"), path(`${INDEX_PREFIX}-*/_delete_by_query`)] },
      { actions: ["es:ESHttpHead", "es:ESHttpPut"], resources: [template] },
      { actions: ["es:ESHttpGet"], resources: [path(`_cat/indices/${INDEX_PREFIX}-*`)] },
      // Deletes the indices of months without documents.
      { actions: ["es:ESHttpDelete"], resources: [index] },
    ];
    this.registerOutputs({ endpoint: this.endpoint });
  }

  /** Allows connections from a component whose security group already allows outgoing HTTPS. */
  allowFrom(name: string, from: Pick<SecurityGroup, "id">): void {
    ingressRule(
      name,
      {
        group: this.securityGroupId,
        peer: { group: from.id },
        ports: [HTTPS, HTTPS],
        description: "OpenSearch over TLS",
      },
      { parent: this },
    );
  }
}
