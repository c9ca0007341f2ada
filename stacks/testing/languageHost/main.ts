import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import grpc from "@grpc/grpc-js";
import service from "@pulumi/pulumi/proto/language_grpc_pb.js";
import type * as messages from "@pulumi/pulumi/proto/language_pb.js";
import protocol from "@pulumi/pulumi/proto/language_pb.js";
import plugin from "@pulumi/pulumi/proto/plugin_pb.js";

/**
 * Language host for the pulumi command. `pulumi-language-nodejs <engine>` prints its port. Like the real host, it runs each
 * Node program in its own process with the SDK's command. It lists no required plugins, because the engine attaches to
 * running providers.
 */
type Call<T> = { request: T };
type Callback = (error: grpc.ServiceError | Error | null, response?: unknown) => void;

const require = createRequire(import.meta.url);
const engine = process.argv.find((argument) => /^[\d.]+:\d+$/.test(argument)) ?? "";

/**
 * Runs a program.
 *
 * @returns The error message; empty if the program succeeded.
 */
async function run(request: messages.RunRequest): Promise<string> {
  const info = request.getInfo();
  const flags: Record<string, string> = {
    monitor: request.getMonitorAddress(),
    engine,
    organization: request.getOrganization(),
    project: request.getProject(),
    stack: request.getStack(),
    parallel: String(request.getParallel()),
    "dry-run": String(request.getDryrun()),
    pwd: request.getPwd(),
  };
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
  const program = resolve(
    info?.getProgramDirectory() ?? request.getPwd(),
    info?.getEntryPoint() ?? request.getProgram(),
  );
  const child = spawn(process.execPath, [require.resolve("@pulumi/pulumi/cmd/run"), ...args, program], {
    cwd: request.getPwd(),
    // The program sends its log to the engine, so its standard output is ignored.
    stdio: ["ignore", "ignore", "inherit"],
    env: {
      ...process.env,
      PULUMI_CONFIG: JSON.stringify(Object.fromEntries(request.getConfigMap().entries())),
      PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
      PULUMI_NODEJS_TYPESCRIPT: "false",
    },
  });
  const [code] = await once(child, "exit");
  return code === 0 ? "" : `the program ended with ${code}`;
}

const server = new grpc.Server();
server.addService(service.LanguageRuntimeService, {
  handshake: (_call: Call<unknown>, callback: Callback) => callback(null, new protocol.LanguageHandshakeResponse()),
  getPluginInfo: (_call: Call<unknown>, callback: Callback) =>
    callback(null, new plugin.PluginInfo().setVersion("0.0.0")),
  getRequiredPackages: (_call: Call<unknown>, callback: Callback) =>
    callback(null, new protocol.GetRequiredPackagesResponse()),
  getRequiredPlugins: (_call: Call<unknown>, callback: Callback) =>
    callback(null, new protocol.GetRequiredPluginsResponse()),
  run: ({ request }: Call<messages.RunRequest>, callback: Callback) => {
    run(request).then(
      (error) => callback(null, new protocol.RunResponse().setError(error).setBail(false)),
      (error: Error) => callback(error),
    );
  },
} as unknown as grpc.UntypedServiceImplementation);
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(String(port));
});
