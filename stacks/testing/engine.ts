import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Deployment, type EngineEvent, LocalWorkspace, PulumiCommand } from "@pulumi/pulumi/automation/index.js";
import { parse, stringify } from "yaml";
import { findPulumi } from "./command.ts";
import { awsProvider } from "./provider/aws/provider.ts";
import { awsxProvider } from "./provider/awsx.ts";
import { Cloud } from "./provider/cloud.ts";
import { packageVersion } from "./provider/declared.ts";
import { dockerProvider } from "./provider/docker.ts";
import { type RunningProvider, serve } from "./provider/server.ts";
import type { Configure } from "./provider/session.ts";
import { type Run, RunFailed, runOf } from "./run.ts";

/** A program for the engine: registers resources and returns the stack's outputs. */
export type Program = () => Promise<Record<string, unknown> | undefined>;

/** Options of an engine. */
export interface EngineOptions {
  /** Runs at each preview and up. `moduleProgram` creates one from a file. */
  readonly program: Program;
  /** @default dev */
  readonly stack?: string;
  /** @default rates-platform */
  readonly project?: string;
  /** Path of a stack's settings (Pulumi.dev.yaml), which are copied except for the secrets provider. */
  readonly settings?: string;
  /** Configuration by key with its prefix (`rates-platform:region`), which takes precedence over the settings. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Plain values that are configured as secrets, by key. */
  readonly secrets?: Readonly<Record<string, string>>;
  /**
   * The cloud that providers change; several stacks can share one.
   * @default a new one
   */
  readonly cloud?: Cloud;
  /** Folders of policy packs. */
  readonly policyPacks?: readonly string[];
  /** Configuration files, one per pack. */
  readonly policyPackConfigs?: readonly string[];
  /** Environment of the command and the packs. The program and the providers have this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A stack in its own folder. Each operation resolves to its run, or rejects with RunFailed. */
export interface Engine {
  readonly cloud: Cloud;
  preview(): Promise<Run>;
  up(): Promise<Run>;
  refresh(): Promise<Run>;
  /** Destroys the stack without a preview. */
  destroy(): Promise<Run>;
  previewDestroy(): Promise<Run>;
  /** Returns the outputs after the last up, with secrets in plain text. */
  outputs(): Promise<Record<string, unknown>>;
  /** Returns all files of the backend as text, including backups and history. */
  stateText(): string;
  /** Returns the state as `pulumi stack export` writes it. */
  exportState(): Promise<Deployment>;
  /** Replaces the stack's state with an exported state, as `pulumi stack import` does. */
  importState(state: Deployment): Promise<void>;
  /** Uses another program from now on. */
  use(program: Program): void;
  /** Sets configuration by key with its prefix for the next operations; other keys are unchanged. */
  configure(config: Readonly<Record<string, unknown>>): void;
  /** Removes the folder and stops the providers. */
  close(): Promise<void>;
}

const shims = fileURLToPath(new URL("bin", import.meta.url));

/**
 * Creates a program from a file, which is evaluated for each run. The outputs are the result of its default function, or
 * its exports.
 */
export function moduleProgram(url: URL): Program {
  let runs = 0;
  return async () => {
    const fresh = new URL(url);
    fresh.searchParams.set("run", String(++runs));
    const module: { default?: unknown } & Record<string, unknown> = await import(fresh.href);
    if (typeof module.default === "function") return module.default();
    return { ...module };
  };
}

/**
 * Creates a stack for the real engine: its state is in a temporary folder, simulated providers and the program run in
 * this process. Several stacks may run at once, but not next to a program that must fail: the SDK attributes an unhandled
 * rejection to every program in the process. A program must use absolute paths, because the engine's working
 * directory is the temporary folder.
 */
export async function engine(options: EngineOptions): Promise<Engine> {
  const pulumi = findPulumi();
  if (pulumi === undefined) throw new Error("There is no pulumi command: stacks/testing/build.sh builds it");
  const { stack: stackName = "dev", project = "rates-platform", cloud = new Cloud() } = options;
  const folder = mkdtempSync(join(tmpdir(), "rates-engine-"));
  const servedProviders = new Map<string, RunningProvider>();
  const close = async (): Promise<void> => {
    for (const provider of servedProviders.values()) provider.close();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const providers: Record<string, Configure> = {
      aws: awsProvider(cloud),
      awsx: awsxProvider(),
      docker: dockerProvider(cloud),
    };
    for (const [name, configure] of Object.entries(providers)) {
      servedProviders.set(name, await serve(packageVersion(name), configure, name === "awsx"));
    }
    writeProject(folder, project, stackName, options);
    let program = options.program;
    const stack = await LocalWorkspace.createStack(
      { stackName, projectName: project, program: () => program() },
      {
        workDir: folder,
        pulumiHome: join(folder, "home"),
        pulumiCommand: await PulumiCommand.get({ root: dirname(dirname(pulumi)) }),
        envVars: environment(folder, servedProviders, options.env),
      },
    );
    for (const [key, value] of Object.entries(options.secrets ?? {})) {
      await stack.setConfig(key, { value, secret: true });
    }
    return {
      cloud,
      preview: () => preview((onEvent) => stack.preview({ ...absolutePacks(options), onEvent })),
      up: () => operate("up", (onEvent) => stack.up({ ...absolutePacks(options), onEvent })),
      refresh: () => operate("refresh", (onEvent) => stack.refresh({ onEvent })),
      destroy: () => operate("destroy", (onEvent) => stack.destroy({ onEvent })),
      previewDestroy: () => operate("preview of destroy", (onEvent) => stack.previewDestroy({ onEvent })),
      outputs: async () => {
        const values = Object.entries(await stack.outputs());
        return Object.fromEntries(values.map(([key, output]) => [key, output.value]));
      },
      stateText: () => readAll(join(folder, "state")),
      exportState: () => stack.exportStack(),
      importState: (state) => stack.importStack(state),
      use: (next) => {
        program = next;
      },
      configure: (config) => {
        // The command has written its encryption salt into the file, so the other keys are kept.
        const file = join(folder, `Pulumi.${stackName}.yaml`);
        const settings = parse(readFileSync(file, "utf8"));
        writeFileSync(file, stringify({ ...settings, config: { ...settings.config, ...config } }));
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** gRPC's status text for a call that was not sent. */
const NOT_CONNECTED = /UNAVAILABLE: No connection established/;

/**
 * Runs a preview. Repeats it if a local connection could not be established, which is safe because a preview changes
 * nothing.
 */
async function preview(start: (onEvent: (event: EngineEvent) => void) => Promise<unknown>): Promise<Run> {
  try {
    return await operate("preview", start);
  } catch (error) {
    if (!NOT_CONNECTED.test(String(error))) throw error;
    return operate("preview", start);
  }
}

async function operate(name: string, start: (onEvent: (event: EngineEvent) => void) => Promise<unknown>): Promise<Run> {
  const events: EngineEvent[] = [];
  const startedAt = performance.now();
  try {
    await start((event) => {
      events.push(event);
    });
  } catch (error) {
    throw new RunFailed(name, runOf(events, performance.now() - startedAt), error);
  }
  return runOf(events, performance.now() - startedAt);
}

function absolutePacks({ policyPacks = [], policyPackConfigs = [] }: EngineOptions): {
  policyPacks: string[];
  policyPackConfigs: string[];
} {
  return {
    policyPacks: policyPacks.map((pack) => resolve(pack)),
    policyPackConfigs: policyPackConfigs.map((file) => resolve(file)),
  };
}

/** Writes Pulumi.yaml and the stack's settings, to which the command adds its encryption salt. */
function writeProject(folder: string, project: string, stackName: string, options: EngineOptions): void {
  mkdirSync(join(folder, "state"));
  writeFileSync(join(folder, "Pulumi.yaml"), stringify({ name: project, runtime: "nodejs" }));
  const settings: { config?: Record<string, unknown> } & Record<string, unknown> =
    options.settings === undefined ? {} : (parse(readFileSync(options.settings, "utf8")) ?? {});
  const { secretsprovider: _provider, encryptedkey: _key, encryptionsalt: _salt, config, ...rest } = settings;
  const merged = { ...rest, config: { ...config, ...options.config } };
  writeFileSync(join(folder, `Pulumi.${stackName}.yaml`), stringify(merged));
}

function environment(
  folder: string,
  servedProviders: ReadonlyMap<string, RunningProvider>,
  additional: Readonly<Record<string, string>> = {},
): Record<string, string> {
  // The engine looks for the plugins of a state before it attaches to providers: files with their names must exist.
  const plugins = join(folder, "plugins");
  mkdirSync(plugins);
  for (const name of servedProviders.keys())
    writeFileSync(join(plugins, `pulumi-resource-${name}`), "", { mode: 0o755 });
  return {
    PULUMI_BACKEND_URL: `file://${join(folder, "state")}`,
    PULUMI_CONFIG_PASSPHRASE: "test",
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_DEBUG_PROVIDERS: [...servedProviders].map(([name, { port }]) => `${name}:${port}`).join(","),
    PATH: [dirname(process.execPath), plugins, shims, process.env.PATH ?? ""].join(delimiter),
    ...additional,
  };
}

function readAll(folder: string): string {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"))
    .join("\n");
}
