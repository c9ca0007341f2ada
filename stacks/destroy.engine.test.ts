import assert from "node:assert/strict";
import type { Deployment } from "@pulumi/pulumi/automation/index.js";
import { ROOT } from "../runtime/platform/root.ts";
import { readStackFile } from "./config/parse.ts";
import { requireEngine } from "./testing/command.ts";
import { Cloud } from "./testing/provider/cloud.ts";
import { RunFailed } from "./testing/run.ts";
import { stackEngine } from "./testing/stackEngine.ts";

/**
 * Numbers of resources that remain of a stack that keeps its data: those with data, and the settings of buckets. On AWS,
 * OpenSearch's log group remains too; the simulated provider ignores skipDestroy.
 */
const RETAINED = {
  "aws:ecr/repository:Repository": 1,
  "aws:rds/snapshot:Snapshot": 1,
  "aws:s3/bucket:Bucket": 4,
  "aws:s3/bucketObjectv2:BucketObjectv2": 3,
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls": 4,
  "aws:s3/bucketPolicy:BucketPolicy": 4,
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": 4,
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": 4,
  "aws:s3/bucketVersioning:BucketVersioning": 1,
  "docker:index/image:Image": 2,
};

/** Resources that the drain needs: to run, to reach the database and AWS, and to end runs. */
const DEPENDENCIES = [
  "aws:ec2/launchTemplate:LaunchTemplate ec2",
  "aws:cloudwatch/logGroup:LogGroup dispatcher",
  "aws:ec2/eip:Eip network-1",
  "aws:ec2/internetGateway:InternetGateway network",
  "aws:ec2/natGateway:NatGateway network-1",
  "aws:ec2/route:Route network-private-1",
  "aws:ec2/route:Route network-public-1",
  "aws:ec2/routeTableAssociation:RouteTableAssociation network-private-1",
  "aws:ec2/routeTableAssociation:RouteTableAssociation network-public-1",
  "aws:ec2/vpcEndpoint:VpcEndpoint network-s3",
  "aws:glue/job:Job glue",
  "aws:iam/role:Role dispatcher",
  "aws:iam/role:Role glue",
  "aws:iam/rolePolicy:RolePolicy dispatcher",
  "aws:lambda/alias:Alias dispatcher",
  "aws:lambda/function:Function dispatcher",
  "aws:rds/instance:Instance database",
  "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule dispatcher-database",
  "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule dispatcher-https",
  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule dispatcher-database",
];

const countsByType = (cloud: Cloud): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { type } of cloud.resources.values()) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
};

/** Returns resources that the engine deletes only after the drain, which depends on them directly or indirectly. */
function outlivingDrain({ deployment }: Deployment): Set<string> {
  interface Stored {
    urn: string;
    parent?: string;
    dependencies?: string[];
    propertyDependencies?: Record<string, string[] | null>;
  }
  const resources = new Map((deployment.resources as Stored[]).map((resource) => [resource.urn, resource]));
  const outliving = new Set<string>();
  const addWithDependencies = (urn: string): void => {
    if (outliving.has(urn)) return;
    outliving.add(urn);
    const { parent, dependencies = [], propertyDependencies = {} } = resources.get(urn) ?? { urn };
    const others = Object.values(propertyDependencies).flatMap((urns) => urns ?? []);
    for (const other of [...dependencies, ...others, ...(parent === undefined ? [] : [parent])])
      addWithDependencies(other);
  };
  addWithDependencies([...resources.keys()].find((urn) => urn.endsWith("-dispatcher-drain")) ?? "");
  // urn:pulumi:<stack>::<project>::<types of parents$type>::<name>
  return new Set([...outliving].map((urn) => urn.replace(/^.*::(?:[^:$]+(?::[^:$]+)*\$)*(.+)::(.*)$/, "$1 $2")));
}

describe("destroying a stack that keeps its data, in the real engine", () => {
  before(function () {
    requireEngine(this);
  });

  // Staging is created and destroyed twice, so that leftovers of the first cycle would obstruct the second. One stack is
  // enough, since both leave the same kinds of resources.
  for (const [stack, cycles] of [
    ["staging", 2],
    ["prod", 1],
  ] as const)
    it(`refuses while the database of ${stack} is protected, drains first, can be repeated, and keeps the data`, async function () {
      this.timeout(480_000);
      const config = readStackFile(stack, ROOT);
      assert.ok(config.data.keep && config.database.deletionProtection);
      /** Resources at each call of the dispatcher with the drain event. */
      const drains: string[][] = [];
      let drainFails = false;
      const cloud: Cloud = new Cloud({
        account: config.account.id,
        lambda: (name, input) => {
          if (JSON.parse(input).tf?.action !== "delete") return null;
          assert.match(name, new RegExp(`^rates-${stack}-dispatcher-`));
          drains.push(remaining());
          if (drainFails) throw new Error("2 runs could not be ended");
          return null;
        },
      });
      const remaining = () =>
        [...cloud.resources.values()].map(({ type, urn }) => `${type} ${urn.replace(/^.*::/, "")}`);
      const pulumi = await stackEngine(stack, { cloud });
      try {
        await pulumi.up();
        const created = countsByType(cloud);

        await assert.rejects(
          pulumi.previewDestroy(),
          (error) =>
            error instanceof RunFailed && /-database" cannot be deleted\s+because it is protected/.test(error.message),
        );

        pulumi.configure({ "rates-platform:database": { ...config.database, deletionProtection: false } });
        const unprotected = await pulumi.up();
        const changed = unprotected.steps.filter(({ op }) => op !== "same").map(({ op, type }) => `${op} ${type}`);
        assert.deepEqual(changed.sort(), [
          "update aws:lb/loadBalancer:LoadBalancer",
          "update aws:rds/instance:Instance",
        ]);

        // Checks the dependencies in the state, because the order of deletions shows nothing about resources that are
        // deleted in parallel.
        const outliving = outlivingDrain(await pulumi.exportState());
        const needed = DEPENDENCIES.map((resource) => resource.replace(" ", ` rates-${stack}-`));
        assert.deepEqual(
          needed.filter((resource) => !outliving.has(resource)),
          [],
          "resources that could be deleted before the drain ends",
        );

        await pulumi.previewDestroy();
        assert.deepEqual([countsByType(cloud), drains], [created, []], "a preview deletes and drains nothing");
        drainFails = true;
        await assert.rejects(
          pulumi.destroy(),
          (error) => error instanceof RunFailed && /2 runs could not be ended/.test(error.message),
        );
        assert.deepEqual(
          needed.filter((resource) => !remaining().includes(resource)),
          [],
          "resources that the failed destroy deleted, but a second one needs",
        );
        drainFails = false;
        drains.length = 0;
        const deleted = (await pulumi.destroy()).steps.map(({ type, urn }) => `${type} ${urn.replace(/^.*::/, "")}`);
        assert.equal(drains.length, 1, "drained once");
        for (const component of ["dispatcher", "glue"])
          assert.ok(
            deleted.indexOf(`aws:ec2/securityGroup:SecurityGroup rates-${stack}-${component}`) <
              deleted.indexOf(`aws:iam/rolePolicy:RolePolicy rates-${stack}-${component}`),
            `${component}: the role that deletes network interfaces outlives their security group`,
          );
        assert.deepEqual(
          needed.filter((resource) => !drains[0]?.includes(resource)),
          [],
          "resources that were missing during the drain",
        );
        assert.deepEqual(countsByType(cloud), RETAINED);

        for (let cycle = 2; cycle <= cycles; cycle++) {
          await pulumi.up();
          await pulumi.destroy();
          assert.equal(cloud.ofType("aws:rds/snapshot:Snapshot").length, cycle, "one final snapshot per destroy");
        }
      } finally {
        await pulumi.close();
      }
    });
});
