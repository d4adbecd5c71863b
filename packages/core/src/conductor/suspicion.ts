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
  /** What it waits for is a lock of the process, which another of its threads holds: one that runs, or finds no processor. */
  isAtLock(): boolean;
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
  /** Some thread of its waits, or a connection is open: it may go on by itself, outside of a turn. */
  readonly mayGoOn: boolean;
  /** It counts as blocked: no look is spared, for each tells whether it is back. */
  readonly isAway: boolean;
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
/** The same while it waits for a lock of the process, ms: whoever holds that may have found no processor for as long. */
const LOCK_MS = 250;
/** Nobody who did well at the last look is asked again sooner, ms: somebody else may be under suspicion, and looks come every millisecond. */
const PAUSE_MS = 4.5;
/**
 * Nor who has been at rest for SETTLED_MS and has nothing that could go on by itself: each fourth look will do. Nobody misses its processor before it is
 * woken, which shows in its word, and then it is asked at once.
 */
const LAZY_MS = 22;
const SETTLED_MS = 250;
const UNKNOWN = -1;

export class Suspicion {
  #tick: number | undefined;
  #cpuNs = UNKNOWN;
  #looks = 0;
  #last: Verdict = 'suspect';
  /** Its word said PARKED at the last look at which the kernel was asked, and when that was. */
  #wasParked = false;
  #askedAt = -Infinity;
  /** When its clock was first seen still, ms. */
  sinceMs = 0;

  judge(nowMs: number, shown: Shown, witness: Witness): Verdict {
    const { tick, turnMs, isParked, mayGoOn, isInHardSleep } = shown;
    const isFresh = tick !== this.#tick;                                 // a turn has begun since: it was on a processor
    this.#tick = tick;
    if (isFresh && turnMs < FRESH_MS && !(isParked && mayGoOn && !isInHardSleep && this.#isElsewhere(nowMs, witness))) return this.#moved(nowMs, 'moving');
    if (isParked && isInHardSleep) return this.#moved(nowMs, 'resting');   // its loop has nothing to call, and nothing else of its can run
    if (!isFresh && isParked === this.#wasParked && this.#isSpared(nowMs, shown)) return this.#last;
    this.#askedAt = nowMs;
    this.#wasParked = isParked;
    return this.#ask(nowMs, isParked, witness);
  }

  /** Its turn is over, but a callback may have begun after that, and hang: one question. */
  #isElsewhere(nowMs: number, witness: Witness): boolean {
    if (this.#last !== 'suspect' && nowMs - this.#askedAt < PAUSE_MS) return false;
    this.#askedAt = nowMs;
    return !witness.isInLoop();
  }

  #isSpared(nowMs: number, { isParked, mayGoOn, isAway }: Shown): boolean {
    if (isAway || this.#last === 'suspect' || this.#last === 'blocked') return false;
    return nowMs - this.#askedAt < (isParked && !mayGoOn && nowMs - this.sinceMs >= SETTLED_MS ? LAZY_MS : PAUSE_MS);
  }

  #ask(nowMs: number, isParked: boolean, witness: Witness): Verdict {
    const hasRested = isParked && this.#last === 'resting' && this.#cpuNs !== UNKNOWN;
    let isStill = hasRested && this.#hasStill(witness);
    if (isStill) return 'resting';
    if (!witness.isAsleep()) return this.#moved(nowMs, 'moving');        // it runs, or finds no processor
    if (!hasRested) isStill = this.#hasStill(witness);
    if (!isStill) {
      this.sinceMs = nowMs;
      this.#looks = 0;
    }
    if (isParked && witness.isInLoop()) return this.#last = 'resting';
    const stillMs = nowMs - this.sinceMs;
    if (stillMs < LOCK_MS && witness.isAtLock()) return this.#last = 'moving';
    if (!isStill || ++this.#looks < LOOKS_MIN || stillMs < STILL_MS) return this.#last = 'suspect';
    if (stillMs < COLLECTING_MS && witness.mayBeCollecting()) return this.#last = 'suspect';
    return witness.isAsleep() && this.#hasStill(witness) ? this.#last = 'blocked' : this.#moved(nowMs, 'moving');   // it may have woken between the questions
  }

  /** It has not run since its clock was read. */
  #hasStill(witness: Witness): boolean {
    const before = this.#cpuNs;
    this.#cpuNs = witness.cpuNs();
    return this.#cpuNs === before;
  }

  #moved(nowMs: number, verdict: 'moving' | 'resting'): Verdict {
    this.#cpuNs = UNKNOWN;
    this.sinceMs = nowMs;
    this.#looks = 0;
    return this.#last = verdict;
  }
}
