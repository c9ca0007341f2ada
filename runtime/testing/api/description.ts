import assert from "node:assert/strict";
import type { FastifyInstance, LightMyRequestResponse } from "fastify";
import Schema from "typebox/schema";

/** A response in /openapi.json. */
interface Operation {
  description: string;
  content?: Record<string, { schema: object }>;
  headers?: Record<string, { schema?: object; required?: boolean }>;
}

/** An operation of /openapi.json. */
export interface DescribedOperation {
  id: string;
  method: "GET" | "POST" | "DELETE";
  /** For example `/jobs/{id}`. */
  path: string;
  /** True if it requires a token. */
  guarded: boolean;
  /** The scope that a token needs; undefined if any token suffices. */
  scope: string | undefined;
  takesBody: boolean;
  takesParameters: boolean;
  /** Names of its query parameters. */
  query: readonly string[];
  /** Names of the fields of its body. */
  fields: readonly string[];
  responses: Record<string, Operation>;
}

interface Parameter {
  name: string;
  in: string;
}
interface Body {
  content: Record<string, { schema: { properties?: object } }>;
}
const fieldsOf = (body: Body | undefined): string[] =>
  Object.keys(body?.content["application/json"]?.schema.properties ?? {});

/** Description of an API, to compare its responses with. */
export class Description {
  readonly operations: readonly DescribedOperation[];
  readonly #components: Record<string, object>;

  private constructor(operations: DescribedOperation[], components: Record<string, object>) {
    this.operations = operations;
    this.#components = components;
  }

  static async of(app: FastifyInstance): Promise<Description> {
    const { paths, components } = (await app.inject("/openapi.json")).json();
    const operations = Object.entries(paths as Record<string, Record<string, Record<string, unknown>>>).flatMap(
      ([path, methods]) =>
        Object.entries(methods).map(([method, one]) => ({
          id: String(one.operationId),
          method: method.toUpperCase() as DescribedOperation["method"],
          path,
          guarded: (one.security as object[]).length > 0,
          scope: (one.security as { token?: string[] }[])[0]?.token?.[0],
          takesBody: one.requestBody !== undefined,
          takesParameters: one.parameters !== undefined,
          query: ((one.parameters ?? []) as Parameter[]).filter((at) => at.in === "query").map(({ name }) => name),
          fields: fieldsOf(one.requestBody as Body | undefined),
          responses: one.responses as Record<string, Operation>,
        })),
    );
    return new Description(operations, components.schemas);
  }

  /** Returns the error codes that an operation documents. */
  static codesOf({ responses }: DescribedOperation): string[] {
    return Object.entries(responses).flatMap(([status, { description }]) =>
      status < "400" ? [] : description.split(", "),
    );
  }

  /**
   * Asserts that an answer is as described: its status, type, headers and body, without undocumented fields.
   * @param without - Headers that this answer may lack.
   */
  check(
    { id, responses }: DescribedOperation,
    response: LightMyRequestResponse,
    without: readonly string[] = [],
  ): void {
    const { statusCode, headers, body } = response;
    const shown = `${id} answered ${statusCode}: ${body.slice(0, 500)}`;
    const described = responses[statusCode];
    assert(described, `${shown}\nwhich is not described`);
    for (const name of Object.keys(described.headers ?? {}).filter((one) => !without.includes(one)))
      assert(headers[name.toLowerCase()] !== undefined, `${shown}\nwithout ${name}`);
    if (described.content === undefined) {
      assert.equal(body, "", shown);
      return;
    }
    const type = String(headers["content-type"]).split(";")[0] ?? "";
    const found = described.content[type];
    assert(found, `${shown}\nas ${type}, which is not among ${Object.keys(described.content)}`);
    if (!type.endsWith("json")) return;
    const value = JSON.parse(body);
    const [fits, errors] = Schema.Errors(this.#whole(found.schema) as never, value);
    const faults = errors.filter(({ keyword }) => keyword !== "boolean");
    assert(
      fits,
      `${shown}\n${faults.map(({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`).join("\n")}`,
    );
    if (statusCode >= 400) {
      assert.equal(value.status, statusCode, shown);
      assert(
        described.description.split(", ").includes(value.type),
        `${shown}\nwhich is none of ${described.description}`,
      );
    }
  }

  /** Returns a schema without references, whose objects have no further properties unless the schema allows them. */
  #whole(schema: unknown): unknown {
    if (Array.isArray(schema)) return schema.map((one) => this.#whole(one));
    if (schema === null || typeof schema !== "object") return schema;
    const { $ref } = schema as { $ref?: string };
    if ($ref !== undefined) return this.#whole(this.#components[$ref.split("/").at(-1) ?? ""]);
    const all = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, this.#whole(value)]));
    return all.properties !== undefined && all.type === "object" ? { additionalProperties: false, ...all } : all;
  }
}
