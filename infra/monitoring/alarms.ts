import { RUNNERS } from "../../runtime/contract/states.ts";
import type { Alarm } from "./alarm.ts";
import { apiAlarms, databaseAlarms, trackingAlarms } from "./componentAlarms.ts";
import { requestAlarms, responseAlarms, runnerAlarms } from "./jobAlarms.ts";
import type { MonitoringTargets } from "./monitoringTargets.ts";

/** All alarms of a stack, in the order of a job's path through the platform. */
export function alarmsOf(targets: MonitoringTargets): Alarm[] {
  return [
    ...requestAlarms(targets),
    ...RUNNERS.flatMap((runner) => runnerAlarms(targets, runner)),
    ...databaseAlarms(targets),
    ...responseAlarms(targets),
    ...apiAlarms(targets),
    ...trackingAlarms(targets),
  ];
}
