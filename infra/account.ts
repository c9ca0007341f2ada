import { getCallerIdentity } from "@pulumi/aws/getCallerIdentity.js";
import { Provider } from "@pulumi/aws/provider.js";
import { RunError } from "@pulumi/pulumi/errors.js";

/**
 * The account and region that a stack deploys to.
 *
 * @example
 * ```ts
 * import { accountProvider, verifyAccount } from "./account.ts";
 *
 * const account = { id: "123456789012", region: "eu-central-1", tags: { owner: "pricing" } };
 * const provider = accountProvider("rates-dev", account);
 * await verifyAccount(provider, account);
 * ```
 */
export interface AccountArgs {
  /** Id of the account: 12 digits. */
  readonly id: string;
  /** Region code, for example `eu-central-1`. */
  readonly region: string;
  /**
   * Role to assume.
   *
   * @default no role: the credentials of the user or workflow that runs Pulumi
   */
  readonly roleArn?: string;
  /** Tags of every resource. */
  readonly tags: Readonly<Record<string, string>>;
}

/** Creates the provider of all resources of a stack. It refuses any other account. */
export const accountProvider = (name: string, { id, region, roleArn, tags }: AccountArgs): Provider =>
  new Provider(name, {
    region: region as "eu-central-1",
    allowedAccountIds: [id],
    ...(roleArn === undefined ? {} : { assumeRoles: [{ roleArn, sessionName: "rates-platform" }] }),
    defaultTags: { tags: { ...tags } },
  });

/**
 * Compares the account of the current credentials with the stack's account. Call it before any resource is created.
 *
 * @throws RunError if they differ, or if the credentials cannot be checked
 */
export async function verifyAccount(provider: Provider, { id, roleArn }: AccountArgs): Promise<void> {
  const identity = await getCallerIdentity({}, { provider }).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    // The provider's own error names both accounts, but not the remedy.
    throw verificationFailed(reason, id, roleArn);
  });
  if (identity.accountId !== id)
    throw verificationFailed(`the credentials are of account ${identity.accountId} (${identity.arn})`, id, roleArn);
}

const verificationFailed = (reason: string, id: string, roleArn: string | undefined): RunError =>
  new RunError(
    `account.id ${id}: ${reason}. Nothing was changed. ${
      roleArn === undefined
        ? "Log in to the stack's account, or name its role in RATES_ROLE_ARN."
        : `RATES_ROLE_ARN is ${roleArn}: check that this role exists in account ${id} and allows you to assume it.`
    }`,
  );
