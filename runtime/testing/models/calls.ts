import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

/** The input of one call to AWS. */
export interface RecordedCall {
  /** Service and operation as botocore names them, for example `sqs.SendMessage`. */
  readonly operation: string;
  readonly input: unknown;
}

/** The properties of an SDK client that a recorder needs. */
interface Recordable {
  readonly middlewareStack: {
    add(
      middleware: (
        next: (args: never) => Promise<unknown>,
        context: { clientName?: string; commandName?: string },
      ) => (args: never) => Promise<unknown>,
      options: { step: "initialize"; priority: "high"; name: string },
    ): void;
  };
}

/** Records the inputs of SDK calls as the program gives them, before any other middleware sees them. */
export class CallRecorder {
  readonly calls: RecordedCall[] = [];

  /** Records all calls of these clients from now on. */
  watch(...clients: object[]): void {
    for (const client of clients as Recordable[])
      client.middlewareStack.add(
        (next, { clientName = "", commandName = "" }) =>
          (args) => {
            const { input } = args as { input: unknown };
            this.#add(clientName.replace(/Client$/, "").toLowerCase(), commandName.replace(/Command$/, ""), input);
            return next(args);
          },
        { step: "initialize", priority: "high", name: "callRecorder" },
      );
  }

  /** Adds the calls that a Python process recorded (recorder/sitecustomize.py). */
  readFile(file: string): void {
    if (!existsSync(file)) return;
    for (const line of readFileSync(file, "utf8").split("\n").filter(Boolean)) this.calls.push(JSON.parse(line));
  }

  /**
   * Starts a proxy that records the calls of a service with the protocol AWS JSON, for clients that a program creates
   * internally.
   * @param service - Name in botocore.
   * @param target - Endpoint of the service.
   */
  async proxy(service: string, target: string): Promise<{ endpoint: string; server: Server }> {
    const server = createServer(async (request, response) => {
      const body = await buffer(request);
      const operation = String(request.headers["x-amz-target"]).split(".").at(-1) ?? "";
      this.#add(service, operation, JSON.parse(body.toString()));
      const headers = new Headers(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
      for (const name of ["host", "connection", "content-length", "transfer-encoding", "expect"]) headers.delete(name);
      const forwarded = await fetch(`${target}${request.url}`, { method: "POST", headers, body });
      response.writeHead(forwarded.status, { "content-type": forwarded.headers.get("content-type") ?? "" });
      response.end(Buffer.from(await forwarded.arrayBuffer()));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
  }

  /** Names of the operations that were called. */
  get operations(): Set<string> {
    return new Set(this.calls.map(({ operation }) => operation.split(".").at(-1) ?? ""));
  }

  #add(service: string, operation: string, input: unknown): void {
    this.calls.push({ operation: `${service}.${operation}`, input });
  }
}

/** Returns the environment of a Python process whose boto3 calls are recorded in a file. */
export const pythonRecorder = (file: string): Record<string, string> => ({
  PYTHONPATH: fileURLToPath(new URL("recorder", import.meta.url)),
  RATES_RECORDED_CALLS: file,
});

/**
 * Checks calls with botocore's models, and returns the violated constraints.
 * @param python - Python of the environment that python.sh creates.
 */
export function checkCalls(python: string, calls: readonly RecordedCall[]): string[] {
  const script = fileURLToPath(new URL("calls.py", import.meta.url));
  const output = execFileSync(python, [script], { input: JSON.stringify(calls.map(withoutBody)), encoding: "utf8" });
  const { problems, checked }: { problems: string[]; checked: number } = JSON.parse(output);
  if (checked !== calls.length) throw new Error(`${checked} of ${calls.length} calls were checked`);
  return problems;
}

/** Returns a call with an empty body, since bodies may be streams and the models do not constrain them. */
function withoutBody({ operation, input }: RecordedCall): RecordedCall {
  if (input === null || typeof input !== "object" || !("Body" in input)) return { operation, input };
  return { operation, input: { ...input, Body: "" } };
}
