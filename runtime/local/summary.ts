import { relative } from "node:path";
import { RUNNERS } from "../jobs/states.ts";
import type { LocalPlan, RunLimit } from "./plan.ts";
import type { PlatformFile } from "./platformFile.ts";

/** What `npm start` says when everything answers: where it is, what to try first, how to stop. */
export function summary(
  file: PlatformFile,
  { dataDir, plan, seconds }: { dataDir: string; plan: LocalPlan; seconds: number },
): string {
  const near = relative(process.cwd(), dataDir);
  const shown = near === "" || near.startsWith("..") ? dataDir : near;
  const rates = `${file.api}/rates?date_from=2021-01-01&date_to=2021-01-10&orig_code=CNSGH&dest_code=NLRTM`;
  return `
The platform is up (${seconds.toFixed(1)} s), imitating the stack ${plan.stack}; its data are in ${shown}.

  API         ${file.api}
  Dashboard   ${file.dashboard}
  Requests    ${file.requestQueueUrl}
  Responses   ${file.responseQueueUrl}
  Postgres, token and the rest: ${shown}/platform.json
  Capacity    ${RUNNERS.map((kind) => `${kind} ${capacity(plan.runners[kind])}`).join(", ")}

Average rates        curl '${rates}'
Submit a first job   npx rates query average_rates date_from=2021-01-01 date_to=2021-01-10 orig_code=CNSGH dest_code=NLRTM
Stop                 Ctrl-C
`;
}

function capacity({ stack, local }: RunLimit): string {
  return stack === local ? `${local} runs at once` : `${local} runs at once (the stack: ${stack})`;
}
