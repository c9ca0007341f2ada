import assert from "node:assert/strict";
import { accountProvider } from "../infra/account.ts";
import { mocked, type Registry } from "../infra/testing/mocks.ts";
import { planStack } from "./config/parse.ts";
import { platform } from "./platform.ts";
import { rawConfig } from "./testing/config.ts";

/** Roles that may list the uploads bucket. */
const LISTING_ROLES = ["rates-dev-api", "rates-dev-dispatcher", "rates-dev-ec2"];

describe("permissions of a stack's components", () => {
  let registry: Registry;
  before(async function () {
    this.timeout(60_000);
    const { config, plan } = planStack(rawConfig(), "dev");
    assert(config && plan);
    ({ registry } = await mocked(() =>
      platform({ name: "dev", config, plan }, accountProvider("account", { ...config.account, tags: {} })),
    ));
  });

  const statements = (role: string, action: string) =>
    registry.statements(role).filter(({ Action }) => Action.includes(action));
  const uploads = "arn:aws:s3:eu-central-1:111111111111:rates-dev-buckets-uploads";

  for (const role of LISTING_ROLES)
    it(`let ${role} distinguish a missing upload from a forbidden one`, () => {
      // Without permission to list the bucket, S3 returns 403 for both (Amazon S3 API Reference, GetObject and
      // HeadObject).
      const [list, ...others] = statements(role, "s3:ListBucket");
      assert.deepEqual(others, []);
      assert.deepEqual(list, { Effect: "Allow", Action: ["s3:ListBucket"], Resource: [uploads] });
      const action = role === "rates-dev-ec2" ? "s3:GetObjectVersion" : "s3:GetObject";
      const objects = statements(role, action).flatMap(({ Resource }) => Resource);
      assert.ok(objects.includes(`${uploads}/*`), "the role may read the objects that it looks up");
    });

  it("let no other component list a bucket", () => {
    const roles = registry.ofType("aws:iam/role:Role").map(({ name }) => name);
    assert.deepEqual(roles.filter((role) => statements(role, "s3:ListBucket").length > 0).sort(), LISTING_ROLES);
  });

  it("name resources for every action that supports them", () => {
    // Actions without resource-level permissions, or whose resource does not exist yet (Service Authorization Reference).
    const actionsOnAnyResource = new Set([
      "ecr:GetAuthorizationToken",
      "ec2:CreateNetworkInterface",
      "ec2:DeleteNetworkInterface",
      "ec2:AssignPrivateIpAddresses",
      "ec2:UnassignPrivateIpAddresses",
      "logs:DescribeLogGroups",
      // Session Manager's channels (Service Authorization Reference, Amazon Message Gateway Service).
      "ssmmessages:CreateControlChannel",
      "ssmmessages:CreateDataChannel",
      "ssmmessages:OpenControlChannel",
      "ssmmessages:OpenDataChannel",
    ]);
    const roles = registry.ofType("aws:iam/role:Role").map(({ name }) => name);
    assert.ok(roles.length >= 8);
    for (const role of roles)
      for (const { Action, Resource, Effect } of registry.statements(role))
        if (Effect === "Allow" && Resource.includes("*"))
          for (const action of Action)
            assert.ok(
              actionsOnAnyResource.has(action) || action.startsWith("ec2:Describe"),
              `${role}: ${action} on everything`,
            );
  });
});
