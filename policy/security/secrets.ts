import type { Resource } from "../resource.ts";
import { control, resourceRule } from "../rule.ts";
import { FUNCTION, GLUE_JOB, INSTANCE, LAUNCH_TEMPLATE, TASK_DEFINITION } from "../types.ts";
import { UNRESOLVED, type Unresolved, type Value } from "../value.ts";

/** Names of variables that may contain a secret. */
const SECRET_NAME = /(password|passwd|passphrase|secret|token(?!s)|api_?key|private_?key|access_?key|credential)/i;
/** Suffixes of names whose values refer to a secret or describe one. */
const LOCATION_NAME =
  /(arn|name|[_-]id|file|path|url|uri|location|alias|ttl|seconds|minutes|hours|days|length|limit|count|version|type|issuer|audience|policy|enabled|required|auth)$/i;
const ID_NAME = /[a-z]Id$/;
const isSecretName = (name: string): boolean =>
  SECRET_NAME.test(name) && !LOCATION_NAME.test(name) && !ID_NAME.test(name);
/** Values that are not secrets: an ARN, a boolean, an empty text. */
const NO_SECRET = /^(arn:aws[\w-]*:.*|true|false|)$/i;
/** Values that are secrets whatever their name: an access key, a private key, a URL with a password. */
const SECRET_VALUE = /\b(AKIA|ASIA)[A-Z0-9]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----|\w:\/\/[^\s:@/]+:[^\s:@/]+@/;

interface Variable {
  name: string;
  value: Value;
}

/** Returns the plain-text variables of a function or task, or arguments of a job; UNRESOLVED if they are unknown. */
function variablesOf(resource: Resource): readonly Variable[] | Unresolved {
  if (resource.type === TASK_DEFINITION) {
    const containers = resource.at("containerDefinitions").items();
    if (containers === UNRESOLVED) return UNRESOLVED;
    return containers.flatMap((container) => {
      const all = container.at("environment").items();
      return all === UNRESOLVED
        ? []
        : all.map((variable) => {
            const name = variable.at("name").text("");
            return { name: name === UNRESOLVED ? "" : name, value: variable.at("value") };
          });
    });
  }
  const variables: Variable[] = [];
  for (const path of resource.type === FUNCTION ? ["environment.variables"] : ARGUMENTS) {
    const container = resource.at(path);
    const names = container.keys();
    if (names === UNRESOLVED) return UNRESOLVED;
    variables.push(...names.map((name) => ({ name, value: container.at(name) })));
  }
  return variables;
}

const ARGUMENTS = ["defaultArguments", "nonOverridableArguments"];

/** Returns the user data of an instance or launch template, decoded from base64 if necessary. */
function userDataOf(resource: Resource): string | Unresolved {
  const text = resource.type === INSTANCE ? resource.at("userData").text("") : "";
  const base64 = resource.at(resource.type === INSTANCE ? "userDataBase64" : "userData").text("");
  if (text === UNRESOLVED || base64 === UNRESOLVED) return UNRESOLVED;
  return `${text}\n${Buffer.from(base64, "base64").toString()}`;
}

/** Permission to view a function, task or job includes its environment, but not the secrets that its role can read. */
export const noPlainSecrets = resourceRule({
  name: "no-plain-secrets",
  description: "No function, task, Glue job, instance or launch template has a secret in plain text.",
  framework: control("ECS.8"),
  remediation: "Pass the name of a secret in Secrets Manager, and let the role read that secret.",
  mayBeUnknown: ["environment", "containerDefinitions", ...ARGUMENTS, "userData", "userDataBase64"],
  types: [FUNCTION, TASK_DEFINITION, GLUE_JOB, INSTANCE, LAUNCH_TEMPLATE],
  check(resource, report) {
    if (resource.type === LAUNCH_TEMPLATE || resource.type === INSTANCE) {
      const data = userDataOf(resource);
      if (data !== UNRESOLVED && SECRET_VALUE.test(data))
        report(
          resource,
          "userData contains a key or a password: let the instance's role read it from Secrets Manager.",
        );
      return;
    }
    const variables = variablesOf(resource);
    if (variables === UNRESOLVED) return;
    for (const { name, value } of variables) {
      const text = value.text("");
      if (text === UNRESOLVED) continue;
      const hasSecretName = isSecretName(name) && !NO_SECRET.test(text);
      // The message does not contain the value.
      if (hasSecretName || SECRET_VALUE.test(text))
        report(resource, `${name} looks like a secret in plain text: store it in Secrets Manager and pass its name.`);
    }
  },
});

export const SECRET_RULES = [noPlainSecrets];
