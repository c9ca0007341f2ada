import assert from "node:assert/strict";
import type { lookup as resolve } from "node:dns";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { Writable } from "node:stream";
import { gzipSync } from "node:zlib";
import { generate } from "selfsigned";
import { DISGUISED, FORBIDDEN, HOSTS } from "../../testing/runner/addresses.ts";
import { isPublicAddress } from "./address.ts";
import { openSource } from "./source.ts";
import { type DownloadRules, download } from "./url.ts";

describe("a source's address", () => {
  for (const address of FORBIDDEN) it(`is refused: '${address}'`, () => assert.equal(isPublicAddress(address), false));
  for (const address of ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1"])
    it(`is allowed: ${address}`, () => assert.equal(isPublicAddress(address), true));
});

describe("a download", () => {
  let server: Server;
  let ca: string;
  let port: number;
  let respond: (request: IncomingMessage, response: ServerResponse) => void;
  before(async () => {
    const pems = await generate([{ name: "commonName", value: "data.example.com" }], {
      extensions: [
        {
          name: "subjectAltName",
          altNames: [
            { type: 2, value: "data.example.com" },
            { type: 2, value: "other.example.com" },
          ],
        },
      ],
    });
    ca = pems.cert;
    server = createServer({ key: pems.private, cert: pems.cert }, (request, response) =>
      respond(request, response),
    ).listen(0, "127.0.0.1");
    await once(server, "listening");
    port = (server.address() as AddressInfo).port;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  const resolvesTo = (...addresses: string[]) =>
    ((
      _host: string,
      _options: object,
      callback: (error: null, resolved: { address: string; family: number }[]) => void,
    ) =>
      callback(
        null,
        addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
      )) as unknown as typeof resolve;
  const rules = (changes: Partial<DownloadRules> = {}): DownloadRules => ({
    hosts: [`data.example.com:${port}`],
    maxBytes: 1_000,
    isAllowedAddress: (address) => address === "127.0.0.1",
    lookup: resolvesTo("127.0.0.1"),
    ca,
    ...changes,
  });
  const fetchText = async (
    path = "/",
    changes: Partial<DownloadRules> = {},
    base = `https://data.example.com:${port}`,
  ) => {
    let text = "";
    for await (const chunk of await download(`${base}${path}`, rules(changes), new AbortController().signal))
      text += chunk;
    return text;
  };
  const refused = (code: string, message: RegExp) => (error: Error & { code?: string }) => {
    assert.equal(error.code, code);
    assert.match(error.message, message);
    assert.doesNotMatch(`${error.message} ${error.cause}`, /secret/, "no signature in an error");
    return true;
  };

  it("returns the bytes of an allowed host, and requests them without compression", async () => {
    respond = (request, response) =>
      response.end(`a,b ${request.headers["accept-encoding"]} ${request.headers.authorization ?? "-"}`);
    assert.equal(await fetchText("/file.csv?signature=secret"), "a,b identity -");
  });

  it("refuses a host that is not on the list, and a listed host whose address is not public", async () => {
    await assert.rejects(
      fetchText("/?s=secret", {}, `https://other.example.com:${port}`),
      refused("SourceNotAllowed", /not on this stack's list/),
    );
    for (const host of HOSTS)
      await assert.rejects(
        fetchText(
          "/",
          { isAllowedAddress: isPublicAddress, hosts: [new URL(`https://${host}:${port}`).host] },
          `https://${host}:${port}`,
        ),
        refused("SourceNotAllowed", /not a public one/),
        host,
      );
  });

  it("refuses http and passwords", async () => {
    await assert.rejects(
      fetchText("/", {}, `http://data.example.com:${port}`),
      refused("SourceNotAllowed", /not an https URL/),
    );
    await assert.rejects(
      fetchText("/", {}, `https://user:secret@data.example.com:${port}`),
      refused("SourceNotAllowed", /user name or password/),
    );
  });

  it("refuses hosts that only look like an allowed host", async () => {
    for (const url of DISGUISED) {
      await assert.rejects(fetchText("", {}, url), { code: "SourceNotAllowed" }, url);
      respond = (_request, response) => response.writeHead(302, { location: url }).end();
      await assert.rejects(fetchText(), { code: "SourceNotAllowed" }, `a redirect to ${url}`);
    }
  });

  it("refuses a name that resolves to an address that is not public, even beside a public address", async () => {
    for (const addresses of [["127.0.0.1"], ["1.1.1.1", "10.0.0.1"], ["::1"], ["169.254.169.254"]])
      await assert.rejects(
        fetchText("/", { isAllowedAddress: isPublicAddress, lookup: resolvesTo(...addresses) }),
        refused("SourceNotAllowed", /not public/),
      );
  });

  it("checks the address of the connection, even if a name resolves differently the second time", async () => {
    let lookups = 0;
    const changing = ((host: string, options: object, callback: never) =>
      resolvesTo(lookups++ === 0 ? "127.0.0.1" : "10.0.0.1")(
        host,
        options as never,
        callback,
      )) as unknown as typeof resolve;
    respond = (_request, response) => response.end("first");
    assert.equal(await fetchText("/", { lookup: changing }), "first");
    assert.equal(lookups, 1, "the connection uses the address that was checked");
    await assert.rejects(fetchText("/", { lookup: changing }), refused("SourceNotAllowed", /not public/));
  });

  it("checks every redirect like the first address, and follows at most five", async () => {
    const redirect = (location: string) => {
      respond = (request, response) =>
        request.url === "/" ? response.writeHead(302, { location }).end() : response.end("there");
    };
    redirect("/file.csv");
    assert.equal(await fetchText(), "there");
    for (const [location, reason] of [
      ["http://data.example.com/", /not an https URL/],
      ["https://169.254.169.254/latest/meta-data", /not on this stack's list/],
      ["https://127.0.0.1/", /not on this stack's list/],
      ["https://user:secret@data.example.com/", /user name or password/],
      ["https://other.example.com/", /not on this stack's list/],
      ["https://data.example.com:22/", /'data\.example\.com:22' is not on this stack's list/],
      ["//data.example.com:6379/", /not on this stack's list/],
      ["ftp://data.example.com/", /not an https URL/],
      ["file:///etc/passwd", /not an https URL/],
      ["data:text/csv,a,b", /not an https URL/],
      ["javascript:0", /not an https URL/],
    ] as const) {
      redirect(location);
      await assert.rejects(fetchText(), refused("SourceNotAllowed", reason), location);
    }
    for (const host of HOSTS) {
      const { hostname, host: hostAndPort } = new URL(`https://${host}:${port}`);
      if (hostname === "127.0.0.1") continue; // this test's own server
      redirect(`https://${host}:${port}/`);
      const hosts = [`data.example.com:${port}`, hostAndPort];
      await assert.rejects(fetchText("/", { hosts }), refused("SourceNotAllowed", /not a public one/), host);
    }
    const privateForRedirect = ((host: string, options: object, callback: never) =>
      resolvesTo(host === "data.example.com" ? "127.0.0.1" : "10.0.0.1")(
        host,
        options as never,
        callback,
      )) as unknown as typeof resolve;
    redirect(`https://other.example.com:${port}/`);
    await assert.rejects(
      fetchText("/", { hosts: [`data.example.com:${port}`, `other.example.com:${port}`], lookup: privateForRedirect }),
      refused("SourceNotAllowed", /not public/),
    );
    redirect("https://");
    await assert.rejects(fetchText(), refused("SourceNotAllowed", /an invalid URL/));
    redirect("/");
    await assert.rejects(fetchText(), refused("SourceNotAllowed", /redirects more than 5 times/));
  });

  it("stops at the size limit, announced or not, and refuses a compressed body", async () => {
    respond = (_request, response) => response.writeHead(200, { "content-length": "2000" }).end("x".repeat(2000));
    await assert.rejects(fetchText(), refused("SourceTooLarge", /1000 bytes/));
    respond = (_request, response) => {
      const endless = () => response.write("x".repeat(300)) && setImmediate(endless);
      response.on("drain", endless).on("error", () => undefined);
      endless();
    };
    await assert.rejects(fetchText(), refused("SourceTooLarge", /1000 bytes/));
    respond = (_request, response) => response.writeHead(200, { "content-encoding": "gzip" }).end("x");
    await assert.rejects(fetchText(), refused("SourceNotAllowed", /content-encoding gzip/));
  });

  it("unpacks a gzip bomb only up to the limit, and does not read a redirect's endless body", async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    respond = (_request, response) => response.end(bomb);
    const source = { url: `https://data.example.com:${port}/bomb.csv.gz?s=secret` };
    await assert.rejects(
      async () => {
        const unpacked = await openSource(
          source,
          "gzip",
          () => assert.fail("no S3"),
          rules({ maxBytes: 1_000_000 }),
          new AbortController().signal,
        );
        for await (const _chunk of unpacked);
      },
      refused("SourceTooLarge", /1000000 bytes/),
    );
    respond = (request, response) => {
      if (request.url !== "/") return response.end("there");
      response.writeHead(302, { location: "/file.csv" });
      const endless = () => response.write("x".repeat(300)) && setImmediate(endless);
      response.on("drain", endless).on("error", () => undefined);
      endless();
    };
    assert.equal(await fetchText(), "there");
  });

  it("reports the server's response, as a retryable error or not", async () => {
    for (const [status, code, cause] of [
      [404, "SourceNotFound", ""],
      [410, "SourceNotFound", ""],
      [202, "SourceNotAllowed", ": the file is not ready yet"],
      [204, "SourceNotAllowed", ": there is no content"],
      [206, "SourceNotAllowed", ": that is a part of the file"],
      [300, "SourceNotAllowed", ""],
      [302, "SourceNotAllowed", ""],
      [304, "SourceNotAllowed", ""],
      [400, "SourceNotAllowed", ""],
      [401, "SourceNotAllowed", ": the file needs a login"],
      [403, "SourceNotAllowed", ": the link may have expired"],
      [408, "SourceUnreachable", ""],
      [421, "SourceUnreachable", ""],
      [425, "SourceUnreachable", ""],
      [429, "SourceUnreachable", ""],
      [500, "SourceUnreachable", ""],
      [503, "SourceUnreachable", ""],
    ] as const) {
      respond = (_request, response) => response.writeHead(status).end();
      await assert.rejects(fetchText("/?s=secret"), refused(code, new RegExp(`returned ${status}${cause}`)));
    }
    respond = (_request, response) => response.destroy();
    await assert.rejects(fetchText("/?s=secret"), refused("SourceUnreachable", /could not be read/));
    respond = (_request, response) => {
      response.writeHead(200, { "content-length": "100" }).write("part");
      setImmediate(() => response.destroy());
    };
    await assert.rejects(fetchText("/?s=secret"), refused("SourceUnreachable", /could not be read/));
  });

  it("stops waiting for a stalled server: for its response and for the next bytes", async () => {
    respond = () => undefined;
    await assert.rejects(
      fetchText("/?s=secret", { stallTimeoutMs: 50 }),
      refused("SourceUnreachable", /no response within/),
    );
    respond = (_request, response) => response.writeHead(200, { "content-length": "100" }).write("part");
    // Long enough that even a busy machine responds.
    await assert.rejects(
      fetchText("/?s=secret", { stallTimeoutMs: 1_000 }),
      refused("SourceUnreachable", /no data for/),
    );
    const silent = (() => undefined) as unknown as typeof resolve;
    await assert.rejects(
      fetchText("/?s=secret", { stallTimeoutMs: 50, lookup: silent }),
      refused("SourceUnreachable", /no response within/),
    );
  });

  it("stops waiting for a server that sends headers or body byte by byte", async () => {
    const trickle = (socket: Writable, text: string) => {
      let at = 0;
      const timer = setInterval(() => socket.write(text[at++ % text.length] ?? ""), 5);
      socket.on("close", () => clearInterval(timer)).on("error", () => undefined);
    };
    respond = (_request, response) => {
      assert(response.socket);
      trickle(response.socket, `HTTP/1.1 200 OK\r\ncontent-length: 1\r\nx: ${"x".repeat(10_000)}`);
    };
    await assert.rejects(
      fetchText("/?s=secret", { stallTimeoutMs: 300 }),
      refused("SourceUnreachable", /no response within/),
    );
    respond = (_request, response) => trickle(response, "x");
    await assert.rejects(
      fetchText("/?s=secret", { stallTimeoutMs: 300, maxBytes: 1_000_000 }),
      refused("SourceUnreachable", /bytes in 1 s, which is too slow/),
    );
    respond = (_request, response) => response.socket?.end(`HTTP/1.1 200 OK\r\nx: ${"x".repeat(100_000)}\r\n\r\n`);
    await assert.rejects(fetchText("/?s=secret"), refused("SourceUnreachable", /Header overflow|could not be read/));
  });

  it("stops reading a flood of interim responses, and accepts no other protocol", async () => {
    const flood = (text: string) => {
      respond = (_request, response) => {
        const { socket } = response;
        assert(socket);
        const timer = setInterval(() => socket.write(text), 1);
        socket.on("close", () => clearInterval(timer)).on("error", () => undefined);
      };
    };
    flood("HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n".repeat(10));
    await assert.rejects(
      fetchText("/?s=secret", { stallTimeoutMs: 300 }),
      refused("SourceUnreachable", /no response within/),
    );
    flood("SSH-2.0-OpenSSH_9.6\r\n");
    await assert.rejects(fetchText("/?s=secret"), refused("SourceUnreachable", /could not be read/));
    respond = (_request, response) =>
      response.socket?.write("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n");
    await assert.rejects(fetchText("/?s=secret"), refused("SourceUnreachable", /could not be read/));
  });

  it("refuses a body with two lengths, an oversized chunk extension, or an oversized trailer", async () => {
    const raw = (text: string) => {
      respond = (_request, response) => response.socket?.end(text);
    };
    raw("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n");
    await assert.rejects(fetchText("/?s=secret"), refused("SourceUnreachable", /could not be read/));
    raw("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab");
    await assert.rejects(fetchText("/?s=secret"), refused("SourceUnreachable", /could not be read/));
    raw(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;${"x".repeat(100_000)}\r\na\r\n0\r\n\r\n`);
    await assert.rejects(fetchText("/?s=secret"), refused("SourceUnreachable", /could not be read/));
    raw(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx: ${"x".repeat(100_000)}\r\n\r\n`);
    await assert.rejects(fetchText("/?s=secret"), refused("SourceUnreachable", /could not be read/));
  });

  it("decompresses doubly compressed data only once", async () => {
    const twice = gzipSync(gzipSync(Buffer.alloc(50_000_000)));
    respond = (_request, response) => response.end(twice);
    const bytes = await openSource(
      { url: `https://data.example.com:${port}/twice.csv.gz` },
      "gzip",
      () => assert.fail("no S3"),
      rules({ maxBytes: 1_000_000 }),
      new AbortController().signal,
    );
    let size = 0;
    for await (const chunk of bytes) size += chunk.length;
    assert.ok(size < 100_000, `${size} bytes`);
  });

  it("accepts values of Content-Encoding that change no byte, and refuses codings that it cannot decode", async () => {
    for (const coding of ["", "identity", "Identity", "none", "UTF-8", "utf8", "aws-chunked", "aws-chunked,identity"]) {
      respond = (_request, response) => response.writeHead(200, { "content-encoding": coding }).end("a,b");
      assert.equal(await fetchText(), "a,b", coding);
    }
    for (const coding of ["br", "deflate", "zstd", "compress", "gzip, gzip", "aws-chunked, br"]) {
      respond = (_request, response) => response.writeHead(200, { "content-encoding": coding }).end("x");
      for (const compression of ["none", "gzip"] as const)
        await assert.rejects(
          fetchText("/", { compression }),
          refused("SourceNotAllowed", /Store it without content-encoding/),
        );
    }
  });

  it("reads a file stored with content coding gzip for a request with compression gzip", async () => {
    const packed = gzipSync("a,b");
    for (const coding of ["gzip", "x-gzip", "aws-chunked,GZIP"]) {
      respond = (_request, response) => response.writeHead(200, { "content-encoding": coding }).end(packed);
      const source = { url: `https://data.example.com:${port}/prices.csv.gz?s=secret` };
      const open = (compression: "none" | "gzip") =>
        openSource(source, compression, () => assert.fail("no S3"), rules(), new AbortController().signal);
      let text = "";
      for await (const chunk of await open("gzip")) text += chunk;
      assert.equal(text, "a,b");
      await assert.rejects(open("none"), refused("SourceNotAllowed", /Load it with compression 'gzip'/));
    }
  });

  it("refuses a transfer coding other than chunked, which would change the bytes", async () => {
    respond = (_request, response) => {
      const body = gzipSync("a,b");
      response.socket?.end(
        Buffer.concat([
          Buffer.from(`HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n${body.length.toString(16)}\r\n`),
          body,
          Buffer.from("\r\n0\r\n\r\n"),
        ]),
      );
    };
    for (const compression of ["none", "gzip"] as const)
      await assert.rejects(
        fetchText("/", { compression }),
        refused("SourceNotAllowed", /transfer-encoding gzip, chunked/),
      );
  });

  it("refuses a part of a file, whatever its status", async () => {
    for (const status of [200, 206]) {
      respond = (_request, response) => response.writeHead(status, { "content-range": "bytes 0-2/1000" }).end("a,b");
      await assert.rejects(fetchText(), refused("SourceNotAllowed", /part of/));
    }
  });

  it("follows a redirect whose address is in UTF-8 or in Latin-1", async () => {
    for (const encoding of ["utf8", "latin1"] as const) {
      const location = Buffer.from("/prix \u00e9t\u00e9.csv", encoding);
      respond = (request, response) => {
        if (request.url === encodeURI("/prix \u00e9t\u00e9.csv")) return response.end("there");
        const head = Buffer.from("HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: ");
        response.socket?.end(Buffer.concat([head, location, Buffer.from("\r\n\r\n")]));
      };
      assert.equal(await fetchText(), "there", encoding);
    }
  });

  it("reports after how many bytes the connection was cut off", async () => {
    respond = (_request, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("a,b\n", () => response.destroy());
    };
    await assert.rejects(fetchText("/?s=secret"), refused("SourceUnreachable", /cut off after 4 bytes of 100$/));
    respond = (_request, response) => {
      response.write("a,b\n", () => response.destroy());
    };
    await assert.rejects(fetchText("/?s=secret"), refused("SourceUnreachable", /cut off after 4 bytes$/));
  });

  it("refuses a file whose end cannot be distinguished from a broken connection", async () => {
    respond = (_request, response) => {
      response.useChunkedEncodingByDefault = false;
      response.removeHeader("content-length");
      response.shouldKeepAlive = false;
      response.write("orig_code");
      response.end();
    };
    await assert.rejects(fetchText(), refused("SourceNotAllowed", /where the file ends/));
  });

  it("ends with its job", async () => {
    const job = new AbortController();
    respond = () => job.abort();
    await assert.rejects(download(`https://data.example.com:${port}/`, rules(), job.signal), { name: "AbortError" });
    const second = new AbortController();
    respond = (_request, response) => response.writeHead(200, { "content-length": "100" }).write("part");
    const bytes = await download(`https://data.example.com:${port}/`, rules(), second.signal);
    await assert.rejects(
      async () => {
        for await (const _chunk of bytes) second.abort();
      },
      { name: "AbortError" },
    );
  });

  it("refuses a certificate that no trusted authority has signed", async () => {
    respond = (_request, response) => response.end("x");
    const { ca: _, ...withoutCa } = rules();
    await assert.rejects(
      async () => {
        for await (const _chunk of await download(
          `https://data.example.com:${port}/`,
          withoutCa,
          new AbortController().signal,
        ));
      },
      refused("SourceUnreachable", /certificate/),
    );
  });
});
