import { join, relative } from "node:path";
import { shellWord } from "../contract/shellQuote.ts";
import { RUNNERS } from "../contract/states.ts";
import type { LocalPlan, RunLimit } from "./plan.ts";
import type { Platform } from "./platform.ts";

/** Default data directory of the command `rates`, relative to the clone. */
const DEFAULT_DATA_DIR = ".local";

/** Returns the output of `npm start` when everything is ready: addresses, first steps, and how to stop. */
export function summary(
  { file, example, signIn }: Pick<Platform, "file" | "example" | "signIn">,
  { dataDir, plan, tracking, seconds }: { dataDir: string; plan: LocalPlan; tracking?: string; seconds: number },
): string {
  const relativePath = relative(process.cwd(), dataDir);
  const displayPath = relativePath === "" || relativePath.startsWith("..") ? dataDir : relativePath;
  const cli = `npx rates ${relativePath === DEFAULT_DATA_DIR ? "" : `--data-dir ${shellWord(displayPath)} `}`;
  const lane = Object.entries(example ?? {});
  const params = lane.map(([name, value]) => ` --param ${name}=${value}`).join("");
  const firstSteps =
    example === undefined
      ? [`A first batch of prices   ${cli}load FILE.csv`]
      : [
          `Average rates at once     curl '${file.api}/rates?${lane.map((pair) => pair.join("=")).join("&")}'`,
          `The same as a first job   ${cli}query average_rates${params}`,
        ];
  return `
The platform is up (${seconds.toFixed(1)} s), imitating the stack ${plan.stack}; its data is in ${displayPath}.

  API         ${file.api}
  Dashboard   ${signIn.link}
              signs you in once, within ${signIn.minutes} minutes; \`${cli}dashboard\` prints another link
  Requests    ${file.requestQueueUrl}
  Responses   ${file.responseQueueUrl}
  Capacity    ${RUNNERS.map((runner) => `${runner} ${capacity(plan.runners[runner])}`).join(", ")}${tracking === undefined ? "" : `\n  Tracking    ${tracking}`}
  ${join(displayPath, "platform.json")} lists all addresses, the database and the token.

${firstSteps.join("\n")}
Stop                      Ctrl-C
`;
}

function capacity({ stack, local }: RunLimit): string {
  return stack === local ? `${local} runs at once` : `${local} runs at once (the stack: ${stack})`;
}
