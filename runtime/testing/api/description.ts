import assert from "node:assert/strict";
import type { FastifyInstance, LightMyRequestResponse } from "fastify";
import Schema from "typebox/schema";

/** A response in /openapi.json. */
interface DescribedResponse {
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
  requiresToken: boolean;
  /** The scope that a token needs; undefined if any token suffices, or none is needed. */
  scope: string | undefined;
  hasBody: boolean;
  hasParameters: boolean;
  /** Names of its query parameters. */
  query: readonly string[];
  /** Names of the fields of its body. */
  fields: readonly string[];
  responses: Record<string, DescribedResponse>;
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

/** OpenAPI description of an API, with which tests compare the API's responses. */
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
        Object.entries(methods).map(([method, operation]) => ({
          id: String(operation.operationId),
          method: method.toUpperCase() as DescribedOperation["method"],
          path,
          requiresToken: (operation.security as object[]).length > 0,
          scope: (operation.security as { token?: string[] }[])[0]?.token?.[0],
          hasBody: operation.requestBody !== undefined,
          hasParameters: operation.parameters !== undefined,
          query: ((operation.parameters ?? []) as Parameter[])
            .filter((parameter) => parameter.in === "query")
            .map(({ name }) => name),
          fields: fieldsOf(operation.requestBody as Body | undefined),
          responses: operation.responses as Record<string, DescribedResponse>,
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
   * Asserts that a response matches its description: status, type, headers and body, without undocumented fields.
   * @param optionalHeaders - Described headers that this response may lack.
   */
  check(
    { id, responses }: DescribedOperation,
    response: LightMyRequestResponse,
    optionalHeaders: readonly string[] = [],
  ): void {
    const { statusCode, headers, body } = response;
    const summary = `${id} returned ${statusCode}: ${body.slice(0, 500)}`;
    const described = responses[statusCode];
    assert(described, `${summary}\nwhich is not described`);
    for (const name of Object.keys(described.headers ?? {}).filter((header) => !optionalHeaders.includes(header)))
      assert(headers[name.toLowerCase()] !== undefined, `${summary}\nwithout ${name}`);
    if (described.content === undefined) {
      assert.equal(body, "", summary);
      return;
    }
    const type = String(headers["content-type"]).split(";")[0] ?? "";
    const content = described.content[type];
    assert(content, `${summary}\nas ${type}, which is not among ${Object.keys(described.content)}`);
    if (!type.endsWith("json")) return;
    const value = JSON.parse(body);
    const [fits, errors] = Schema.Errors(this.#resolve(content.schema) as never, value);
    const faults = errors.filter(({ keyword }) => keyword !== "boolean");
    assert(
      fits,
      `${summary}\n${faults.map(({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`).join("\n")}`,
    );
    if (statusCode >= 400) {
      assert.equal(value.status, statusCode, summary);
      assert(
        described.description.split(", ").includes(value.type),
        `${summary}\nwhich is not one of ${described.description}`,
      );
    }
  }

  /** Returns a schema without references, whose objects have no further properties unless the schema allows them. */
  #resolve(schema: unknown): unknown {
    if (Array.isArray(schema)) return schema.map((item) => this.#resolve(item));
    if (schema === null || typeof schema !== "object") return schema;
    const { $ref } = schema as { $ref?: string };
    if ($ref !== undefined) return this.#resolve(this.#components[$ref.split("/").at(-1) ?? ""]);
    const resolved = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, this.#resolve(value)]));
    return resolved.properties !== undefined && resolved.type === "object"
      ? { additionalProperties: false, ...resolved }
      : resolved;
  }
}
