import { Policy } from "@pulumi/aws/iam/policy.js";
import * as pulumi from "@pulumi/pulumi";
import { BOUNDARY } from "../../infra/shared/role.ts";
import type { State } from "./state.ts";

/**
 * The most that a role of a stack may do, whatever policies it has: anything but IAM, the organization, and the state of
 * the stacks. A deployment that attaches an administrator's policy to a role of its own gains nothing by it.
 */
export class Boundary extends pulumi.ComponentResource {
  readonly policy: Policy;

  constructor(
    name: string,
    { accountId, state }: { accountId: string; state: State },
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("rates:account:Boundary", name, {}, opts);
    this.policy = new Policy(
      name,
      {
        name: BOUNDARY,
        description: "The most that roles of the platform's stacks may do",
        policy: pulumi.jsonStringify({
          Version: "2012-10-17",
          Statement: [
            { Effect: "Allow", NotAction: ["iam:*", "organizations:*", "account:*", "sts:AssumeRole*"], Resource: "*" },
            // The dispatcher hands instances their role.
            { Effect: "Allow", Action: ["iam:PassRole"], Resource: `arn:aws:iam::${accountId}:role/rates-*` },
            {
              Effect: "Deny",
              Action: ["iam:PassRole"],
              Resource: ["deploy", "preview"].map((role) => `arn:aws:iam::${accountId}:role/rates-${role}`),
            },
            {
              Effect: "Deny",
              Action: ["s3:*"],
              Resource: [state.bucket.arn, pulumi.interpolate`${state.bucket.arn}/*`],
            },
            { Effect: "Deny", Action: ["kms:*"], Resource: state.key.arn },
          ],
        }),
      },
      { parent: this },
    );
    this.registerOutputs({ policy: this.policy.arn });
  }
}
