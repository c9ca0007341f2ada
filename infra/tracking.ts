import type { SecurityGroup } from "@pulumi/aws/ec2/securityGroup.js";
import { Domain } from "@pulumi/aws/opensearch/domain.js";
import * as pulumi from "@pulumi/pulumi";
import { DEDICATED_MASTERS, dedicatedMasterCount } from "./limits/dedicatedMasters.ts";
import type { Statement } from "./shared/iam.ts";
import { logGroup } from "./shared/logs.ts";
import { ingressRule, type Placement, securityGroup } from "./shared/securityGroups.ts";

/** What the OpenSearch domain of a stack is made of. */
export interface TrackingArgs {
  readonly placement: Placement;
  /** An instance type of data nodes, as `m7g.medium.search`. */
  readonly instanceType: string;
  /** Data nodes, a multiple of `zoneCount`. */
  readonly instanceCount: number;
  /** Zones that the nodes are spread over, 1 to 3. */
  readonly zoneCount: number;
  /** GiB of gp3 of each data node. */
  readonly storageGb: number;
  /** Days that the domain's logs are kept. */
  readonly retentionDays: number;
  /** Whether the logs outlive the domain. Nothing else of it is worth keeping: see the class. */
  readonly keepData: boolean;
}

/**
 * What the names of the log groups of domains begin with. OpenSearch writes its logs only where a resource policy of the
 * account lets it; an account has few of those, so one for this prefix is stacks/account's.
 */
export const TRACKING_LOGS = "/aws/OpenSearchService/rates/";

/** What the runtime's indices begin with (TrackingSettings.indexPrefix in runtime/platform/settings.ts). */
const INDEX_PREFIX = "rates-jobs";

/** When OpenSearch may patch and restart nodes: ten hours from here on, UTC. */
const OFF_PEAK_HOUR = 21;

const HTTPS = 443;

/**
 * Where tracking documents are searched, in a stack that wants more than Postgres for it: an OpenSearch domain in the
 * private subnets, encrypted, over TLS only.
 *
 * Who may call it is in the policies of roles (`statements`, `readStatements`), by method and path, and in the security
 * group's rules (`admit`). There is no fine-grained access control: its users live in the domain, out of reach of this
 * program, and two roles with a few paths each need none. Nor is there an access policy on the domain, which would name
 * the roles that name it: without one, only signed calls that an identity's own policy allows get through.
 *
 * It holds a projection. Destroying or replacing it loses nothing: every document is written again from the database.
 * Keeping it would keep the network that it stands in.
 */
export class Tracking extends pulumi.ComponentResource {
  readonly domain: Domain;
  /** The URL that the runtime calls. */
  readonly endpoint: pulumi.Output<string>;
  readonly securityGroupId: pulumi.Output<string>;
  /** Nodes of every kind. */
  readonly nodes: number;
  /** For who writes documents: the dispatcher. */
  readonly statements: Statement[];
  /** For who searches them: the API. */
  readonly readStatements: Statement[];

  constructor(name: string, args: TrackingArgs, opts?: pulumi.ComponentResourceOptions) {
    super("rates:infra:Tracking", name, {}, opts);
    const { placement, instanceType, instanceCount, zoneCount, storageGb } = args;
    const leaders = dedicatedMasterCount(instanceCount);
    const child = { parent: this };

    const group = securityGroup(name, { vpcId: placement.vpcId, description: "OpenSearch" }, child);
    const logs = logGroup(
      `${name}-log`,
      { retentionDays: args.retentionDays, under: `${TRACKING_LOGS}${name}-`, keep: args.keepData },
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
          dedicatedMasterEnabled: leaders > 0,
          ...(leaders > 0
            ? { dedicatedMasterCount: leaders, dedicatedMasterType: DEDICATED_MASTERS.instanceType }
            : {}),
        },
        // gp3's own figures, named because the service wants them with it.
        ebsOptions: { ebsEnabled: true, volumeType: "gp3", volumeSize: storageGb, iops: 3_000, throughput: 125 },
        // A domain takes exactly as many subnets as it has zones.
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
      // A domain is made in twenty minutes, and one with more nodes moves its shards first.
      { ...child, customTimeouts: { create: "90m", update: "3h", delete: "90m" } },
    );

    this.endpoint = pulumi.interpolate`https://${this.domain.endpoint}`;
    this.securityGroupId = group.id;
    this.nodes = instanceCount + leaders;
    const path = (suffix: string): pulumi.Output<string> => pulumi.interpolate`${this.domain.arn}/${suffix}`;
    const index = path(`${INDEX_PREFIX}-*`);
    const template = path(`_index_template/${INDEX_PREFIX}`);
    this.readStatements = [{ actions: ["es:ESHttpPost"], resources: [path(`${INDEX_PREFIX}-*/_search`)] }];
    this.statements = [
      { actions: ["es:ESHttpPost"], resources: [path("_bulk"), path(`${INDEX_PREFIX}-*/_delete_by_query`)] },
      { actions: ["es:ESHttpHead", "es:ESHttpPut"], resources: [template] },
      { actions: ["es:ESHttpGet"], resources: [path(`_cat/indices/${INDEX_PREFIX}-*`)] },
      // Months of which no document is left.
      { actions: ["es:ESHttpDelete"], resources: [index] },
    ];
    this.registerOutputs({ endpoint: this.endpoint });
  }

  /** Lets a part in, whose own security group lets it out over HTTPS already. */
  admit(name: string, from: Pick<SecurityGroup, "id">): void {
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
