/**
 * Whether to begin at all: decided at arrival, when refusing costs nothing yet. What arrives is refused when its answer would likely come too late: the
 * wait that it would meet (lengths of queues as they are now, over smoothed rates) must leave the greater part of what its deadline leaves after the time
 * that it needs itself, and more of it the more are refused. So a queue never grows to where it makes everybody late, and a slow root is served when
 * nothing waits. Each root is judged by its own queue: a flood of one harms no other.
 *
 * Refusing at the head of the queue, after the wait, is nearly worthless (0.46 of the work at four times the capacity, against 0.92: simulated).
 * That a queue which stands is judged otherwise than a burst is CoDel's (Nichols and Jacobson, Controlling queue delay, 2012).
 * Pure; allocates nothing.
 */
import type { Moments } from '@capriccio/worker';

/** Of what the deadline leaves after the root's own time, the part that may be spent waiting, where nothing is known of the queue but its length. */
const SLACK = 0.3;
/**
 * And where it waits for back lanes, whose queue holds up nobody who runs here: at nine tenths of what lanes can do it stands, with twenty of 15 ms in it now
 * and then by chance alone, which are answered in time.
 */
const SLACK_AWAY = 0.55;
/**
 * The same in a queue that stands, where this part or more of those who come are refused: waiting makes nobody's answer sooner there, it is to keep the
 * next one ready, and no more. So light requests of an overloaded server wait for some of their own kind, and not for as long as their clients are patient.
 * With half of it one request in fourteen less is done. Where hardly anybody is refused a queue is needed, for they do not come evenly; in between it is
 * between the two. The part is that of the last few dozen.
 */
const SLACK_STANDING = 0.08;
const REFUSING = 0.15;
/**
 * And where more than half of them are, for some hundred in a row and not in one burst, the next one is there soon: light requests wait for little more than
 * half as long by this, and one in fifty less is done at most.
 */
const SLACK_REFUSING = 0.03;
const REFUSING_MOST = 0.55;
const WEIGHT = 1 / 16;
const WEIGHT_LONG = 1 / 64;
/** Of the last few so many more are refused by chance now and then. */
const CHANCE = 0.15;
/**
 * So many may have the whole slack in any case, for each worker. A queue of one or two refuses one in six at six tenths of the capacity already, by chance
 * alone: what takes long would be refused because it has been, and for ever.
 */
const FEW = 4;
/** Somebody was refused so short a time ago: the worker has more to do than it can, ms. */
export const SHEDDING_MS = 1000;
/**
 * Then who has waited for so many turns of its route, and for this long, leaves for the next that comes: at the capacity somebody waits at all times, of a
 * route or another, and whoever comes would wait for as long as is allowed, though far fewer see to it that the next one is ready. As long as this part of the
 * deadline is too long in any case, ms. Two leave for one at most, so that somebody is there whose turn it is. Where nobody is refused a long queue is what a
 * stall has left, and is worked off; so is one of more than SHORT of a route that is alone, for it was let in as a whole. Beside others it is more likely how an
 * overload begins.
 */
const STALE_TURNS = 2.5;
/** Where the newest begin first fewer turns are enough: the next one is there soon. */
const STALE_TURNS_MANY = 1.5;
const STALE_MS = 20;
const STALE = 0.5;
export const STALE_AT_ONCE = 2;
/**
 * So many, where this part is refused: then it is more than chance; and where this, and it waits for processors alone, the next one is there soon. Before a
 * window one more has to be ready: it opens suddenly, when a service becomes faster.
 */
const FEWER = 2;
const REFUSING_SOME = 0.25;
const FEWEST = 1;
const REFUSING_MANY = 0.4;
/**
 * Where more than this part are refused, and somebody was so short a time ago, a queue stands, however often it is empty for an instant because it is kept
 * short; ms.
 */
const REFUSING_HALF = 0.5;
const LATELY_MS = 300;
/**
 * Somebody has to leave the queue: who has waited longest does, up to this, instead of the newcomer; so whoever has his turn has waited for less, and each turn
 * is taken all the same (Yin and Hluchyj, Implication of dropping packets from the front of a queue, 1993). A refusal is to come soon, ms.
 */
const FRONT_MS = 20;
/**
 * Where REFUSING_SOME are refused and no more than so many wait on a worker, the newest has its turn first (adaptive LIFO: Maurer, Fail at scale, ACM Queue
 * 2015): who is answered has then hardly waited, and as many are. Who has waited longest leaves for one that is refused. A longer queue is a burst that was let
 * in as a whole.
 */
export const SHORT = 8;
/**
 * And in one that does not: it is a burst, or waits for one long request to end. Where there is no overload both pass by themselves, and the rate that was
 * seen in them says little; so the wait is forecast as for its fair share, or for the rate that was seen where that is faster. Who has all of a worker may
 * have this; where many come at once it is more likely the beginning of an overload, and each may have this part of its share, but a few of each never less than
 * the other, and the rest no less than in a queue that stands.
 */
const SLACK_BURST = 0.6;
const SLACK_BURST_SHARED = 0.15;
/**
 * Where others wait to run beside it, of what would run until it has its turn so much is its own: the less, the more likely is it an overload, and what it
 * may have falls with the square of it, down to this; so few may have what they may in a queue that stands. An overload begins with what is let in before it
 * is known for one: of that those are made who wait longest of all.
 */
const SLACK_CROWDED = 0.04;
const FEW_CROWDED = 2;
/**
 * Where nobody was let in for so long, one is in spite of all: it keeps rates and times alive, and finds out when a dead service is back. At least so many
 * of the waits that are forecast lie between two, for where one in a fifth of a second is taken up, ten in a second would be the queue; ms.
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
  /**
   * Whether it stands (standing.ts), waits for back lanes, or before a window too; the root's fair share, from 0 to 1; of what waits on this worker and would run
   * before it the part that is its root's own, from 0 to 1; and the wait if it gets its share from now on, or goes on as fast as it has, ms. Not there: not known.
   */
  readonly queue?: { readonly stands: boolean; readonly isAway: boolean; readonly isGated: boolean; readonly share: number; readonly ofOwn: number; readonly fairWaitMs: number };
}

/** What the answers of one root's admission add up to. */
export class Admission {
  #begunAtMs = -Infinity;
  /** Part of those who came lately that were refused; and of more of them. */
  #refusing = 0;
  #refusingLong = 0;
  #refusedAtMs = -Infinity;
  admitted = 0;
  refused = 0;
  probed = 0;

  /** @returns undefined when it may begin, else in how many milliseconds a new attempt makes sense */
  judge(arrival: Arrival): number | undefined {
    const { nowMs, arrivedAtMs, deadlineMs, waiting, workers, ownMs, queue } = arrival;
    const stands = queue !== undefined && (queue.stands || (!queue.isGated && this.#refusingLong > REFUSING_HALF && nowMs - this.#refusedAtMs <= LATELY_MS));
    const waitMs = queue === undefined || stands ? arrival.waitMs : queue.fairWaitMs;
    if (waitMs > 0 && waiting > workers) {
      const left = Math.max(0, deadlineMs - (ownMs.mean + Math.sqrt(ownMs.variance)));
      if (nowMs - arrivedAtMs + waitMs > this.#slackOf(queue, stands, waiting / workers) * left) {
        if (nowMs - this.#begunAtMs <= Math.min(PROBE_MS_MAX, Math.max(PROBE_MS, PROBE_WAITS * waitMs))) return this.#refuse(nowMs, waitMs);
        this.probed++;
      }
    }
    this.letIn(nowMs);
    return undefined;
  }
  /** Part of those who came that were refused: of the last few, but for chance, or of more, whichever is more. */
  get #refusingMost(): number { return Math.max(this.#refusing - CHANCE, this.#refusingLong); }
  /** Whether who came last begins first, where so many wait: not for long after the last refusal of one that came, for two clients who ask again and again are no overload. */
  takesNewest(nowMs: number, waiting: number): boolean { return waiting <= SHORT && this.#refusingMost > REFUSING_SOME && nowMs - this.#refusedAtMs <= LATELY_MS; }
  /** One has been refused: whether another leaves in its place, which has waited for so long, the first of so many. */
  leavesInstead(nowMs: number, ageMs: number, deadlineMs: number, waiting: number): boolean {
    return this.takesNewest(nowMs, waiting) || ageMs <= Math.min(FRONT_MS, SLACK_STANDING * deadlineMs);
  }
  /** One that was let in has been refused after all. */
  takesBack(): void {
    this.#refusing = Math.min(1, this.#refusing + WEIGHT);               // as if it had been at once
    this.#refusingLong = Math.min(1, this.#refusingLong + WEIGHT_LONG);
    this.admitted--;
    this.refused++;
  }
  /** One goes on that found nobody before it. */
  letIn(nowMs: number): void {
    this.#begunAtMs = nowMs;
    this.#refusing -= WEIGHT * this.#refusing;
    this.#refusingLong -= WEIGHT_LONG * this.#refusingLong;
    this.admitted++;
  }
  #refuse(nowMs: number, waitMs: number): number {
    this.#refusedAtMs = nowMs;
    this.#refusing += WEIGHT * (1 - this.#refusing);
    this.#refusingLong += WEIGHT_LONG * (1 - this.#refusingLong);
    this.refused++;
    return retryMs(waitMs);
  }

  /** So many may have the whole slack, for each worker. */
  #fewOf(queue: Arrival['queue']): number {
    if (queue?.isGated !== false) return this.#refusingLong < REFUSING_MANY ? FEW : FEWER;
    if (this.#refusingMost < REFUSING_SOME) return FEW;
    return this.#refusingMost < REFUSING_MANY ? FEWER : FEWEST;
  }
  /** @param waiting  for each worker */
  #slackOf(queue: Arrival['queue'], stands: boolean, waiting: number): number {
    if (queue === undefined) return SLACK;
    const { isAway, isGated, share, ofOwn } = queue;
    if (!stands && !isAway && !isGated) return Math.max(waiting <= FEW_CROWDED ? SLACK_STANDING : SLACK_CROWDED, SLACK_BURST * ofOwn * ofOwn);
    if (!stands) return Math.max(waiting <= this.#fewOf(queue) ? SLACK_BURST_SHARED : SLACK_STANDING, SLACK_BURST * share);
    const most = isAway ? SLACK_AWAY : SLACK;
    if (waiting <= this.#fewOf(queue)) return most;
    return slackWhere(most, this.#refusing, this.#refusingLong);
  }
}

/** Of a queue that stands, where this part of those who come is refused. @param most  where hardly anybody is */
function slackWhere(most: number, refusing: number, refusingLong: number): number {
  if (refusing < REFUSING) return between(most, SLACK_STANDING, refusing / REFUSING);
  return between(SLACK_STANDING, SLACK_REFUSING, Math.max(0, Math.min(1, (refusingLong - REFUSING) / (REFUSING_MOST - REFUSING))));
}
/** When who is refused makes a new attempt, where the wait is so long, ms. */
export const retryMs = (waitMs: number): number => Math.max(RETRY_MS_MIN, Math.ceil(waitMs));
const between = (from: number, to: number, part: number): number => from + (to - from) * part;

/** One has waited for so long where somebody is refused: whether it leaves for the next that comes. @param turnMs  what lies between two turns of its route; Infinity: not known @param isNewestFirst  many are refused */
export const isStale = (ageMs: number, deadlineMs: number, turnMs: number, isNewestFirst: boolean): boolean =>
  ageMs > Math.min(STALE * deadlineMs, Math.max(STALE_MS, (isNewestFirst ? STALE_TURNS_MANY : STALE_TURNS) * turnMs));

/**
 * The wait that a new thread of a root would meet.
 * @param gates  windows that its threads meet: visits a thread, threads that wait there now, threads that come back per millisecond
 */
export function forecastWait(queued: number, drainPerMs: number, gates: readonly { visits: number; waiting: number; ratePerMs: number }[]): number {
  let waitMs = queued > 0 && drainPerMs > 0 ? queued / drainPerMs : 0;
  for (const { visits, waiting, ratePerMs } of gates) if (waiting > 0 && ratePerMs > 0) waitMs += visits * waiting / ratePerMs;
  return waitMs;
}
