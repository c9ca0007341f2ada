import type { Actor, CallOutcome } from "./actor.ts";
import type { SimulatedLaunchOutcome } from "./ec2.ts";
import { callOutcome, type FaultProfile, faultProfile } from "./faultProfile.ts";
import { generateRequests, type SentRequest } from "./requests.ts";
import type { Message, SimulatedEnvironment } from "./simulatedEnvironment.ts";

/** Milliseconds after which an actor that has not made its next call is assumed to wait for a lock. */
const LOCK_WAIT_MS = 30;
/** Number of turns with faults. */
const TURNS = 80;
/** Maximum number of turns without faults afterwards; a platform that needs more does not recover. */
const RECOVERY_TURNS = 2_000;
/** Maximum seconds of a clock jump. For comparison: a lease lasts 30, and a run that is silent for 60 is ended. */
const MAX_CLOCK_JUMP_SECONDS = 40;
/** Maximum while a run is stalled: its lease must expire and its job be repeated before the run counts as silent. */
const SHORT_CLOCK_JUMP_SECONDS = 20;
/** Call that ends a job: a run that is stalled here has loaded its rows but not committed them. */
const FENCE = "select * from jobs.finish";
/** Call that launches a run. A dispatcher that stalls here resumes once other runs hold all slots of the runner type. */
const LAUNCH = /^launch (.+)/;
/** Statements that can end a job or change its session: after each, no CANCELLED job may have a busy session. */
const ENDING_CALL = /cancel|jobs\.(claim|record_session|finish|retry|settle_lost)|commit/;
/** Injected outcomes of launches; an unknown outcome is the most frequent. */
const LAUNCH_OUTCOMES: readonly SimulatedLaunchOutcome[] = ["refuse", "unknown", "unknown", "partial", "throttle"];
/** Maximum concurrent invocations of the dispatcher. */
const DISPATCHERS = 3;

/** A possible next action. */
interface Action {
  readonly label: string;
  readonly run: () => Promise<unknown> | unknown;
}

/** Returns the action that lets an actor's call proceed with an outcome. */
const resumeAction = (actor: Actor, waiting: NonNullable<Actor["waiting"]>, outcome: CallOutcome): Action => ({
  label: `${actor.name}: ${waiting.label}${outcome === "go" ? "" : ` (${outcome})`}`,
  run: () => {
    waiting.resume(outcome);
    return actor.waitUntilSettled(LOCK_WAIT_MS);
  },
});

/**
 * Runs one schedule. Messages arrive late, twice and in any order; calls fail before and after they take effect; actors
 * crash and pause; the clock jumps, the account refuses launches, and callers cancel. Then the faults stop, and the
 * platform must recover. The same seed gives the same schedule, except for the order of lock waits.
 */
export class Schedule {
  readonly requests: readonly SentRequest[];
  /** Actions in order, to find the reason of a failure. */
  readonly history: string[] = [];
  readonly environment: SimulatedEnvironment;
  readonly #pick: () => number;
  /** Separate random numbers for later cancels of running jobs, so that they do not change the other draws. */
  readonly #pickCancel: () => number;
  readonly #faultProfile: FaultProfile;
  #cancelled = false;
  /** True if a job was cancelled while a run was at the fence. */
  #cancelledAtFence = false;
  /** A run that is about to end its job, stalled until every job has ended. */
  #stalledRun: Actor | undefined;
  /** A dispatcher that is about to start a run, stalled until other runs hold all slots of its runner type. */
  #delayedDispatcher: { readonly actor: Actor; readonly runnerType: string } | undefined;

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

  async run(): Promise<void> {
    for (let turn = 0; turn < TURNS; turn++)
      await this.#perform(this.#pickOne([...this.#nextActions(false), ...this.#faults()]));
    this.history.push("faults end");
    this.environment.launchOutcomes.length = 0;
    for (let turn = 0; turn < RECOVERY_TURNS; turn++) {
      const action = this.#pickOne(this.#nextActions(true));
      if (action) await this.#perform(action);
      else if (await this.#isStuck()) {
        if (await this.environment.isAtRest()) return;
        await this.#passTime();
      }
    }
  }

  #pickOne<T>(list: readonly T[]): T | undefined {
    return list[Math.floor(this.#pick() * list.length)];
  }

  async #perform(action: Action | undefined): Promise<void> {
    if (!action) return;
    this.history.push(action.label);
    await action.run();
    if (this.#cancelled && ENDING_CALL.test(action.label)) await this.environment.checkCancelled();
  }

  /** Returns the messages of the requests: some twice, some with a used id, some invalid. */
  #messages(): Message[] {
    const message = (body: object): Message => ({ body: JSON.stringify(body), deleted: false });
    const requests = this.requests.map(({ requestId, task }) => ({ requestId, task }));
    // Some requests ask for no reply on the queue; for a repeat, this is drawn independently.
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

  /** True if no further invocation of the dispatcher may start. */
  get #hasMaximumDispatchers(): boolean {
    return this.#activeActors.filter(({ kind }) => kind === "dispatcher").length >= DISPATCHERS;
  }

  /** Returns the possible next actions: calls of actors, deliveries, starts of runs. */
  #nextActions(isRecovering: boolean): Action[] {
    const actions: Action[] = [];
    const delayedAction = this.#resumeDelayed();
    if (delayedAction) return [delayedAction];
    for (const actor of this.#activeActors) {
      const { waiting, paused } = actor;
      if (!waiting || paused) continue;
      const outcome = isRecovering ? "go" : callOutcome(this.#pick(), this.#faultProfile);
      // Runs also stall in turns without faults, because few of them reach the fence earlier.
      if (!this.#stalledRun && waiting.label.startsWith(FENCE) && this.#pick() < this.#faultProfile.stall) {
        actions.push({ label: `stall ${actor.name}`, run: () => this.#stall(actor) });
        continue;
      }
      // A caller may cancel at any time; random cancels rarely hit a job that is about to commit.
      if (!this.#cancelledAtFence && waiting.label.startsWith(FENCE)) {
        const chance = this.#cancelled ? this.#pickCancel() : this.#pick();
        if (chance < this.#faultProfile.cancel) actions.push({ label: "cancel", run: () => this.#cancelRunningJob() });
      }
      const [, runnerType] = LAUNCH.exec(waiting.label) ?? [];
      if (!this.#delayedDispatcher && runnerType && this.#pick() < this.#faultProfile.stall) {
        actions.push({ label: `stall ${actor.name}`, run: () => this.#delayDispatcher(actor, runnerType) });
        continue;
      }
      actions.push(resumeAction(actor, waiting, outcome));
    }
    const visible = this.environment.messages.filter(({ deleted }) => !deleted);
    if (visible.length > 0 && !this.#hasMaximumDispatchers)
      actions.push({
        label: "deliver",
        run: () => this.#deliver(isRecovering ? visible : visible.filter(() => this.#pick() < 0.6)),
      });
    for (const launched of this.environment.launched)
      if (!launched.actor && !launched.stopped)
        actions.push({
          label: `boot ${launched.runnerType}`,
          run: () => this.environment.boot(launched).waitUntilSettled(LOCK_WAIT_MS),
        });
    return actions;
  }

  /** Returns faults and actions of callers. */
  #faults(): Action[] {
    const { repeat, tick, pause, jump, refuse, cancel } = this.#faultProfile;
    const actions: Action[] = [];
    const addWithChance = (chance: number, label: string, run: Action["run"]) => {
      if (this.#pick() < chance) actions.push({ label, run });
    };
    const deletedMessage = this.#pickOne(this.environment.messages.filter(({ deleted }) => deleted));
    if (!this.#hasMaximumDispatchers) {
      if (deletedMessage) addWithChance(repeat, "deliver again", () => this.#deliver([deletedMessage]));
      addWithChance(tick, "tick", () => this.environment.tick().waitUntilSettled(LOCK_WAIT_MS));
    }
    for (const actor of this.#activeActors.filter(
      (actor) => actor !== this.#zombie && actor !== this.#delayedDispatcher?.actor,
    ))
      if (actor.paused) actions.push({ label: `continue ${actor.name}`, run: () => actor.pause(false) });
      else addWithChance(pause, `pause ${actor.name}`, () => actor.pause(true));
    if (!this.#zombie)
      addWithChance(jump, "the clock jumps", () => this.environment.advance(1 + this.#pick() * MAX_CLOCK_JUMP_SECONDS));
    addWithChance(refuse, "the account refuses", () =>
      this.environment.launchOutcomes.push(this.#pickOne(LAUNCH_OUTCOMES) ?? "refuse"),
    );
    addWithChance(cancel, "cancel", () => this.#cancel(this.#pickOne(this.requests)?.requestId));
    return actions;
  }

  #deliver(messages: readonly Message[]): Promise<void> | undefined {
    return messages.length === 0 ? undefined : this.environment.deliver(messages).waitUntilSettled(LOCK_WAIT_MS);
  }

  /** The stalled run, as long as it is paused and has not been ended. */
  get #zombie(): Actor | undefined {
    return this.#stalledRun?.state === "alive" && this.#stalledRun.paused ? this.#stalledRun : undefined;
  }

  #cancel(requestId = ""): Promise<void> {
    this.#cancelled = true;
    return this.environment.cancel(requestId);
  }

  async #cancelRunningJob(): Promise<void> {
    this.#cancelledAtFence = true;
    await this.#cancel(this.#pickOne(await this.environment.runningJobs()));
  }

  #stall(actor: Actor): void {
    actor.pause(true);
    this.#stalledRun = actor;
  }

  #delayDispatcher(actor: Actor, runnerType: string): void {
    actor.pause(true);
    this.#delayedDispatcher = { actor, runnerType };
  }

  /** Returns the action that resumes the delayed dispatcher with its outdated plan, once other runs hold all slots. */
  #resumeDelayed(): Action | undefined {
    if (!this.#delayedDispatcher) return undefined;
    const { actor, runnerType } = this.#delayedDispatcher;
    if (!actor.paused || !actor.waiting || actor.state !== "alive" || !this.environment.isFull(runnerType))
      return undefined;
    actor.pause(false);
    return resumeAction(actor, actor.waiting, "go");
  }

  /** Returns true unless an actor that is not paused makes its next call or ends within a second. */
  async #isStuck(): Promise<boolean> {
    const busy = this.#activeActors.filter(({ paused }) => !paused);
    if (busy.length === 0) return true;
    await Promise.race(busy.map((actor) => actor.waitUntilSettled(1_000)));
    return !busy.some(({ waiting, state }) => waiting || state !== "alive");
  }

  /**
   * Resumes the stalled run if every job has ended, or at random another paused actor. Otherwise advances the clock and
   * invokes the dispatcher.
   */
  async #passTime(): Promise<void> {
    const zombie = this.#zombie;
    const isZombiesTurn = zombie !== undefined && (await this.environment.isDone());
    const paused = isZombiesTurn
      ? zombie
      : this.#pickOne(this.#activeActors.filter((actor) => actor.paused && actor !== zombie));
    if (paused && (isZombiesTurn || this.#pick() < 0.3)) {
      this.history.push(`continue ${paused.name}`);
      paused.pause(false);
      return;
    }
    this.history.push("time passes, tick");
    await this.environment.advance(1 + this.#pick() * (zombie ? SHORT_CLOCK_JUMP_SECONDS : MAX_CLOCK_JUMP_SECONDS));
    await this.environment.tick().waitUntilSettled(LOCK_WAIT_MS);
  }
}
