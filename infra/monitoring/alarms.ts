import { RUNNERS } from "../../runtime/contract/states.ts";
import type { Alarm } from "./alarm.ts";
import type { MonitoringTargets } from "./monitoringTargets.ts";
import { apiAlarms, databaseAlarms, responseAlarms, trackingAlarms } from "./partAlarms.ts";
import { requestAlarms, runnerAlarms } from "./workAlarms.ts";

/** All alarms of a stack, in the order of a job's path through the platform. */
export function alarmsOf(watched: MonitoringTargets): Alarm[] {
  return [
    ...requestAlarms(watched),
    ...RUNNERS.flatMap((runner) => runnerAlarms(watched, runner)),
    ...databaseAlarms(watched),
    ...responseAlarms(watched),
    ...apiAlarms(watched),
    ...trackingAlarms(watched),
  ];
}
