import type pg from "pg";

/** A line of the description of a table or view: a column, constraint, index, trigger or grant. */
interface Line {
  readonly relation: string;
  readonly line: string;
}

const RELATIONS = `
  select c.oid, format('%I.%I', n.nspname, c.relname) as relation, c.relkind::text as kind,
         c.reloptions as options, obj_description(c.oid, 'pg_class') as comment
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  where n.nspname in ('public', 'jobs') and c.relkind in ('r', 'p', 'v', 'm', 'S')
    and not exists (select from pg_depend d where d.objid = c.oid and d.deptype in ('e', 'i'))
  order by n.nspname desc, c.relname`;

const COLUMNS = `
  select format('%I.%I', n.nspname, c.relname) as relation,
         format('%I %s%s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
           case when a.attcollation <> t.typcollation
             then format(' collate %I', (select collname from pg_collation where oid = a.attcollation)) end,
           case when a.attidentity <> '' then ' generated ' || case a.attidentity when 'a' then 'always' else 'by default' end || ' as identity'
                when a.attgenerated <> '' then format(' generated always as (%s) stored', pg_get_expr(d.adbin, d.adrelid))
                when d.adbin is not null then ' default ' || pg_get_expr(d.adbin, d.adrelid) end,
           case when a.attnotnull then ' not null' end) as line
  from pg_attribute a
  join pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p')
  join pg_namespace n on n.oid = c.relnamespace and n.nspname in ('public', 'jobs')
  join pg_type t on t.oid = a.atttypid
  left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where a.attnum > 0 and not a.attisdropped
  order by a.attrelid, a.attnum`;

const CONSTRAINTS = `
  select format('%I.%I', n.nspname, c.relname) as relation,
         format('constraint %I %s', o.conname, pg_get_constraintdef(o.oid, true)) as line
  from pg_constraint o
  join pg_class c on c.oid = o.conrelid
  join pg_namespace n on n.oid = c.relnamespace and n.nspname in ('public', 'jobs')
  where o.contype <> 'n'
  order by array_position(array['p', 'u', 'f', 'c', 'x'], o.contype::text), o.conname`;

const INDEXES = `
  select format('%I.%I', n.nspname, c.relname) as relation, pg_get_indexdef(i.indexrelid) as line
  from pg_index i
  join pg_class c on c.oid = i.indrelid
  join pg_namespace n on n.oid = c.relnamespace and n.nspname in ('public', 'jobs')
  where not exists (select from pg_constraint o where o.conindid = i.indexrelid and o.contype in ('p', 'u', 'x'))
  order by 2`;

const TRIGGERS = `
  select format('%I.%I', n.nspname, c.relname) as relation, pg_get_triggerdef(t.oid, true) as line
  from pg_trigger t
  join pg_class c on c.oid = t.tgrelid
  join pg_namespace n on n.oid = c.relnamespace and n.nspname in ('public', 'jobs')
  where not t.tgisinternal
  order by 2`;

const VIEW = "select pg_get_viewdef($1::oid, true) as sql";

const GRANTS = `
  select format('%I.%I', n.nspname, c.relname) as relation,
         format('grant %s on %s to %s', string_agg(lower(x.privilege_type), ', ' order by x.privilege_type),
           format('%I.%I', n.nspname, c.relname), case x.grantee when 0 then 'public' else quote_ident(r.rolname) end) as line
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace and n.nspname in ('public', 'jobs')
  cross join lateral aclexplode(c.relacl) x
  left join pg_roles r on r.oid = x.grantee
  where x.grantee <> c.relowner
  group by n.nspname, c.relname, x.grantee, r.rolname
  order by 2`;

const FUNCTIONS = `
  select format('%I.%I(%s) returns %s', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid),
           coalesce(pg_get_function_result(p.oid), 'void')) as line,
         coalesce((select string_agg(case x.grantee when 0 then 'public' else r.rolname end, ', ' order by r.rolname)
            from aclexplode(p.proacl) x left join pg_roles r on r.oid = x.grantee
            where x.grantee <> p.proowner), 'none') as callers
  from pg_proc p
  join pg_namespace n on n.oid = p.pronamespace and n.nspname in ('public', 'jobs')
  where not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
  order by 1`;

const HEAD = `-- The schemas public and jobs that the migrations, functions and views of this folder produce; generated, do not edit.
-- Regenerate it after a change: node db/testing/writeSchema.ts
-- Functions are listed with the roles that may execute them; their bodies are in functions/.
`;

/**
 * Describes the schemas public and jobs of a migrated database as SQL for reading: tables with columns, constraints,
 * indexes, triggers and grants, views with their queries, and signatures of functions.
 */
export async function describeSchema(client: pg.Client): Promise<string> {
  const lines = async (sql: string) => (await client.query<Line>(sql)).rows;
  await client.query("set search_path = pg_catalog");
  const { rows: relations } = await client.query<{
    oid: number;
    relation: string;
    kind: string;
    options: string[] | null;
    comment: string | null;
  }>(RELATIONS);
  const [columns, constraints, indexes, triggers, grants] = [
    await lines(COLUMNS),
    await lines(CONSTRAINTS),
    await lines(INDEXES),
    await lines(TRIGGERS),
    await lines(GRANTS),
  ];
  const parts = [HEAD];
  for (const { oid, relation, kind, options, comment } of relations) {
    const ownLines = (all: readonly Line[]) => all.filter((row) => row.relation === relation).map(({ line }) => line);
    const after = [...ownLines(indexes), ...ownLines(triggers), ...ownLines(grants)]
      .map((line) => `${line};\n`)
      .join("");
    const remark = comment === null ? "" : `-- ${comment}\n`;
    if (kind === "v" || kind === "m") {
      const { rows } = await client.query<{ sql: string }>(VIEW, [oid]);
      parts.push(
        `${remark}create ${kind === "m" ? "materialized " : ""}view ${relation} as\n${rows[0]?.sql}\n${after}`,
      );
    } else if (kind === "S") {
      parts.push(`${remark}create sequence ${relation};\n${after}`);
    } else {
      const settings = options === null ? "" : ` with (${options.join(", ")})`;
      const body = [...ownLines(columns), ...ownLines(constraints)].map((line) => `  ${line}`).join(",\n");
      parts.push(`${remark}create table ${relation} (\n${body}\n)${settings};\n${after}`);
    }
  }
  const { rows: functions } = await client.query<{ line: string; callers: string }>(FUNCTIONS);
  parts.push(functions.map(({ line, callers }) => `-- function ${line}\n--   callers: ${callers}\n`).join(""));
  return parts.join("\n");
}
