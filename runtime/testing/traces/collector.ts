import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import Type, { type Static } from "typebox";
import Value from "typebox/value";

/** A `{key, value}` pair in OTLP's JSON encoding: a value has exactly one field; 64-bit integers are text. */
const Attribute = Type.Object(
  {
    key: Type.String({ minLength: 1 }),
    value: Type.Union([
      Type.Object({ stringValue: Type.String() }, { additionalProperties: false }),
      Type.Object({ intValue: Type.String({ pattern: "^-?[0-9]+$" }) }, { additionalProperties: false }),
    ]),
  },
  { additionalProperties: false },
);
const Nanoseconds = Type.String({ pattern: "^[0-9]{19}$" });
/** The fields of trace.proto (opentelemetry-proto) that every span has here; others are refused. */
const Span = Type.Object(
  {
    traceId: Type.String({ pattern: "^[0-9a-f]{32}$" }),
    spanId: Type.String({ pattern: "^[0-9a-f]{16}$" }),
    parentSpanId: Type.String({ pattern: "^[0-9a-f]{16}$" }),
    flags: Type.Integer({ minimum: 0, maximum: 0x3ff }),
    name: Type.String({ minLength: 1 }),
    kind: Type.Integer({ minimum: 1, maximum: 5 }),
    startTimeUnixNano: Nanoseconds,
    endTimeUnixNano: Nanoseconds,
    attributes: Type.Array(Attribute),
    status: Type.Object(
      { code: Type.Optional(Type.Integer({ minimum: 0, maximum: 2 })), message: Type.Optional(Type.String()) },
      { additionalProperties: false },
    ),
  },
  { additionalProperties: false },
);
const Request = Type.Object(
  {
    resourceSpans: Type.Array(
      Type.Object(
        {
          resource: Type.Object({ attributes: Type.Array(Attribute) }, { additionalProperties: false }),
          scopeSpans: Type.Array(
            Type.Object(
              {
                scope: Type.Object({ name: Type.String(), version: Type.String() }, { additionalProperties: false }),
                spans: Type.Array(Span, { minItems: 1 }),
              },
              { additionalProperties: false },
            ),
          ),
        },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
);

/** A span as a collector received it, with its attributes as an object. */
export type ReceivedSpan = Omit<Static<typeof Span>, "attributes"> & { attributes: Record<string, string | number> };

/** Starts a trace collector for tests: OTLP over HTTP in its JSON encoding, which it checks strictly. */
export async function startCollector() {
  const spans: ReceivedSpan[] = [];
  const resources: Record<string, string | number>[] = [];
  const calls: string[] = [];
  const headers: IncomingMessage["headers"][] = [];
  let respond = (_: IncomingMessage, response: ServerResponse, received: readonly ReceivedSpan[]): void => {
    spans.push(...received);
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
  };
  const acceptSpans = respond;
  const server = createServer(async (request, response) => {
    calls.push(`${request.method} ${request.url}`);
    headers.push(request.headers);
    const body = await json(request);
    if (request.headers["content-type"] !== "application/json" || !Value.Check(Request, body)) {
      const [problem] = Value.Errors(Request, body);
      response.writeHead(400).end(JSON.stringify(problem ?? "not application/json"));
      return;
    }
    resources.push(...body.resourceSpans.map(({ resource }) => objectOf(resource.attributes)));
    const received = body.resourceSpans
      .flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans))
      .map((span) => ({ ...span, attributes: objectOf(span.attributes) }));
    respond(request, response, received);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    spans,
    resources,
    calls,
    /** Headers of each call. */
    callHeaders: headers,
    /** Replaces the responses; without an argument, the collector accepts spans again. */
    respondWith(handler: typeof respond = acceptSpans) {
      respond = handler;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

const objectOf = (attributes: readonly Static<typeof Attribute>[]): Record<string, string | number> =>
  Object.fromEntries(
    attributes.map(({ key, value }) => [key, "intValue" in value ? Number(value.intValue) : value.stringValue]),
  );
