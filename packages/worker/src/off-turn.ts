/**
 * Threads that go on outside of turns: what one of them has awaited natively is there, nobody else is ready, and it is resumed where its promise settles
 * (docs/decisions/0032). Such a step is charged and recorded here, as far as it is. Next: step-watch.ts for how long ones are found.
 */
import { sharedNow } from './clock.ts';
import { nodeOf } from './compiled/frames.ts';
import type { CompiledOutcome } from './compiled/threads.ts';
import type { RootLane } from './lanes/lane-clock.ts';
import type { Scheduler } from './scheduler.ts';
import { StepWatch } from './step-watch.ts';
import { RUNNING, type LocalThread } from './thread.ts';

/** Steps between two looks at the clock. */
const STEPS_PER_LOOK = 8;

export class OffTurn {
  readonly #scheduler: Scheduler;
  readonly #sliceMs: number;
  readonly #watch: StepWatch = new StepWatch();
  /** They may go on until then, ms; 0 until the first since the last turn has. */
  #end = 0;
  #left = STEPS_PER_LOOK;
  #cpuAt = -1;

  constructor(scheduler: Scheduler, sliceMs: number) {
    this.#scheduler = scheduler;
    this.#sliceMs = sliceMs;
  }

  /** The event loop has had its own. */
  turnBegins(): void { this.#end = 0; }

  /**
   * What a thread has awaited natively is there: may it go on at once, where its run queue would hold nobody else? Not when another is ready or has
   * not begun, and no longer than a slice without the event loop having its turn.
   */
  mayGoOn(thread: LocalThread): boolean {
    const { root } = thread;
    const { lanes, roots, holdBack } = this.#scheduler;
    if (lanes !== undefined) this.#scheduler.chargeNative(thread, lanes.endAwaited(root.lane ??= lanes.of(root.name)));
    if (!roots.areIdle || holdBack !== undefined || root.steps.goesThroughQueue()) return false;
    if (--this.#left > 0) return true;
    this.#left = STEPS_PER_LOOK;
    this.#watch.look(root.steps);
    const now = sharedNow();
    if (this.#end === 0) this.#end = now + this.#sliceMs;
    return now < this.#end;
  }

  /** It goes on. */
  begins(thread: LocalThread): void {
    const { recorder, lanes } = this.#scheduler;
    recorder?.pass(thread, nodeOf(thread.frame));
    thread.waitingOn = undefined;
    thread.state = RUNNING;
    this.#watch.begin(thread.root.steps);
    if (lanes !== undefined) this.#cpuAt = lanes.before(thread.root.lane ??= lanes.of(thread.root.name));
  }

  /** It has come back, and awaits something natively again. */
  waits(thread: LocalThread): void {
    this.#endStep(thread);
    thread.block(this.#scheduler.clockMs);
  }

  /** It has come back with something else. */
  cameBack(thread: LocalThread, outcome: CompiledOutcome): void {
    this.#endStep(thread);
    if (outcome === 'ended') this.#scheduler.hasEnded();
    else this.#scheduler.afterRun(thread, outcome);
  }

  #endStep(thread: LocalThread): void {
    const { root } = thread;
    this.#watch.end(root.steps);
    const { lanes, roots } = this.#scheduler;
    if (lanes === undefined) return;
    const usedMs = lanes.used(this.#cpuAt);
    roots.chargeBeside(root, usedMs);
    if (usedMs > 0) thread.attainedUs += Math.ceil(usedMs * 1000);
    lanes.after(root.lane as RootLane, usedMs, 0, false, Infinity, 1);       // what a step takes is in no mean
  }
}
