import { getCallerIdentity } from "@pulumi/aws/getCallerIdentity.js";
import { Provider } from "@pulumi/aws/provider.js";
import { RunError } from "@pulumi/pulumi/errors.js";

/** The one account and region that a stack may touch. */
export interface AccountArgs {
  /** 12 digits. */
  readonly id: string;
  readonly region: string;
  /** The role to assume; left out, the caller's own credentials are used. */
  readonly roleArn?: string;
  /** On every resource. */
  readonly tags: Readonly<Record<string, string>>;
}

/** The provider that every resource of a stack is on, components of others included: it refuses any other account. */
export const accountProvider = (name: string, { id, region, roleArn, tags }: AccountArgs): Provider =>
  new Provider(name, {
    region: region as "eu-central-1",
    allowedAccountIds: [id],
    ...(roleArn === undefined ? {} : { assumeRoles: [{ roleArn, sessionName: "rates-platform" }] }),
    defaultTags: { tags: { ...tags } },
  });

/** Compares whose credentials these are with the stack's account, before anything is created. @throws RunError */
export async function verifyAccount(provider: Provider, { id, roleArn }: AccountArgs): Promise<void> {
  const identity = await getCallerIdentity({}, { provider }).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    // The provider's own refusal names both accounts already, but not what to do.
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
        : `RATES_ROLE_ARN is ${roleArn}: check that this role exists there and trusts you.`
    }`,
  );
