import * as request from "../../runtime/contract/request.ts";
import { readSettings } from "../../runtime/platform/settings.ts";
import { TARGETS } from "../../runtime/runner/load/targets.ts";

/** Parts of a schema that a reader sees. */
interface Told {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Told[];
  readonly default?: unknown;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxLength?: number;
  readonly properties?: Readonly<Record<string, Told>>;
  readonly required?: readonly string[];
}

const { timeoutSeconds, maxTimeoutSeconds } = readSettings({}).jobs;

/** Description of each field. A field without description, or the reverse, is an error: the page lists every field. */
const WORDS: Readonly<Record<string, string>> = {
  requestId: "the caller's name for the request, unique within its tenant; `POST /jobs` makes one where there is none",
  reply:
    "`queue`: the response is put on the response queue; `none`: it is only read over HTTP; left out, `queue` for what comes by queue and `none` over HTTP",
  priority: "9 goes first; a job gains a point a minute that it waits",
  tenant: "whose job it is, on the queue; over HTTP it is the token's",
  labels:
    "at most 32, with names of at most 64 and values of at most 256 characters; `GET /jobs?label=team=pricing` finds by them",
  timeoutSeconds: `how long it may run; left out, the stack's \`jobs.timeoutSeconds\` (${timeoutSeconds}), at most its \`jobs.maxTimeoutSeconds\` (${maxTimeoutSeconds})`,
  "task.type": "`read` with a query or SQL, `update` with a batch or a statement",
  "task.query": "a named query; `rates queries` lists them with their parameters",
  "task.sql": "any one SELECT, where the stack allows it (`jobs.rawSql`)",
  "task.statement": "a named statement",
  "task.params": "its parameters by name; those with a default may be left out",
  "task.format": "of the result, or of the file, which is never `json`",
  "task.compression": "of the result, or of the file",
  "task.target": "what the batch is of; its columns are below",
  "task.mode": "`append` adds rows; `replace` first deletes the origins, destinations and days that are in the batch",
  "task.dryRun": "checks all of the batch and changes nothing",
  "task.source.inline": "the items themselves; the whole request must fit into a message of 1 MiB",
  "task.source.s3":
    "a file in the uploads bucket, as it is when the request is accepted, and one that its tenant may load",
  "task.source.url": "a file of a host that the stack allows (`jobs.urlHosts`)",
};

const TASKS: Readonly<Record<string, unknown>> = {
  "named query": request.QueryTask,
  SQL: request.SqlTask,
  "inline batch": request.InlineTask,
  "S3 batch": request.S3Task,
  "URL batch": request.UrlTask,
  statement: request.StatementTask,
};

interface Field {
  readonly of: Set<string>;
  readonly types: Set<string>;
  readonly defaults: Set<string>;
}

/** Returns a Markdown table of all fields of a request: tasks, type and bounds, default. */
export function requestTable(): string {
  const fields = new Map<string, Field>();
  const { task: _, ...envelope } = (request.Request as Told).properties ?? {};
  gather(fields, { ...(request.Request as Told), properties: envelope }, "", "every request");
  for (const [name, schema] of Object.entries(TASKS)) gather(fields, schema as Told, "task.", name);

  const strangers = [...fields.keys()].filter((key) => !(key in WORDS));
  const gone = Object.keys(WORDS).filter((key) => !fields.has(key));
  if (strangers.length + gone.length > 0)
    throw new Error(`stacks/docs/contractTables.ts lacks words for ${strangers}, or has words for ${gone}`);
  const lines = Object.entries(WORDS).map(([key, words]) => {
    const { of, types, defaults } = fields.get(key) as Field;
    const where = of.size === Object.keys(TASKS).length ? "every task" : [...of].join(", ");
    return `| \`${key}\` | ${where} | ${[...types].join(", ")} | ${[...defaults].join(" or ")} | ${words} |`;
  });
  return ["| field | of | type | default | description |", "|---|---|---|---|---|", ...lines].join("\n");
}

function gather(fields: Map<string, Field>, schema: Told, prefix: string, of: string): void {
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    const key = `${prefix}${name}`;
    if (field.properties) {
      gather(fields, field, `${key}.`, of);
      continue;
    }
    const known = fields.get(key) ?? { of: new Set(), types: new Set(), defaults: new Set() };
    fields.set(key, known);
    known.of.add(of);
    for (const type of typesOf(field)) known.types.add(type);
    const left = schema.required?.includes(name) ? "required" : "none";
    known.defaults.add(field.default === undefined ? left : `\`${JSON.stringify(field.default)}\``);
  }
}

function typesOf({ type, minimum, maximum, minItems, maxLength, description, ...field }: Told): string[] {
  const most = maxLength === undefined ? "" : `, at most ${maxLength.toLocaleString("en")} characters`;
  if (field.anyOf) return field.anyOf.flatMap(typesOf);
  if (field.const !== undefined) return [`\`${field.const}\``];
  if (field.enum) return field.enum.map((choice) => `\`${choice}\``);
  if (type === "string") return [(description ?? "text") + most];
  if (minimum !== undefined) return [`whole number, ${minimum} ${maximum === undefined ? "or more" : `to ${maximum}`}`];
  if (minItems !== undefined) return [`list of objects, ${minItems} or more`];
  return [type ?? ""];
}

/** Returns a Markdown table of the columns of each batch target. */
export function columnsTable(): string {
  const lines = Object.entries(TARGETS).map(([target, { columns, remove }]) => {
    const names = columns.map(
      ({ name, json, optional }) =>
        `\`${name}\`${json === "integer" ? " (whole number)" : ""}${optional ? " (may be empty)" : ""}`,
    );
    return `| \`${target}\` | ${names.join(", ")} | ${remove ? "none: several rows may be alike" : `\`${columns[0]?.name}\``} |`;
  });
  return ["| target | columns | key |", "|---|---|---|", ...lines].join("\n");
}
