/**
 * Admission of calls with a deadline, from this thread: a call that would likely not begin in time is refused at once, and costs its caller nothing but
 * the answer. What is known without asking anybody: how many calls of the function are outstanding, how fast they come back, and how long one took when
 * hardly any other was under way. By Little's law outstanding / rate is the time that a call now takes in all; what is above its own time is wait.
 * The judgement is conductor/admission.ts; the rate conductor/drain-rates.ts: what the simulator runs.
 */
import { CapriccioError } from '@capriccio/shared';
import { Ewma, sharedNow, type Call, type Target } from '@capriccio/worker';
import { Admission } from './conductor/admission.ts';
import { drainRate } from './conductor/drain-rates.ts';

/** How often the rate is taken, ms: at calls that have a deadline. A longer period was not one of waiting throughout. */
const PERIOD_MS = 50;
const PERIOD_MS_MAX = 200;

class TargetAdmission {
  readonly admission = new Admission();
  readonly ownMs = new Ewma();
  ratePerMs = 0;
  endedBefore = 0;
  outstandingBefore = 0;
  atMs: number = sharedNow();
}

export class CallAdmission {
  readonly #cores: () => number;
  readonly #targets = new Map<Target, TargetAdmission>();
  readonly #onRefused: (label: string, retryAfterMs: number) => void;

  /** @param cores  workers that take work at a time, now */
  constructor(cores: () => number, onRefused: (label: string, retryAfterMs: number) => void) {
    this.#cores = cores;
    this.#onRefused = onRefused;
  }

  /** Judges a call, and watches it if it may go on. Throws CAP_ERR_OVERLOADED. */
  readonly admit = (call: Call, deadlineMs: number): void => {
    const { target } = call;
    const known = this.#known(target);
    const nowMs = sharedNow();
    const outstanding = target.slotsHeld + target.surplus.length;
    if (nowMs - known.atMs >= PERIOD_MS) takeRate(known, target, outstanding, nowMs);
    const { ratePerMs, ownMs } = known;
    const cores = Math.max(1, this.#cores());
    const waiting = Math.max(0, outstanding - ownMs.mean * ratePerMs);
    const retryAfterMs = known.admission.judge({
      nowMs, arrivedAtMs: nowMs, deadlineMs, waitMs: ratePerMs > 0 ? waiting / ratePerMs : 0, waiting, workers: cores, ownMs,
    });
    if (retryAfterMs !== undefined) {
      this.#onRefused(target.label, retryAfterMs);
      throw new CapriccioError('CAP_ERR_OVERLOADED', `the call of ${target.label} would not begin within its ${deadlineMs} ms: ${outstanding} calls of it are outstanding and ${(ratePerMs * 1000).toFixed(0)} a second come back; try again in ${retryAfterMs} ms, or raise deadlineMs`, { retryAfterMs });
    }
    if (outstanding <= cores) call.unwatch = () => known.ownMs.add(sharedNow() - nowMs);
  };

  #known(target: Target): TargetAdmission {
    let known = this.#targets.get(target);
    if (known === undefined) this.#targets.set(target, known = new TargetAdmission());
    return known;
  }
}

function takeRate(known: TargetAdmission, target: Target, outstanding: number, nowMs: number): void {
  const ms = nowMs - known.atMs;
  known.ratePerMs = drainRate(known.ratePerMs, { count: target.slotsReleased - known.endedBefore, ms, isBacklogged: outstanding > 0 && known.outstandingBefore > 0 && ms <= PERIOD_MS_MAX, fairPerMs: 0 });
  known.outstandingBefore = outstanding;
  known.endedBefore = target.slotsReleased;
  known.atMs = nowMs;
}
