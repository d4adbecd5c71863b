/**
 * How a worker sleeps when a whole turn found nothing to do. Two ways, on the same park word (parker.ts):
 *
 *   in Atomics.wait    when nothing in this isolate can happen by itself: no thread is waiting for I/O or a timer, no server, no handle of user
 *                      code. Cheapest to wake. For at most HARD_SLEEP_MS, then the event loop gets a turn, for what user code may have left
 *                      there unref'd (timers of telemetry).
 *   in the event loop  otherwise, behind Atomics.waitAsync. One waiter stays armed over wake-ups that came from elsewhere.
 *
 * Before either it spins for a while, if spinning has paid (spin.ts): in place for a hard sleep, by turns of the loop for a soft one.
 */
import { SpinBudget, parker, type Memory, type board } from '@capriccio/shared';
import { sharedNow } from './clock.ts';

/** Longest sleep outside of the event loop, ms. After one that nothing ended, the next is in the loop. */
const HARD_SLEEP_MS = 50;
/** Longest look for more work inside a turn, microseconds: two turns of the event loop, which a caller on main needs between two calls. */
const LINGER_US_MAX = 8;
/** Turns inside turns, each begun by the sleep of the one before: then the next comes from the event loop. */
const NESTED_MAX = 32;

export interface IdleParts {
  readonly memory: Memory;
  readonly me: number;
  /** Work or mail that a sleeper would miss. */
  readonly hasWork: () => boolean;
  /** It is one of those that take new work: only then does it look for some, and is woken for some. */
  readonly takesWork: () => boolean;
  /** What it shows of itself: that it sleeps outside of its event loop. */
  readonly board: board.Board;
  /** Something in this isolate may happen by itself: it must sleep in its event loop. */
  readonly mustTurn: () => boolean;
  /** It has sought, so nobody else was woken for what came meanwhile: if that is more than it takes, somebody must be. */
  readonly onSought: () => void;
  /** Runs a turn now. */
  readonly turnNow: () => void;
  /** Has a turn run by the event loop. */
  readonly arm: () => void;
}

export class Idle {
  readonly #parts: IdleParts;
  readonly #spin = new SpinBudget();
  readonly #lingering = new SpinBudget(LINGER_US_MAX);
  #spinEndsAt = 0;
  #spinUs = 0;
  /** What ended the spin by turns of the loop had been published by another core. */
  #isFromOthers = false;
  #isParked = false;
  #waiter: Promise<unknown> | undefined;
  #hadNothing = false;
  /** The turn before has spun already. */
  #hasLingered = false;
  #hasWoken = false;
  #nested = 0;
  /** Time slept or spun, ms, and sleeps, for stats(). */
  sleptMs = 0;
  sleeps = 0;

  constructor(parts: IdleParts) { this.#parts = parts; }

  /** True while it sleeps in the event loop. */
  get isParked(): boolean { return this.#isParked; }

  /** Called at the end of a turn when nothing is left to do. Sleeps here, or arranges to be woken and returns. @param didWork  there was something before */
  sleep(didWork: boolean): void {
    if (this.#parts.mustTurn() || this.#hadNothing) this.#soft();
    else if (didWork) this.#parts.arm();                               // what the work has left to the event loop comes first
    else this.#hard();
  }

  /** Woken, it need not have found work: so a turn may end in the next sleep, and that in the next turn. */
  #turnNow(): void {
    if (this.#nested === NESTED_MAX) { this.#parts.arm(); return; }
    this.#nested++;
    this.#parts.turnNow();
    this.#nested--;
  }

  /**
   * At the end of a turn's work: looks on, for callers who make one call after the other. As long as before a sleep when nothing in this isolate
   * waits for its event loop, otherwise a few microseconds. @returns true when work came
   */
  linger(): boolean {
    this.#hasLingered = !this.#parts.mustTurn();
    const budget = this.#hasLingered ? this.#spin : this.#lingering;
    const us = this.#parts.takesWork() ? budget.next(this.#hasWoken) : 0;
    this.#hasWoken = false;
    if (us === 0) return false;
    const found = this.#seek(us);
    if (found) budget.won(us);
    else budget.lost();
    return found;
  }

  /** A caller slept and has been woken for its answer: its next call takes longer to come. */
  hasWoken(): void { this.#hasWoken = true; }

  /** A turn has found work: what was spun for it has paid, if the work came from another core. The event loop needs no spin to be woken by its own. */
  foundWork(): void {
    this.#hadNothing = false;
    if (this.#spinUs === 0) return;
    if (this.#isFromOthers) this.#spin.won(this.#spinUs);
    else this.#spin.lost();
    this.#spinUs = 0;
    this.#spinEndsAt = 0;
  }

  /** Looks for work in place, for `us` microseconds. Others see it and wake nobody else meanwhile. */
  #seek(us: number): boolean {
    const { memory, me, hasWork, onSought } = this.#parts;
    const end = sharedNow() + us / 1000;
    parker.seek(memory, me);
    let found = hasWork();
    while (!found && sharedNow() < end) {
      parker.pause();
      found = hasWork();
    }
    parker.stopSeeking(memory, me);
    onSought();
    return found || hasWork();
  }

  #hard(): void {
    const { memory, me, hasWork, arm, takesWork } = this.#parts;
    const us = this.#hasLingered || !takesWork() ? 0 : this.#spin.next();
    this.#hasLingered = false;
    if (us > 0) {
      if (this.#seek(us)) { this.#spin.won(us); this.#turnNow(); return; }
      this.#spin.lost();
    }
    this.#parts.board.setHardSleep(true);
    parker.announce(memory, me, takesWork());
    if (hasWork()) { parker.retract(memory, me); this.#parts.board.setHardSleep(false); this.#turnNow(); return; }
    const began = sharedNow();
    const woken = parker.sleep(memory, me, HARD_SLEEP_MS) !== 'timed-out';
    parker.retract(memory, me);
    this.#parts.board.setHardSleep(false);
    this.sleeps++;
    this.sleptMs += sharedNow() - began;
    if (woken) { this.#turnNow(); return; }
    this.#hadNothing = true;
    arm();
  }

  #soft(): void {
    const { memory, me, hasWork, arm, takesWork } = this.#parts;
    if (this.#spinUs === 0 && this.#spinEndsAt === 0) {
      this.#spinUs = takesWork() ? this.#spin.next() : 0;
      this.#spinEndsAt = sharedNow() + this.#spinUs / 1000;
    }
    if (sharedNow() < this.#spinEndsAt) { arm(); return; }
    if (this.#spinUs > 0) { this.#spin.lost(); this.#spinUs = 0; }
    this.#spinEndsAt = 0;
    parker.announce(memory, me, takesWork());
    if (hasWork()) { parker.retract(memory, me); arm(); return; }
    this.#isParked = true;
    this.sleeps++;
    if (this.#waiter !== undefined) return;
    this.#waiter = parker.sleepInLoop(memory, me);
    if (this.#waiter === undefined) { this.#isParked = false; parker.retract(memory, me); arm(); return; }
    void this.#waiter.then(() => {
      this.#waiter = undefined;
      if (this.#isParked) arm();
    });
  }

  /** A turn begins: it is awake. */
  wakeUp(): void {
    if (this.#spinUs > 0) this.#isFromOthers = this.#parts.hasWork();
    if (!this.#isParked) return;
    this.#isParked = false;
    parker.retract(this.#parts.memory, this.#parts.me);
  }
}
