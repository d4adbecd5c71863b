/**
 * When a worker counts as blocked in the kernel: a judgement over looks, without a clock or a file of its own. Wrong verdicts cost little (a spare is
 * woken and retires), but late ones cost the core: so a few looks must agree, and no more.
 *
 * Told apart: a worker that computes (its CPU clock moves), one that the kernel gives no processor (it is runnable, however still its clock), one that
 * rests in its own event loop or outside of it, and one that waits for the collector's helpers.
 */

/** What can be learned of a thread beyond what it shows of itself, each answer for a system call. */
export interface Witness {
  /** Time on a processor so far, ns; any number that changes with it. */
  cpuNs(): number;
  /** Neither running nor waiting for a processor. */
  isAsleep(): boolean;
  /** It waits in its own event loop. Asked only of one whose park word says that it rests. */
  isInLoop(): boolean;
  /** What it waits for may be the collector. */
  mayBeCollecting(): boolean;
}

/** What a worker shows of itself. */
export interface Shown {
  /** Turns so far. */
  readonly tick: number;
  /** How long its present turn has lasted, ms; 0 outside of turns. */
  readonly turnMs: number;
  /** Its park word says PARKED. */
  readonly isParked: boolean;
  /** It sleeps outside of its event loop. */
  readonly isInHardSleep: boolean;
}

export type Verdict = 'moving' | 'resting' | 'suspect' | 'blocked';

/** Looks that must agree. */
const LOOKS_MIN = 2;
/** Its clock must have been still for so long, ms. */
const STILL_MS = 2.5;
/** A new turn that has not lasted for longer cannot have hung for long: nothing is asked, ms. */
const FRESH_MS = 1;
/** The same while the collector may be at work, ms: a pause may be as long, where its helpers find no processor; one look at which they rest ends the doubt. */
const COLLECTING_MS = 250;
const UNKNOWN = -1;

export class Suspicion {
  #tick: number | undefined;
  #cpuNs = UNKNOWN;
  #looks = 0;
  #isResting = false;
  /** When its clock was first seen still, ms. */
  sinceMs = 0;

  judge(nowMs: number, { tick, turnMs, isParked, isInHardSleep }: Shown, witness: Witness): Verdict {
    const isFresh = tick !== this.#tick;                                 // a turn has begun since: it was on a processor
    this.#tick = tick;
    if (isFresh && turnMs < FRESH_MS) return this.#moved(nowMs);
    if (isParked && (this.#isResting || isInHardSleep)) return this.#hasStill(witness) ? 'resting' : this.#moved(nowMs, this.#cpuNs);
    if (!witness.isAsleep()) return this.#moved(nowMs);                  // it runs, or finds no processor
    const isStill = this.#hasStill(witness);
    if (isParked && witness.isInLoop()) {
      this.#isResting = true;
      return 'resting';
    }
    this.#isResting = false;
    if (!isStill) {
      this.sinceMs = nowMs;
      this.#looks = 0;
      return 'suspect';
    }
    const stillMs = nowMs - this.sinceMs;
    if (++this.#looks < LOOKS_MIN || stillMs < STILL_MS) return 'suspect';
    if (stillMs < COLLECTING_MS && witness.mayBeCollecting()) return 'suspect';
    return witness.isAsleep() && this.#hasStill(witness) ? 'blocked' : this.#moved(nowMs);   // it may have woken between the questions
  }

  /** It has not run since its clock was read. */
  #hasStill(witness: Witness): boolean {
    const before = this.#cpuNs;
    this.#cpuNs = witness.cpuNs();
    return this.#cpuNs === before;
  }

  #moved(nowMs: number, cpuNs = UNKNOWN): 'moving' {
    this.#cpuNs = cpuNs;
    this.sinceMs = nowMs;
    this.#looks = 0;
    this.#isResting = false;
    return 'moving';
  }
}
