import { readdirSync, readFileSync } from "node:fs";

/** Kernel ticks per second in /proc (sysconf(_SC_CLK_TCK)), 100 on Linux. */
const TICKS_PER_SECOND = 100;

/** A process of the platform that all callers share. */
export interface SharedProcess {
  readonly name: "api" | "dispatcher";
  readonly pid: number;
  /** Returns the processor time of the main thread so far, in milliseconds. */
  mainThreadMs(): number;
  isAlive(): boolean;
}

/** Components of the platform whose memory is measured. */
export const COMPONENTS = ["api", "dispatcher", "runners", "database"] as const;
export type Component = (typeof COMPONENTS)[number];

const readProc = (path: string) => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
};
const processIds = () => readdirSync("/proc").filter((name) => /^\d+$/.test(name));
/** Returns a process's anonymous resident memory in bytes: without files and shared memory. */
const anonymousMemory = (pid: string | number) =>
  Number(/^RssAnon:\s+(\d+)/m.exec(readProc(`/proc/${pid}/status`))?.[1] ?? 0) * 1024;
/** Returns the fields of /proc/PID/stat that follow the name in parentheses (proc(5)). */
const statOf = (path: string) => readProc(path).split(") ")[1]?.split(" ") ?? [];

/** Returns the ids of the processes that run a program for the platform of a data directory. */
const processIdsOf = (program: string, dataDir: string) =>
  processIds().filter(
    (pid) =>
      readProc(`/proc/${pid}/cmdline`).includes(program) &&
      readProc(`/proc/${pid}/environ`).includes(`RATES_DATA_DIR=${dataDir}\0`),
  );

/**
 * Finds the process of a shared component.
 * @throws Error if it is not running
 */
export function sharedProcess(name: SharedProcess["name"], program: string, dataDir: string): SharedProcess {
  const [firstId] = processIdsOf(program, dataDir);
  if (firstId === undefined) throw new Error(`no process of ${program}`);
  const pid = Number(firstId);
  const readStartTime = () => statOf(`/proc/${pid}/stat`)[19];
  const startTime = readStartTime();
  return {
    name,
    pid,
    mainThreadMs() {
      // utime and stime are the 12th and 13th of these fields; the main thread's id is the pid.
      const fields = statOf(`/proc/${pid}/task/${pid}/stat`);
      return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND;
    },
    isAlive: () => startTime !== undefined && readStartTime() === startTime,
  };
}

/**
 * Measures each component's current memory in bytes: for runners that of the largest one, for the database the sum of
 * the processes that its postmaster has started.
 */
export function memoryOf(shared: readonly SharedProcess[], dataDir: string): Record<Component, number> {
  const memoryOfShared = (name: SharedProcess["name"]) =>
    shared.filter((process) => process.name === name).reduce((sum, { pid }) => sum + anonymousMemory(pid), 0);
  const postmaster = readProc(`${dataDir}/postgres/data/postmaster.pid`).split("\n", 1)[0];
  const databaseProcesses = processIds().filter((pid) => statOf(`/proc/${pid}/stat`)[1] === postmaster);
  return {
    api: memoryOfShared("api"),
    dispatcher: memoryOfShared("dispatcher"),
    runners: Math.max(0, ...processIdsOf("runtime/runner/main.ts", dataDir).map(anonymousMemory)),
    database: databaseProcesses.reduce((sum, pid) => sum + anonymousMemory(pid), 0),
  };
}
