import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { RunnerType } from "../../../runtime/contract/states.ts";

/** A run that was requested from Glue or EC2: a Glue job run, or an instance. */
export interface RequestedRun {
  readonly runner: RunnerType;
  /** The platform's id: of the run for Glue, of the launch for EC2. */
  readonly platformId: string;
  /** Id of the Glue job run, or of the instance. */
  readonly id: string;
  /** Tags of an instance. */
  readonly tags: Readonly<Record<string, string>>;
  /** `taken` from `take` until the run's process has ended. Glue and EC2 report requested and taken runs as running. */
  state: "requested" | "taken" | "ended";
}

/** Simulates Glue and EC2 for the calls of a dispatcher: accepts every requested run, and reports its state. */
export class RunServices {
  readonly #runs: RequestedRun[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<RunServices> {
    const server = createServer(async (request, response) => {
      const body = Buffer.concat(await request.toArray()).toString();
      const [service, action = ""] = String(request.headers["x-amz-target"] ?? "").split(".");
      if (service === "AWSGlue")
        response
          .setHeader("content-type", "application/x-amz-json-1.1")
          .end(JSON.stringify(services.#glue(action, JSON.parse(body))));
      else response.setHeader("content-type", "text/xml").end(services.#ec2(new URLSearchParams(body)));
    });
    const services = new RunServices(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return services;
  }

  /** Environment variables that make the SDK call this server. */
  get env(): Record<string, string> {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the server has no TCP address");
    const endpoint = `http://127.0.0.1:${address.port}`;
    return { AWS_ENDPOINT_URL_GLUE: endpoint, AWS_ENDPOINT_URL_EC2: endpoint };
  }

  /** Returns the runs of a runner type that were requested since the last call, and marks them as taken. */
  take(runner: RunnerType): RequestedRun[] {
    const requested = this.#runs.filter((run) => run.runner === runner && run.state === "requested");
    for (const run of requested) run.state = "taken";
    return requested;
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  #glue(action: string, { Arguments: args, RunId }: { Arguments?: Record<string, string>; RunId?: string }): object {
    if (action === "StartJobRun") {
      const platformId = args?.["--run"] ?? "";
      const id = `jr_${platformId}`;
      this.#runs.push({ runner: "glue", platformId, id, tags: {}, state: "requested" });
      return { JobRunId: id };
    }
    const JobRuns = this.#runs
      .filter(({ runner }) => runner === "glue")
      .map(({ platformId, id, state }) => ({
        Id: id,
        Arguments: { "--run": platformId },
        JobRunState: state === "ended" ? "SUCCEEDED" : "RUNNING",
      }));
    return action === "GetJobRun" ? { JobRun: JobRuns.find(({ Id }) => Id === RunId) } : { JobRuns };
  }

  #ec2(form: URLSearchParams): string {
    const action = form.get("Action") ?? "";
    const xml = (content: string) =>
      `<${action}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">${content}</${action}Response>`;
    if (action === "RunInstances") {
      const pairs = [...form].filter(([name]) => name.endsWith(".Key"));
      const tags = Object.fromEntries(pairs.map(([name, key]) => [key, form.get(name.replace(/Key$/, "Value")) ?? ""]));
      const platformId = tags["rates:launch"] ?? "";
      const started = Array.from({ length: Number(form.get("MaxCount")) }, (_, index): RequestedRun => {
        const id = `i-${(this.#runs.length + index).toString(16).padStart(17, "0")}`;
        return { runner: "ec2", platformId, id, tags, state: "requested" };
      });
      this.#runs.push(...started);
      return xml(instancesSet(started));
    }
    const instances = this.#runs.filter(({ runner }) => runner === "ec2");
    return xml(
      `<reservationSet>${instances.map((instance) => `<item>${instancesSet([instance])}</item>`).join("")}</reservationSet>`,
    );
  }
}

const instancesSet = (instances: readonly RequestedRun[]): string =>
  `<instancesSet>${instances
    .map(({ id, state, tags }) => {
      const set = Object.entries(tags).map(([key, value]) => `<item><key>${key}</key><value>${value}</value></item>`);
      const name = state === "ended" ? "terminated" : "running";
      return `<item><instanceId>${id}</instanceId><instanceState><name>${name}</name></instanceState><tagSet>${set.join("")}</tagSet></item>`;
    })
    .join("")}</instancesSet>`;
