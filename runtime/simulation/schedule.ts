import type { Actor, CallOutcome } from "./actor.ts";
import type { SimulatedLaunchOutcome } from "./ec2.ts";
import { callOutcome, type FaultProfile, faultProfile } from "./faultProfile.ts";
import { generateRequests, type SentRequest } from "./requests.ts";
import type { Message, SimulatedEnvironment } from "./simulatedEnvironment.ts";

/** Milliseconds to wait for an actor that does not return because it waits for a lock. */
const LOCK_WAIT_MS = 30;
/** Turns with faults. */
const TURNS = 80;
/** Turns without faults afterwards; a platform that needs more does not recover. */
const RECOVERY = 2_000;
/** Maximum seconds that pass at once: a lease takes 30, and a run that is silent for 60 is ended. */
const MAX_CLOCK_JUMP = 40;
/** Maximum while a run is stalled: its lease expires and its job is repeated before it counts as silent. */
const SHORT_CLOCK_JUMP = 20;
/** Call that ends a job: a run that is stalled here has loaded its rows but not committed them. */
const FENCE = "select * from jobs.finish";
/**
 * Call that starts a run: a dispatcher that is stalled here has a slot for it, which another dispatcher takes
 * meanwhile.
 */
const LAUNCH = /^launch (.+)/;
/** Statements that can end a job or change its session: afterwards a visible CANCELLED must be true. */
const ENDS = /cancel|jobs\.(claim|record_session|finish|retry|settle_lost)|commit/;
/** Injected outcomes of launches; most often the outcome stays unknown. */
const LAUNCH_OUTCOMES: readonly SimulatedLaunchOutcome[] = ["refuse", "unknown", "unknown", "partial", "throttle"];
/** Concurrent invocations of the dispatcher. */
const DISPATCHERS = 3;

/** A possible next action. */
interface Action {
  readonly label: string;
  readonly run: () => Promise<unknown> | unknown;
}

/** Lets an actor's call proceed with an outcome. */
const turnOf = (actor: Actor, waiting: NonNullable<Actor["waiting"]>, outcome: CallOutcome): Action => ({
  label: `${actor.name}: ${waiting.label}${outcome === "go" ? "" : ` (${outcome})`}`,
  run: () => {
    waiting.resume(outcome);
    return actor.waitUntilSettled(LOCK_WAIT_MS);
  },
});

/**
 * Runs one schedule: messages arrive late, twice and in any order, calls fail before and after they took effect, actors
 * crash and pause, the clock jumps, the account refuses, callers cancel. Then the faults stop, and the platform must
 * recover. The same seed gives the same schedule, except for the order of lock waits.
 */
export class Schedule {
  readonly requests: readonly SentRequest[];
  /** Actions in order, to find the reason of a failure. */
  readonly history: string[] = [];
  readonly environment: SimulatedEnvironment;
  readonly #pick: () => number;
  /** Random numbers of their own for cancels of running jobs after a first cancel, so that the other draws stay. */
  readonly #pickCancel: () => number;
  readonly #faultProfile: FaultProfile;
  #cancelled = false;
  /** True if a working job was cancelled. */
  #cancelledAtFence = false;
  /** A run that is about to end its job, stalled until nothing else can progress. */
  #stalledRun: Actor | undefined;
  /** A dispatcher that is about to start a run, stalled until other runs hold all slots of that type. */
  #delayedDispatcher: { readonly actor: Actor; readonly kind: string } | undefined;

  /**
   * @param pick - Random numbers of the seed in [0, 1).
   * @param pickCancel - Further random numbers, for cancels of running jobs.
   */
  constructor(environment: SimulatedEnvironment, pick: () => number, pickCancel: () => number) {
    this.environment = environment;
    this.#pick = pick;
    this.#pickCancel = pickCancel;
    this.#faultProfile = faultProfile(this.#pick);
    this.requests = generateRequests(this.#pick);
    environment.messages.push(...this.#messages());
  }

  async play(): Promise<void> {
    for (let turn = 0; turn < TURNS; turn++)
      await this.#perform(this.#pickOne([...this.#work(false), ...this.#faults()]));
    this.history.push("faults end");
    this.environment.launchOutcomes.length = 0;
    for (let turn = 0; turn < RECOVERY; turn++) {
      const move = this.#pickOne(this.#work(true));
      if (move) await this.#perform(move);
      else if (await this.#isStuck()) {
        if (await this.environment.isAtRest()) return;
        await this.#passTime();
      }
    }
  }

  #pickOne<T>(list: readonly T[]): T | undefined {
    return list[Math.floor(this.#pick() * list.length)];
  }

  async #perform(move: Action | undefined): Promise<void> {
    if (!move) return;
    this.history.push(move.label);
    await move.run();
    if (this.#cancelled && ENDS.test(move.label)) await this.environment.checkCancelled();
  }

  /** Sends the requests; some twice, some with a used id, some invalid. */
  #messages(): Message[] {
    const message = (body: object): Message => ({ body: JSON.stringify(body), deleted: false });
    const requests = this.requests.map(({ requestId, task }) => ({ requestId, task }));
    // Some want no reply on the queue; a repeat decides this independently.
    const reply = () => (this.#pick() < 0.3 ? { reply: "none" } : {});
    const all = requests.map((request) => message({ ...request, ...reply() }));
    if (this.#pick() < 0.5) all.push(message({ ...this.#pickOne(requests), ...reply() }));
    if (this.#pick() < 0.3)
      all.push(
        message({ requestId: requests[0]?.requestId, task: { type: "read", sql: "select 'other'", format: "csv" } }),
      );
    if (this.#pick() < 0.15) all.push({ body: '{"requestId":"torn', deleted: false });
    return all;
  }

  get #activeActors(): Actor[] {
    return this.environment.actors.filter(({ state }) => state === "alive");
  }

  get #isDispatching(): boolean {
    return this.#activeActors.filter(({ kind }) => kind === "dispatcher").length >= DISPATCHERS;
  }

  /** Next actions: calls of actors, deliveries, starting runs. */
  #work(isCalm: boolean): Action[] {
    const moves: Action[] = [];
    const delayedMove = this.#resumeDelayed();
    if (delayedMove) return [delayedMove];
    for (const actor of this.#activeActors) {
      const { waiting, paused } = actor;
      if (!waiting || paused) continue;
      const outcome = isCalm ? "go" : callOutcome(this.#pick(), this.#faultProfile);
      // Also without faults: few runs get this far before.
      if (!this.#stalledRun && waiting.label.startsWith(FENCE) && this.#pick() < this.#faultProfile.stall) {
        moves.push({ label: `stall ${actor.name}`, run: () => this.#stall(actor) });
        continue;
      }
      // A caller may cancel at any time; random cancels rarely hit a job that is about to commit.
      if (!this.#cancelledAtFence && waiting.label.startsWith(FENCE)) {
        const chance = this.#cancelled ? this.#pickCancel() : this.#pick();
        if (chance < this.#faultProfile.cancel) moves.push({ label: "cancel", run: () => this.#cancelWorking() });
      }
      const [, kind] = LAUNCH.exec(waiting.label) ?? [];
      if (!this.#delayedDispatcher && kind && this.#pick() < this.#faultProfile.stall) {
        moves.push({ label: `stall ${actor.name}`, run: () => this.#delay(actor, kind) });
        continue;
      }
      moves.push(turnOf(actor, waiting, outcome));
    }
    const visible = this.environment.messages.filter(({ deleted }) => !deleted);
    if (visible.length > 0 && !this.#isDispatching)
      moves.push({
        label: "deliver",
        run: () => this.#deliver(isCalm ? visible : visible.filter(() => this.#pick() < 0.6)),
      });
    for (const launched of this.environment.launched)
      if (!launched.actor && !launched.stopped)
        moves.push({
          label: `boot ${launched.runnerType}`,
          run: () => this.environment.boot(launched).waitUntilSettled(LOCK_WAIT_MS),
        });
    return moves;
  }

  /** Returns faults and actions of callers. */
  #faults(): Action[] {
    const { repeat, tick, pause, jump, refuse, cancel } = this.#faultProfile;
    const moves: Action[] = [];
    const addWithChance = (chance: number, what: string, done: Action["run"]) => {
      if (this.#pick() < chance) moves.push({ label: what, run: done });
    };
    const again = this.#pickOne(this.environment.messages.filter(({ deleted }) => deleted));
    if (!this.#isDispatching) {
      if (again) addWithChance(repeat, "deliver again", () => this.#deliver([again]));
      addWithChance(tick, "tick", () => this.environment.tick().waitUntilSettled(LOCK_WAIT_MS));
    }
    for (const actor of this.#activeActors.filter(
      (one) => one !== this.#zombie && one !== this.#delayedDispatcher?.actor,
    ))
      if (actor.paused) moves.push({ label: `continue ${actor.name}`, run: () => actor.pause(false) });
      else addWithChance(pause, `pause ${actor.name}`, () => actor.pause(true));
    if (!this.#zombie)
      addWithChance(jump, "the clock jumps", () => this.environment.advance(1 + this.#pick() * MAX_CLOCK_JUMP));
    addWithChance(refuse, "the account refuses", () =>
      this.environment.launchOutcomes.push(this.#pickOne(LAUNCH_OUTCOMES) ?? "refuse"),
    );
    addWithChance(cancel, "cancel", () => this.#cancel(this.#pickOne(this.requests)?.requestId));
    return moves;
  }

  #deliver(messages: readonly Message[]): Promise<void> | undefined {
    return messages.length === 0 ? undefined : this.environment.deliver(messages).waitUntilSettled(LOCK_WAIT_MS);
  }

  /** Returns the stalled run if it still exists: it may have been ended for its silence. */
  get #zombie(): Actor | undefined {
    return this.#stalledRun?.state === "alive" && this.#stalledRun.paused ? this.#stalledRun : undefined;
  }

  #cancel(requestId = ""): Promise<void> {
    this.#cancelled = true;
    return this.environment.cancel(requestId);
  }

  async #cancelWorking(): Promise<void> {
    this.#cancelledAtFence = true;
    await this.#cancel(this.#pickOne(await this.environment.working()));
  }

  #stall(actor: Actor): void {
    actor.pause(true);
    this.#stalledRun = actor;
  }

  #delay(actor: Actor, kind: string): void {
    actor.pause(true);
    this.#delayedDispatcher = { actor, kind };
  }

  /** Resumes the delayed dispatcher with its outdated plan at the worst possible time. */
  #resumeDelayed(): Action | undefined {
    if (!this.#delayedDispatcher) return undefined;
    const { actor, kind } = this.#delayedDispatcher;
    if (!actor.paused || !actor.waiting || actor.state !== "alive" || !this.environment.isFull(kind)) return undefined;
    actor.pause(false);
    return turnOf(actor, actor.waiting, "go");
  }

  /** Returns true if no actor can continue by itself; actors that wait for a lock count as running. */
  async #isStuck(): Promise<boolean> {
    const busy = this.#activeActors.filter(({ paused }) => !paused);
    if (busy.length === 0) return true;
    await Promise.race(busy.map((actor) => actor.waitUntilSettled(1_000)));
    return !busy.some(({ waiting, state }) => waiting || state !== "alive");
  }

  /**
   * Resumes a paused actor, or a stalled one when nothing else can progress; otherwise advances the clock and runs a
   * tick.
   */
  async #passTime(): Promise<void> {
    const zombie = this.#zombie;
    const isZombiesTurn = zombie !== undefined && (await this.environment.isDone());
    const paused = isZombiesTurn
      ? zombie
      : this.#pickOne(this.#activeActors.filter((one) => one.paused && one !== zombie));
    if (paused && (isZombiesTurn || this.#pick() < 0.3)) {
      this.history.push(`continue ${paused.name}`);
      paused.pause(false);
      return;
    }
    this.history.push("time passes, tick");
    await this.environment.advance(1 + this.#pick() * (zombie ? SHORT_CLOCK_JUMP : MAX_CLOCK_JUMP));
    await this.environment.tick().waitUntilSettled(LOCK_WAIT_MS);
  }
}
