import type { Client } from "./apiClient.ts";
import { CommandError } from "./exits.ts";
import { truncateToWidth } from "./table.ts";

/** Argument that selects the newest job. No request id contains an @. */
export const LAST = "@last";
/** Description of an id argument in the help. */
export const ID_HELP = `a job's id, a prefix of one, or ${LAST}`;
/** Maximum number of listed candidates. */
const MAX_LISTED = 10;
/** Maximum shown length of an invalid id, in columns. */
const MAX_SHOWN_ID = 64;
/** Pattern of ids, as in the contract (Request.requestId). */
const REQUEST_ID = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;

interface JobSearchResponse {
  ids: { requestId: string; status: string }[];
  more: boolean;
}

/**
 * Runs an action on the job that an argument selects: an id, `@last`, or a prefix of exactly one id. An exact match
 * takes precedence.
 * @throws CommandError with the candidates if several ids have the prefix
 */
export async function withJob<T>(client: Client, argument: string, action: (id: string) => Promise<T>): Promise<T> {
  const id = argument.trim();
  if (id === LAST) return action(await lastJob(client));
  if (!REQUEST_ID.test(id))
    throw new CommandError(
      "invalid",
      id === ""
        ? `The id is empty. Give a job's id, a prefix of one, or ${LAST}.`
        : `'${truncateToWidth(argument, MAX_SHOWN_ID)}' cannot be the id of a job: ids have at most 128 letters, digits and . _ : -, and begin with a letter or digit. ${LAST} is the newest job; \`rates list --text …\` searches.`,
    );
  try {
    return await action(id);
  } catch (error) {
    if (!isUnknownJob(error)) throw error;
    const { ids, more } = await client.json<JobSearchResponse>(
      "GET",
      client.jobIdsPath({ prefix: id, limit: MAX_LISTED }),
    );
    const [match] = ids;
    if (match === undefined || match.requestId === id) throw error;
    if (ids.length === 1) return action(match.requestId);
    const lines = ids.map(({ requestId, status }) => `  ${requestId}  ${status}`);
    throw new CommandError(
      "invalid",
      [
        `'${id}' is the beginning of ${more ? "more than " : ""}${ids.length} ids. Give a longer prefix:`,
        ...lines,
      ].join("\n"),
      { data: { type: "AmbiguousId", status: 404, detail: `'${id}' is the beginning of several ids.`, ids, more } },
    );
  }
}

async function lastJob(client: Client): Promise<string> {
  const { ids } = await client.json<JobSearchResponse>("GET", client.jobIdsPath({ limit: 1 }));
  if (ids[0] === undefined) throw new CommandError("invalid", `There are no jobs yet for ${LAST}.`);
  return ids[0].requestId;
}

const isUnknownJob = (error: unknown): boolean =>
  error instanceof CommandError && (error.data as { type?: string }).type === "UnknownJob";
