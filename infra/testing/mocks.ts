import * as pulumi from "@pulumi/pulumi";
import { setMocks } from "@pulumi/pulumi/runtime/mocks.js";
import { disconnect } from "@pulumi/pulumi/runtime/settings.js";

/** A resource that a program registered under mocks. */
export interface Registered {
  readonly type: string;
  readonly name: string;
  readonly urn: string;
  /** URN of its parent; undefined for children of the stack. */
  readonly parent: string | undefined;
  /** Reference to its provider; empty if none was given. */
  readonly provider: string;
  /** Inputs as the engine receives them, with secrets as plain values. */
  // biome-ignore lint/suspicious/noExplicitAny: tests reach into inputs of every type
  readonly inputs: Record<string, any>;
  /** URNs of the resources that it depends on. */
  readonly dependencies: readonly string[];
  /** Timeout of its deletion, for example `60m`; empty for the provider's default. */
  readonly deleteTimeout: string;
  /** Keeps the resource in the account when it leaves the state. */
  readonly retained: boolean;
  /** Inputs whose changes are ignored. */
  readonly ignoreChanges: readonly string[];
}

/** Recorded registrations of a program. */
export class Registry {
  readonly all: Registered[] = [];

  /** All resources of a type. */
  ofType(type: string): Registered[] {
    return this.all.filter((resource) => resource.type === type);
  }

  /**
   * The only resource of a type, or of a type and a name.
   *
   * @throws Error unless there is exactly one
   */
  resource(type: string, name?: string): Registered {
    const matches = this.ofType(type).filter((resource) => name === undefined || resource.name === name);
    const [match] = matches;
    if (matches.length === 1 && match) return match;
    const existing = this.ofType(type).map((resource) => resource.name);
    throw new Error(`expected one ${type}${name === undefined ? "" : ` named ${name}`}, found: ${existing.join(", ")}`);
  }

  /** Statements of all inline policies of the role with this name, as IAM receives them. */
  statements(role: string): { Action: string[]; Resource: string[]; Condition?: object; Effect: string }[] {
    return this.ofType("aws:iam/rolePolicy:RolePolicy")
      .filter(({ inputs }) => inputs.role === `${role}-id` || inputs.role === role)
      .flatMap(({ inputs }) => JSON.parse(inputs.policy).Statement);
  }
}

export const ACCOUNT = "111111111111";
export const REGION = "eu-central-1";

/** Outputs per type, in addition to the inputs. */
const OUTPUTS: Record<string, (name: string, inputs: Record<string, unknown>) => Record<string, unknown>> = {
  "awsx:ec2:Vpc": (name, inputs) => {
    const zones = inputs.availabilityZoneNames as string[];
    const types = (inputs.subnetSpecs as { type: string }[]).map(({ type }) => type.toLowerCase());
    const subnets = (type: string) =>
      types.includes(type) ? zones.map((_, index) => `subnet-${type}-${index + 1}`) : [];
    return {
      vpcId: `${name}-vpc`,
      publicSubnetIds: subnets("public"),
      privateSubnetIds: subnets("private"),
      isolatedSubnetIds: subnets("isolated"),
      routeTables: types.flatMap(subnets).map((subnet) => subnet.replace("subnet", "rtb")),
      vpc: `${name}-vpc`,
    };
  },
  "aws:sqs/queue:Queue": (name) => ({ url: `https://sqs.${REGION}.amazonaws.com/${ACCOUNT}/${name}`, name }),
  "aws:iam/role:Role": (name) => ({ uniqueId: `AROA-${name}` }),
  "aws:rds/instance:Instance": (name) => ({
    address: `${name}.abc.${REGION}.rds.amazonaws.com`,
    port: 5432,
    resourceId: "db-ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    masterUserSecrets: [{ secretArn: `arn:aws:secretsmanager:${REGION}:${ACCOUNT}:secret:rds!db-1`, kmsKeyId: "" }],
  }),
  "aws:ecr/repository:Repository": (name) => ({
    repositoryUrl: `${ACCOUNT}.dkr.ecr.${REGION}.amazonaws.com/${name}`,
    registryId: ACCOUNT,
  }),
  "docker:index/image:Image": (_, inputs) => ({ repoDigest: `${inputs.imageName}@sha256:${"0".repeat(64)}` }),
  "aws:lb/loadBalancer:LoadBalancer": (name) => ({
    dnsName: `${name}.${REGION}.elb.amazonaws.com`,
    arnSuffix: `app/${name}/0123456789abcdef`,
    zoneId: "Z215JYRZR1TBD5",
  }),
  "aws:lb/targetGroup:TargetGroup": (name) => ({ arnSuffix: `targetgroup/${name}/0123456789abcdef` }),
  "aws:ec2/launchTemplate:LaunchTemplate": () => ({ latestVersion: 7, defaultVersion: 1 }),
  "aws:lambda/function:Function": (name) => ({ version: "7", qualifiedArn: `${arn("lambda", name)}:7`, name }),
  "aws:opensearch/domain:Domain": (name) => ({ endpoint: `vpc-${name}.${REGION}.es.amazonaws.com` }),
  "aws:s3/bucket:Bucket": (name, inputs) => ({ bucket: inputs.bucket ?? name }),
};

const arn = (service: string, name: string) => `arn:aws:${service}:${REGION}:${ACCOUNT}:${name}`;

/** Results of the provider functions that a program calls, by token. */
const CALLS: Record<string, Record<string, unknown>> = {
  "aws:index/getCallerIdentity:getCallerIdentity": { accountId: ACCOUNT, arn: arn("sts", "x"), userId: "x", id: "x" },
  "aws:ssm/getParameter:getParameter": { value: "ami-0123456789abcdef0", type: "String", version: 1 },
  "aws:ec2/getManagedPrefixList:getManagedPrefixList": { id: "pl-0123456789abcdef0" },
};

type CallResult = Record<string, unknown>;

/** Options of a program under mocks. */
export interface MockOptions {
  /** @default "dev" */
  readonly stack?: string;
  /** Makes outputs unknown, as in a preview of new resources. */
  readonly preview?: boolean;
  /** Results of provider functions instead of the default ones, by token: values, or functions of the arguments. */
  readonly calls?: Record<string, CallResult | ((inputs: CallResult) => CallResult)>;
}

/**
 * Runs a program under Pulumi's mocks. Every resource returns its inputs, an id (`<name>-id`), an ARN, and the outputs
 * of its type in OUTPUTS. Programs must run one after another, since Pulumi's mocks are global.
 *
 * @returns The recorded registrations and the program's result.
 */
export async function mocked<T>(
  program: () => T | Promise<T>,
  { stack = "dev", preview = false, calls = {} }: MockOptions = {},
): Promise<{ registry: Registry; result: T }> {
  const registry = new Registry();
  await setMocks(
    {
      newResource: ({ type, name, inputs, id }) => {
        if (preview) return { id: "", state: inputs };
        const service = type.split(":")[1]?.split("/")[0] ?? type;
        return {
          id: id === undefined || id === "" ? `${name}-id` : id,
          state: { name, arn: arn(service, name), ...inputs, ...OUTPUTS[type]?.(name, inputs) },
        };
      },
      call: ({ token, inputs }) => {
        const result = calls[token] ?? CALLS[token] ?? inputs;
        return typeof result === "function" ? result(inputs) : result;
      },
    },
    "rates-platform",
    stack,
    preview,
  );
  record(registry);
  const result = await program();
  await disconnect();
  return { registry, result };
}

/** Records each registration before it reaches the mocks, which do not receive parents, providers or dependencies. */
function record(registry: Registry): void {
  const monitor = pulumi.runtime.getMonitor() as unknown as {
    registerResource(request: Request, callback: (error: unknown, response: Response) => void): void;
  };
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, callback) =>
    register(request, (error, response) => {
      if (response)
        registry.all.push({
          type: request.getType(),
          name: request.getName(),
          urn: response.getUrn(),
          parent: request.getParent() || undefined,
          provider:
            request.getProvider() || Object.values(Object.fromEntries(request.getProvidersMap().entries()))[0] || "",
          inputs: unwrap(request.getObject().toJavaScript()) as Record<string, unknown>,
          dependencies: request.getDependenciesList(),
          deleteTimeout: request.getCustomtimeouts()?.getDelete() ?? "",
          retained: request.getRetainondelete() ?? false,
          ignoreChanges: request.getIgnorechangesList(),
        });
      callback(error, response);
    });
}

interface Request {
  getType(): string;
  getName(): string;
  getParent(): string;
  getProvider(): string;
  getProvidersMap(): { entries(): Iterable<[string, string]> };
  getObject(): { toJavaScript(): unknown };
  getDependenciesList(): string[];
  getCustomtimeouts(): { getDelete(): string } | undefined;
  getRetainondelete(): boolean | undefined;
  getIgnorechangesList(): string[];
}
interface Response {
  getUrn(): string;
}

/** Key and markers of special values in the SDK's messages (pulumi/pulumi, sdk/nodejs/runtime/rpc.ts). */
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const SECRET = "1b47061264138c4ac30d75fd1eb44270";
const OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4";
/** Represents an unknown value in `inputs`. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

function unwrap(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unwrap);
  if (value === null || typeof value !== "object") return value;
  const fields = value as Record<string, unknown>;
  if (fields[SIGNATURE] === SECRET) return unwrap(fields.value);
  if (fields[SIGNATURE] === OUTPUT) return "value" in fields ? unwrap(fields.value) : UNKNOWN;
  return Object.fromEntries(Object.entries(fields).map(([key, field]) => [key, unwrap(field)]));
}

/** Awaits the value of an output; never settles if the value is unknown. */
export function resolved<T>(output: pulumi.Output<T>): Promise<pulumi.Unwrap<T>> {
  return new Promise((resolve) => {
    pulumi.output(output).apply((value) => resolve(value as pulumi.Unwrap<T>));
  });
}

/** Database endpoint for tests of components. */
export const DATABASE = {
  host: pulumi.output("db"),
  port: 5432,
  name: "rates",
  resourceId: pulumi.output("db-1"),
  securityGroupId: pulumi.output("sg-db"),
};
