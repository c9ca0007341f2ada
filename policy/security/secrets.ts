import type { Resource } from "../resource.ts";
import { control, resourceRule } from "../rule.ts";
import { FUNCTION, GLUE_JOB, LAUNCH_TEMPLATE, TASK } from "../types.ts";
import { TROUBLE, type Trouble, type Value } from "../value.ts";

/** Names of variables that hold a secret, and not where it lies. */
const SECRET_NAME = /(password|passwd|secret|token|api_?key|private_?key|credential)/i;
const NAMES_A_PLACE = /(_|-)?(arn|name|id|file|path|url|uri|location|ttl|seconds|auth)$/i;
/** Values that are secrets whatever they are called: an access key, a private key, an address with a password. */
const SECRET_VALUE = /\b(AKIA|ASIA)[A-Z0-9]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----|\w+:\/\/[^\s:@/]+:[^\s:@/]+@/;

interface Variable {
  name: string;
  value: Value;
}

/** The plain variables that a resource hands to what it runs; TROUBLE where they cannot be read. */
function variablesOf(resource: Resource): readonly Variable[] | Trouble {
  if (resource.type === TASK) {
    const containers = resource.at("containerDefinitions").items();
    if (containers === TROUBLE) return TROUBLE;
    return containers.flatMap((container) => {
      const all = container.at("environment").items();
      return all === TROUBLE
        ? []
        : all.map((one) => {
            const name = one.at("name").text("");
            return { name: name === TROUBLE ? "" : name, value: one.at("value") };
          });
    });
  }
  const holder = resource.at(resource.type === FUNCTION ? "environment.variables" : "defaultArguments");
  const names = holder.keys();
  if (names === TROUBLE) return TROUBLE;
  return names.map((name) => ({ name, value: holder.at(name) }));
}

/** Whoever may look at a function, a task or a job reads its environment; a role's secrets it does not. */
export const noPlainSecrets = resourceRule({
  name: "no-plain-secrets",
  description: "No function, task, Glue job or launch template is handed a secret in the clear.",
  severity: "critical",
  framework: control("ECS.8"),
  remediation: "Hand it the name of a secret of Secrets Manager, and let its role read that.",
  mayBeUnknown: ["environment", "containerDefinitions", "defaultArguments", "userData"],
  types: [FUNCTION, TASK, GLUE_JOB, LAUNCH_TEMPLATE],
  check(resource, report) {
    if (resource.type === LAUNCH_TEMPLATE) {
      const data = resource.at("userData").text("");
      if (data !== TROUBLE && SECRET_VALUE.test(Buffer.from(data, "base64").toString()))
        report(
          resource,
          "userData has a key or a password in it: let the instance's role read it from Secrets Manager.",
        );
      return;
    }
    const variables = variablesOf(resource);
    if (variables === TROUBLE) return;
    for (const { name, value } of variables) {
      const isNamed = SECRET_NAME.test(name) && !NAMES_A_PLACE.test(name);
      const text = isNamed ? "" : value.text("");
      // The value itself is not to be seen in a message.
      if (isNamed || (text !== TROUBLE && SECRET_VALUE.test(text)))
        report(resource, `${name} is a secret in the clear: hand it the name of one in Secrets Manager.`);
    }
  },
});

export const SECRET_RULES = [noPlainSecrets];
