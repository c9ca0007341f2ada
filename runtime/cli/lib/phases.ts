import type { Phase } from "../../monitoring/timeline.ts";
import type { Client } from "./apiClient.ts";
import { durationText, plain } from "./screen.ts";

/** Minimum and maximum width of the bars, in columns. */
const BAR_WIDTH = { min: 10, max: 40 } as const;
/** Columns reserved for the text of a line beside its bar: indentation, phase, duration and notes. */
const FIXED_WIDTH = 60;

/** Returns the phases of a job; undefined if the platform does not return them. */
export async function phasesOfJob(client: Client, id: string): Promise<Phase[] | undefined> {
  try {
    const { phases } = await client.json<{ phases?: Phase[] }>("GET", client.jobPath(id, "/timeline"));
    return phases;
  } catch {
    return undefined;
  }
}

/**
 * Formats a job's phases as lines, each with a bar on a common time scale.
 * @param sendsResponse false if the job sends no response, so that its phase `responding` never ends
 * @param columns width of the terminal, in columns
 */
export function phaseLines(
  phases: readonly Phase[],
  sendsResponse: boolean,
  columns: number,
  now = Date.now(),
): string[] {
  const shown = phases.filter(({ phase, to }) => phase !== "responding" || to !== undefined || sendsResponse);
  const begin = Date.parse(shown[0]?.from ?? "");
  const timed = shown.map((phase) => {
    const from = Date.parse(phase.from);
    return { ...phase, from, until: Math.max(from, phase.to === undefined ? now : Date.parse(phase.to)) };
  });
  const total = Math.max(0, ...timed.map(({ until }) => until - begin));
  const width = Math.min(BAR_WIDTH.max, Math.max(BAR_WIDTH.min, columns - FIXED_WIDTH));
  return timed.map(({ phase, from, until, to, attempt, runner, outcome }) => {
    const start = total === 0 ? 0 : Math.min(width - 1, Math.floor(((from - begin) / total) * width));
    const length = total === 0 ? 1 : Math.max(1, Math.round(((until - from) / total) * width));
    const bar = " ".repeat(start) + (to === undefined ? "▒" : "█").repeat(Math.min(length, width - start));
    const notes = [
      ...(runner === undefined ? [] : [`${runner}, attempt ${attempt}`]),
      ...(outcome === undefined || outcome === "SUCCEEDED" ? [] : [outcome]),
      ...(to === undefined ? ["until now"] : []),
    ];
    return `  ${plain(phase).padEnd(10)} ${durationText(until - from).padStart(12)}  ${bar.padEnd(width)}  ${plain(notes.join(", "))}`.trimEnd();
  });
}
