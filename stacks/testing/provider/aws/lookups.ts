import type { Cloud } from "../cloud.ts";
import { asList, asObject, asText, type Properties, type Value } from "../values.ts";

/** Credentials and region of a request. */
export interface Caller {
  readonly cloud: Cloud;
  readonly account: string;
  readonly region: string;
  /** The role that the provider assumed, if any. */
  readonly role: string | undefined;
}

const zones = ["a", "b", "c"];

/** Results of look-ups, by token. */
const LOOKUPS: Readonly<Record<string, (args: Properties, caller: Caller) => Properties>> = {
  "aws:index/getCallerIdentity:getCallerIdentity": (_args, { account, role }) => ({
    id: account,
    accountId: account,
    arn:
      role === undefined ? `arn:aws:iam::${account}:user/test` : `arn:aws:sts::${account}:assumed-role/${role}/pulumi`,
    userId: "AROAEXAMPLE:pulumi",
  }),
  "aws:index/getRegion:getRegion": (_args, { region }) => ({
    id: region,
    name: region,
    region,
    description: region,
    endpoint: `ec2.${region}.amazonaws.com`,
  }),
  "aws:index/getPartition:getPartition": () => ({
    id: "aws",
    partition: "aws",
    dnsSuffix: "amazonaws.com",
    reverseDnsPrefix: "com.amazonaws",
  }),
  "aws:index/getAvailabilityZones:getAvailabilityZones": (args, { region }) => ({
    ...args,
    id: region,
    groupNames: [region],
    names: zones.map((zone) => `${region}${zone}`),
    zoneIds: zones.map((_zone, index) => `${region}-az${index + 1}`),
  }),
  "aws:ssm/getParameter:getParameter": (args, { region, account }) => ({
    ...args,
    id: asText(args.name),
    arn: `arn:aws:ssm:${region}:${account}:parameter${asText(args.name)}`,
    type: "String",
    value: parameterValue(asText(args.name)),
    insecureValue: parameterValue(asText(args.name)),
    version: 1,
  }),
  "aws:ec2/getAmi:getAmi": (args) => ({ ...args, id: "ami-0123456789abcdef0", architecture: "arm64" }),
  "aws:ec2/getPrefixList:getPrefixList": (args) => ({ ...args, id: "pl-12345678", cidrBlocks: ["198.51.100.0/24"] }),
  "aws:ec2/getManagedPrefixList:getManagedPrefixList": (args) => ({ ...args, id: "pl-12345678", entries: [] }),
  "aws:ecr/getAuthorizationToken:getAuthorizationToken": (args, { region, account }) => ({
    ...args,
    id: region,
    userName: "AWS",
    password: "not-a-real-token",
    authorizationToken: "not-a-real-token",
    proxyEndpoint: `https://${account}.dkr.ecr.${region}.amazonaws.com`,
    expiresAt: "2099-01-01T00:00:00Z",
  }),
  "aws:iam/getPolicyDocument:getPolicyDocument": (args) => {
    const json = policyDocument(args);
    return { ...args, id: "1", json, minifiedJson: json };
  },
};

/** Returns the result of a look-up, from the test's own function if it has one. */
export function lookUp(token: string, args: Properties, caller: Caller): Properties {
  const resultOf = caller.cloud.options.lookUpResults?.[token] ?? LOOKUPS[token];
  if (resultOf === undefined) {
    throw new Error(`The simulated AWS has no result for ${token}: add one to the cloud's lookUpResults`);
  }
  return resultOf(args, caller);
}

/** Returns the value of a parameter: an AMI in the form in which AWS publishes it, or a text. */
function parameterValue(name: string): string {
  if (!/ami|image_id/.test(name)) return `value of ${name}`;
  const image = "ami-0123456789abcdef0";
  return name.endsWith("/recommended") ? JSON.stringify({ image_id: image, schema_version: 1 }) : image;
}

function policyDocument(args: Properties): string {
  const statements = asList(args.statements).map((item) => {
    const statement = asObject(item);
    return {
      ...(statement.sid === undefined ? {} : { Sid: statement.sid }),
      Effect: asText(statement.effect, "Allow"),
      Action: statement.actions ?? [],
      Resource: statement.resources ?? [],
      ...principals(asList(statement.principals)),
      ...conditions(asList(statement.conditions)),
    };
  });
  return JSON.stringify({ Version: asText(args.version, "2012-10-17"), Statement: statements });
}

function principals(list: readonly Value[]): Properties {
  const entries = list.map(asObject).map(({ type, identifiers }): [string, Value] => [asText(type), identifiers ?? []]);
  return entries.length === 0 ? {} : { Principal: Object.fromEntries(entries) };
}

function conditions(list: readonly Value[]): Properties {
  const byTest: Properties = {};
  for (const { test, variable, values } of list.map(asObject)) {
    byTest[asText(test)] = { ...asObject(byTest[asText(test)]), [asText(variable)]: values ?? [] };
  }
  return list.length === 0 ? {} : { Condition: byTest };
}
