/**
 * Admission of calls with a deadline, from this thread: a call that would likely not begin in time is refused at once, and costs its caller nothing but
 * the answer. What is known without asking anybody: how many calls of the function are outstanding, how fast they come back, and how long one took when
 * hardly any other was under way. By Little's law outstanding / rate is the time that a call now takes in all; what is above its own time is wait.
 * The judgement is conductor/admission.ts; the rate conductor/return-rate.ts: what the simulator runs.
 */
import { CapriccioError } from '@capriccio/shared';
import { Ewma, sharedNow, type Call, type Target } from '@capriccio/worker';
import { Admission } from './conductor/admission.ts';
import { ReturnRate } from './conductor/return-rate.ts';

class TargetAdmission {
  readonly admission = new Admission();
  readonly ownMs = new Ewma();
  readonly rate: ReturnRate = new ReturnRate(sharedNow());
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
    const { rate, ownMs } = known;
    rate.look(nowMs, target.slotsReleased, outstanding);
    const cores = Math.max(1, this.#cores());
    const waiting = Math.max(0, outstanding - ownMs.mean * rate.perMs);
    const retryAfterMs = known.admission.judge({
      nowMs, arrivedAtMs: nowMs, deadlineMs, waitMs: rate.waitMs(waiting), waiting, workers: cores, ownMs,
    });
    if (retryAfterMs !== undefined) {
      this.#onRefused(target.label, retryAfterMs);
      throw new CapriccioError('CAP_ERR_OVERLOADED', `the call of ${target.label} would not begin within its ${deadlineMs} ms: ${outstanding} calls of it are outstanding and ${(rate.perMs * 1000).toFixed(0)} a second come back; try again in ${retryAfterMs} ms, or raise deadlineMs`, { retryAfterMs });
    }
    if (outstanding <= cores) call.unwatch = () => known.ownMs.add(sharedNow() - nowMs);
  };

  #known(target: Target): TargetAdmission {
    let known = this.#targets.get(target);
    if (known === undefined) this.#targets.set(target, known = new TargetAdmission());
    return known;
  }
}
