import { readdirSync, readFileSync } from "node:fs";

/** Kernel ticks per second in /proc (sysconf(_SC_CLK_TCK)), 100 on Linux. */
const TICKS = 100;

/** A process of the platform that all callers share. */
export interface SharedProcess {
  readonly name: "api" | "dispatcher";
  readonly pid: number;
  /** Processor time of its main thread so far, in milliseconds. */
  mainThreadMs(): number;
  isAlive(): boolean;
}

/** Parts of the platform whose memory is observed. */
export const PARTS = ["api", "dispatcher", "runners", "database"] as const;
export type Part = (typeof PARTS)[number];

const readProc = (path: string) => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
};
const processIds = () => readdirSync("/proc").filter((name) => /^\d+$/.test(name));
/** Resident memory of its own, without files and memory that it shares. Bytes. */
const anonymousMemory = (pid: string | number) =>
  Number(/^RssAnon:\s+(\d+)/m.exec(readProc(`/proc/${pid}/status`))?.[1] ?? 0) * 1024;
/** The fields of /proc/PID/stat that follow the name in parentheses (proc(5)). */
const statOf = (path: string) => readProc(path).split(") ")[1]?.split(" ") ?? [];

/** Processes of this data directory that run a program. */
const processesOf = (program: string, dataDir: string) =>
  processIds().filter(
    (pid) =>
      readProc(`/proc/${pid}/cmdline`).includes(program) &&
      readProc(`/proc/${pid}/environ`).includes(`RATES_DATA_DIR=${dataDir}\0`),
  );

/** The process of a shared part. */
export function sharedProcess(name: SharedProcess["name"], program: string, dataDir: string): SharedProcess {
  const [found] = processesOf(program, dataDir);
  if (found === undefined) throw new Error(`no process of ${program}`);
  const pid = Number(found);
  const startedAt = () => statOf(`/proc/${pid}/stat`)[19];
  const started = startedAt();
  return {
    name,
    pid,
    mainThreadMs() {
      // utime and stime are the 12th and 13th of these fields; the main thread's id is the pid.
      const fields = statOf(`/proc/${pid}/task/${pid}/stat`);
      return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS;
    },
    isAlive: () => started !== undefined && startedAt() === started,
  };
}

/** Memory of each part now, in bytes: of the largest runner, and of all sessions of the database together. */
export function memoryOf(shared: readonly SharedProcess[], dataDir: string): Record<Part, number> {
  const own = (name: SharedProcess["name"]) =>
    shared.filter((process) => process.name === name).reduce((sum, { pid }) => sum + anonymousMemory(pid), 0);
  const postmaster = readProc(`${dataDir}/postgres/data/postmaster.pid`).split("\n", 1)[0];
  const sessions = processIds().filter((pid) => statOf(`/proc/${pid}/stat`)[1] === postmaster);
  return {
    api: own("api"),
    dispatcher: own("dispatcher"),
    runners: Math.max(0, ...processesOf("runtime/runner/main.ts", dataDir).map(anonymousMemory)),
    database: sessions.reduce((sum, pid) => sum + anonymousMemory(pid), 0),
  };
}
