/**
 * Whether to begin at all: decided at arrival, when refusing costs nothing yet. What arrives is refused when its answer would likely come too late: the
 * wait that it would meet (lengths of queues as they are now, over smoothed rates) must leave the greater part of what its deadline leaves after the time
 * that it needs itself. So a queue never grows to where it makes everybody late, and a slow root is served when nothing waits. Each root is judged by its
 * own queue: a flood of one harms no other.
 *
 * Refusing at the head of the queue, after the wait, is nearly worthless (0.46 of the work at four times the capacity, against 0.92: simulated).
 * That a queue which stands is judged otherwise than a burst is CoDel's (Nichols and Jacobson, Controlling queue delay, 2012).
 * Pure; allocates nothing.
 */
import type { Moments } from '@capriccio/worker';

/** Of what the deadline leaves after the root's own time, the part that may be spent waiting, in a queue that stands. */
const SLACK = 0.3;
/**
 * A queue that was empty less than this part of that time ago is a burst, or waits for one long request to end: where there is no overload both pass by
 * themselves, and the rate that was seen in them says little. So more may wait, and the wait is forecast as for its fair share.
 */
const BURST = 0.5;
const SLACK_BURST = 0.6;
/**
 * One is let through in spite of all so often: it keeps rates and times alive, and finds out when a dead service is back. At least so many of the waits that
 * are forecast lie between two, for where one in a fifth of a second is taken up, ten in a second would be the queue; ms.
 */
const PROBE_MS = 100;
const PROBE_WAITS = 4;
const PROBE_MS_MAX = 1000;
/** A client that is refused comes back after this at the earliest, ms. */
const RETRY_MS_MIN = 50;

export interface Arrival {
  readonly nowMs: number;
  readonly arrivedAtMs: number;
  /** Infinity: none, so it is never refused. */
  readonly deadlineMs: number;
  /** Wait that it would meet: queue and windows. */
  readonly waitMs: number;
  /** How many wait before it, at the entry and at windows; and how many workers there are to take them up. */
  readonly waiting: number;
  readonly workers: number;
  readonly ownMs: Moments;
  /** For how long somebody has been waiting, without a break; and the wait, if the root gets its share from now on; ms. Not there: for long. */
  readonly burst?: { readonly forMs: number; readonly waitMs: number };
}

/** What the answers of one root's admission add up to. */
export class Admission {
  #probedAtMs = -Infinity;
  admitted = 0;
  refused = 0;
  probed = 0;

  /** @returns undefined when it may begin, else in how many milliseconds a new attempt makes sense */
  judge(arrival: Arrival): number | undefined {
    const { nowMs, arrivedAtMs, deadlineMs, waitMs, waiting, workers, ownMs, burst } = arrival;
    if (waitMs > 0 && waiting > workers) {
      const left = Math.max(0, deadlineMs - (ownMs.mean + Math.sqrt(ownMs.variance)));
      const isBurst = burst !== undefined && burst.forMs < BURST * left;
      if (nowMs - arrivedAtMs + (isBurst ? burst.waitMs : waitMs) > (isBurst ? SLACK_BURST : SLACK) * left) {
        if (nowMs - this.#probedAtMs <= Math.min(PROBE_MS_MAX, Math.max(PROBE_MS, PROBE_WAITS * waitMs))) { this.refused++; return Math.max(RETRY_MS_MIN, Math.ceil(waitMs)); }
        this.#probedAtMs = nowMs;
        this.probed++;
      }
    }
    this.admitted++;
    return undefined;
  }
}

/**
 * The wait that a new thread of a root would meet.
 * @param gates  windows that its threads meet: visits a thread, threads that wait there now, threads that come back per millisecond
 */
export function forecastWait(queued: number, drainPerMs: number, gates: readonly { visits: number; waiting: number; ratePerMs: number }[]): number {
  let waitMs = queued > 0 && drainPerMs > 0 ? queued / drainPerMs : 0;
  for (const { visits, waiting, ratePerMs } of gates) if (waiting > 0 && ratePerMs > 0) waitMs += visits * waiting / ratePerMs;
  return waitMs;
}
