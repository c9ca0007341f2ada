import type { Cloud } from "../cloud.ts";
import type { Configure } from "../session.ts";
import { tableSession } from "../table.ts";
import { asList, asObject, asText, type Properties, type Value } from "../values.ts";
import { lookUp } from "./lookups.ts";
import { awsTypes } from "./types.ts";

/**
 * Simulates the AWS provider. It uses the account of the role that it assumes, or else the account of the cloud's
 * credentials. It refuses an account that `allowedAccountIds` does not name, with the real provider's message.
 */
export function awsProvider(cloud: Cloud): Configure {
  return (config) => {
    const roleArn = asText(asObject(asList(nested(config.assumeRoles))[0]).roleArn);
    const account = /^arn:aws[\w-]*:iam::(\d{12}):role\//.exec(roleArn)?.[1] ?? cloud.account;
    const region = asText(config.region, "us-east-1");
    const allowed = asList(nested(config.allowedAccountIds));
    const isForbidden = allowed.length > 0 && !allowed.includes(account);
    if (isForbidden && cloud.options.enforceAllowedAccounts !== false) {
      throw new Error(`AWS account ID not allowed: ${account}`);
    }
    const context = {
      cloud,
      account,
      region,
      defaultTags: asObject(asObject(nested(config.defaultTags)).tags),
      typeOf: (token: string) => awsTypes[token],
    };
    const role = roleArn === "" ? undefined : roleArn.replace(/^.*\//, "");
    return {
      ...tableSession(context),
      invoke: (token: string, args: Properties) => lookUp(token, args, { cloud, account, region, role }),
    };
  };
}

/** Parses a nested property of a provider, which the engine sends as JSON text. */
function nested(value: Value | undefined): Value | undefined {
  return typeof value === "string" && /^[[{]/.test(value) ? JSON.parse(value) : value;
}
