import { allConfig } from "@pulumi/pulumi/runtime/config.js";
import { accountProvider, verifyAccount } from "../../infra/account.ts";
import { Boundaries } from "./boundary.ts";
import { accountConfig } from "./config.ts";
import { Operators } from "./operators.ts";
import { AccountSingletons } from "./singletons.ts";
import { State } from "./state.ts";
import { WorkflowRoles } from "./workflowRoles.ts";

/** Creates the resources that an account has once, for any number of stacks. */
export default async function (): Promise<Record<string, unknown>> {
  const { account, serviceLinkedRoles, quotas } = accountConfig(allConfig());
  const { id, region, repository, stacks } = account;
  const args = { id, region, tags: { owner: "rates", stack: "account" } };
  const provider = accountProvider("account", args);
  await verifyAccount(provider, args);
  const options = { providers: { aws: provider } };
  const state = new State("rates-state", { id, region }, options);
  const boundaries = new Boundaries("rates-boundary", { accountId: id, state }, options);
  const boundaryArn = boundaries.deployment.arn;
  const roles = new WorkflowRoles(
    "rates-workflows",
    { accountId: id, repository, stacks, state, boundaryArn },
    options,
  );
  const operators = new Operators("rates-operators", { accountId: id, state }, options);
  new AccountSingletons("rates-once", { id, region, serviceLinkedRoles, quotas }, options);
  return {
    backend: state.bucket.bucket.apply((bucket) => `s3://${bucket}?region=${region}`),
    secretsProvider: `awskms://alias/rates-state?region=${region}`,
    previewRole: roles.preview.arn,
    deployRole: roles.deploy.arn,
    operatorPolicies: [operators.connect.arn, operators.smoke.arn, operators.smokeInside.arn],
  };
}
