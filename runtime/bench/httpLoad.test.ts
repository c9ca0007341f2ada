import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startOriginal } from "./original.ts";

const LOAD = fileURLToPath(new URL("httpLoad.ts", import.meta.url));

describe("the benchmark of /rates", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "rates-bench-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  /**
   * Runs the load generator against a server.
   * @returns The generator's responses per second, and the server's counts of requests and connections.
   */
  async function load(respond: RequestListener) {
    let served = 0;
    let connections = 0;
    const server = createServer((request, response) => {
      served++;
      respond(request, response);
    });
    server.on("connection", () => connections++);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const paths = join(directory, "paths.txt");
    writeFileSync(paths, "/a\n/b\n");
    const { port } = server.address() as AddressInfo;
    try {
      const { stdout } = await promisify(execFile)(process.execPath, [
        LOAD,
        "127.0.0.1",
        String(port),
        "2",
        "1",
        paths,
      ]);
      return { perSecond: Number(stdout), served, connections };
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  it("keeps connections open if the server does", async () => {
    const { perSecond, served, connections } = await load((_, response) => response.end("ok"));
    assert.equal(connections, 2);
    assert(perSecond > 0 && perSecond <= served * 1.05, `${perSecond} of ${served}`);
  });

  it("counts responses of a server that closes each connection", async () => {
    const { perSecond, served, connections } = await load((_, response) =>
      response.writeHead(200, { connection: "close", "content-length": 2 }).end("ok"),
    );
    // Each of the two clients may have reconnected without having sent a request yet.
    assert(connections >= served && connections <= served + 2, `${connections} connections for ${served} requests`);
    assert(perSecond > 0 && perSecond <= served * 1.05, `${perSecond} of ${served}`);
  });

  it("fails if a response is not a 200", async () => {
    await assert.rejects(
      load((_, response) => response.writeHead(500, { "content-length": 0 }).end()),
      /requests failed or did not return 200/,
    );
  });

  it("rejects a checkout that is not the original service", () =>
    assert.rejects(startOriginal(directory, "postgres://u:p@127.0.0.1/x", directory), {
      message: `--original ${directory} has no rates/wsgi.py. Name a checkout of the original service.`,
    }));
});
