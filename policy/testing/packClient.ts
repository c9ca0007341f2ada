import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import * as grpc from "@grpc/grpc-js";
import clients from "@pulumi/pulumi/proto/analyzer_grpc_pb.js";
import messages from "@pulumi/pulumi/proto/analyzer_pb.js";
import type { Message } from "google-protobuf";
import Structs from "google-protobuf/google/protobuf/struct_pb.js";

/** A resource as tests describe it. */
export interface EngineResource {
  type: string;
  name: string;
  /** Requested inputs. */
  props: Record<string, unknown>;
  /**
   * Properties after the resource was created.
   *
   * @default the inputs
   */
  outputs?: Record<string, unknown>;
  /** URNs of the resources that each property depends on. */
  links?: Record<string, string[]>;
  urn?: string;
  provider?: { urn: string; name: string; props: Record<string, unknown> };
}

/** One diagnostic of a pack. */
export interface Finding {
  policy: string;
  level: "advisory" | "mandatory";
  message: string;
  urn: string;
}

/** A policy pack in its own process, started and called as by Pulumi's engine. */
export interface Pack {
  /**
   * Returns the findings of all rules of the pack, about single resources and about the stack.
   *
   * @param changed - Resources to analyze one by one; the others are known to have no finding. @default all
   */
  findings(resources: readonly EngineResource[], changed?: readonly EngineResource[]): Promise<Finding[]>;
  /** Configures rules by name, with their enforcementLevel; replaces the previous configuration. */
  configure(settings: Record<string, Record<string, unknown>>): Promise<void>;
  /** Returns the properties of a resource after each remediation that changes it. */
  remediate(resource: EngineResource): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

export const urnOf = ({ urn, type, name }: EngineResource): string => urn ?? `urn:pulumi:test::test::${type}::${name}`;
/** Wraps a value as a secret, as the engine sends it. */
export const secret = (value: unknown): unknown => ({
  "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
  value,
});

type Call<Reply> = (request: Message, done: (error: Error | null, reply: Reply) => void) => void;

/** Enforcement levels, in the order of their numbers in the protocol. */
const ENFORCEMENT = ["advisory", "mandatory", "disabled", "remediate"];
const LEVELS = ["advisory", "mandatory"] as const;
const require = createRequire(import.meta.url);

/** Starts the pack in `policy/<name>`. */
export async function startPack(name: "limits" | "security", env: Record<string, string> = {}): Promise<Pack> {
  const folder = fileURLToPath(new URL(`../${name}`, import.meta.url));
  const { PULUMI_CONFIG: _config, ...inherited } = process.env;
  const child = spawn(
    process.execPath,
    [require.resolve("@pulumi/pulumi/cmd/run-policy-pack"), "127.0.0.1:1", folder],
    {
      cwd: folder,
      env: { ...inherited, ...env },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  // If the test times out before this function returns, it cannot close the pack, which would keep the test runner's
  // output open.
  const kill = () => child.kill();
  process.once("exit", kill);
  child.once("exit", () => process.off("exit", kill));
  const port = await portOf(child);
  const client = new clients.AnalyzerClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  const call = <Reply>(method: string, request: Message): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const methods = client as unknown as Record<string, Call<Reply>>;
      methods[method]?.(request, (error, reply) => (error ? reject(error) : resolve(reply)));
    });
  const analyze = async (method: string, request: Message): Promise<Finding[]> => {
    const reply = await call<messages.AnalyzeResponse>(method, request);
    return reply.getDiagnosticsList().map((diagnostic) => ({
      policy: diagnostic.getPolicyname(),
      level: LEVELS[diagnostic.getEnforcementlevel() === 0 ? 0 : 1],
      // The SDK adds the rule's description before the message.
      message: diagnostic.getMessage().replace(`${diagnostic.getDescription()}\n`, ""),
      urn: diagnostic.getUrn(),
    }));
  };
  return {
    async findings(resources, changed = resources) {
      const resourceFindings = await Promise.all(
        changed.map((resource) => analyze("analyze", analyzeRequest(resource))),
      );
      const stack = new messages.AnalyzeStackRequest();
      stack.setResourcesList(resources.map(stackResource));
      return [...resourceFindings.flat(), ...(await analyze("analyzeStack", stack))];
    },
    async configure(settings) {
      const request = new messages.ConfigureAnalyzerRequest();
      for (const [rule, properties] of Object.entries(settings)) {
        const config = new messages.PolicyConfig();
        const { enforcementLevel = "mandatory", ...ruleSettings } = properties;
        config.setEnforcementlevel(ENFORCEMENT.indexOf(String(enforcementLevel)) as 0);
        config.setProperties(struct(ruleSettings));
        request.getPolicyconfigMap().set(rule, config);
      }
      await call("configure", request);
    },
    async remediate(resource) {
      const reply = await call<messages.RemediateResponse>("remediate", analyzeRequest(resource));
      return reply.getRemediationsList().map((remediation) => remediation.getProperties()?.toJavaScript() ?? {});
    },
    async close() {
      client.close();
      const exited = once(child, "exit");
      child.kill();
      await exited;
    },
  };
}

async function portOf(child: ChildProcess): Promise<string> {
  const output = once(child.stdout ?? child, "data").then(([data]) => String(data).trim());
  const exited = once(child, "exit").then(([code]) => {
    throw new Error(`The pack ended with ${code} before it printed its port`);
  });
  return Promise.race([output, exited]);
}

const struct = (properties: Record<string, unknown>): Structs.Struct =>
  Structs.Struct.fromJavaScript(JSON.parse(JSON.stringify(properties)));

function providerOf({ provider }: EngineResource): messages.AnalyzerProviderResource | undefined {
  if (provider === undefined) return undefined;
  const message = new messages.AnalyzerProviderResource();
  message.setType("pulumi:providers:aws");
  message.setUrn(provider.urn);
  message.setName(provider.name);
  message.setProperties(struct(provider.props));
  return message;
}

function analyzeRequest(resource: EngineResource): messages.AnalyzeRequest {
  const request = new messages.AnalyzeRequest();
  request.setType(resource.type);
  request.setName(resource.name);
  request.setUrn(urnOf(resource));
  request.setProperties(struct(resource.props));
  request.setOptions(new messages.AnalyzerResourceOptions());
  const provider = providerOf(resource);
  if (provider) request.setProvider(provider);
  return request;
}

function stackResource(resource: EngineResource): messages.AnalyzerResource {
  const message = new messages.AnalyzerResource();
  message.setType(resource.type);
  message.setName(resource.name);
  message.setUrn(urnOf(resource));
  message.setProperties(struct(resource.outputs ?? resource.props));
  message.setOptions(new messages.AnalyzerResourceOptions());
  for (const [property, urns] of Object.entries(resource.links ?? {})) {
    const links = new messages.AnalyzerPropertyDependencies();
    links.setUrnsList(urns);
    message.getPropertydependenciesMap().set(property, links);
  }
  const provider = providerOf(resource);
  if (provider) message.setProvider(provider);
  return message;
}
