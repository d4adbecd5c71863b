/**
 * Admission to one route on one worker: what it sees of the route (queue, rate, own time), and the judgement at arrival. A request cannot move to
 * another worker, so its own worker's queue is what it would wait in, and no word of anybody else is needed: a dead conductor changes nothing here.
 * The judgement is conductor/admission.ts; the rate conductor/drain-rates.ts: what the simulator runs.
 */
import { Ewma, sharedNow, type Root } from '@capriccio/worker';
import { Admission, forecastWait, isStale, retryMs, SHEDDING_MS, SHORT } from '../conductor/admission.ts';
import { drain, noDrain, perMsOf, type Drain } from '../conductor/drain-rates.ts';
import { Patience, type Patiences } from '../conductor/patience.ts';
import type { Settling } from '../conductor/settling.ts';
import { Standing } from '../conductor/standing.ts';

/** How often the rate is taken, ms: at arrivals that find others waiting, so that an idle route costs nothing. */
const PERIOD_MS = 50;
/** Part of a period in which something must have been due for it to tell that no more can be taken up. */
const WAITED = 0.5;
/** Of requests that end at once the own time is taken of one in so many. */
const SAMPLE = 16;
/** A root of which somebody was refused so short a time ago keeps what it did not use while nothing of it was there, up to so much, ms. */
const CLAIMING_MS = 2000;
const CLAIM_MS = 60;
/** What a root's requests that wait are charged for in advance, at most, all together, ms. */
const PREPAID_MS_MAX = 50;
/** So many times its own: from there on it makes no difference how much more waits beside it. */
const BESIDE_MAX = 4;
const NONE: readonly never[] = [];
const NO_WAIT = { waiting: 0, ms: 0 };

/** When a worker refused somebody last who wants its processor: of whichever route that runs there and waits for nothing else, ms. */
export interface Refusals { atMs: number }

/** What it sees of a root, and tells it. */
export type AdmittedRoot = Pick<Root, 'tickets' | 'runnable' | 'gateWait' | 'downstream' | 'isAway' | 'isActive' | 'isNewestFirst' | 'claimMs' | 'prepaidMs' | 'costUs' | 'awayUs'> & { readonly entries: { readonly length: number } };

export class RouteAdmission {
  readonly #root: AdmittedRoot;
  readonly #active: readonly AdmittedRoot[];
  readonly #admission = new Admission();
  readonly #patience: Patience;
  readonly #settling: Settling | undefined;
  readonly #ownMs = new Ewma();
  readonly #laterMs = new Ewma();
  #drain: Drain = noDrain;
  /**
   * Since when the next is due that waits behind one that has begun, -1: none is; for how long some were in this period, ms; and how many of these have
   * begun. What comes and finds nobody before it begins at once, and tells nothing of how long the next would wait.
   */
  #dueSince = -1;
  #dueMs = 0;
  #wasDue = false;
  #taken = 0;
  #atMs: number;
  readonly #standing = new Standing();
  /** What would be taken up if it got its share, a millisecond. */
  #fairPerMs = 0;
  #share = 1;
  /** Roots that had something to run when that was reckoned. */
  #sharers = -1;
  #toSample = 1;
  #refusedAtMs = -Infinity;
  readonly #refusals: Refusals;
  /** So many in the entry queue have lost their clients: nobody waits for what they would take. */
  gone = 0;

  /** @param active  those that have something to run on this worker; @param clients  of the server, where it has more than this route; @param settling  of the worker; @param refusals  of the worker */
  constructor(root: AdmittedRoot, active: readonly AdmittedRoot[], clients?: Patiences, settling?: Settling, refusals: Refusals = { atMs: -Infinity }, nowMs: number = sharedNow()) {
    this.#atMs = nowMs;
    this.#patience = clients?.of() ?? new Patience();
    this.#root = root;
    this.#active = active;
    this.#settling = settling;
    this.#refusals = refusals;
  }

  /** Somebody waits before one that comes now: in the entry queue, at a gate, or begun and ready to go on. */
  get isWaitedFor(): boolean {
    const { runnable, gateWait } = this.#root;
    return this.waiting > 0 || runnable > 1 || gateWait !== undefined;
  }

  /** One arrives. @returns undefined when it may wait for its turn, else in how many milliseconds a new attempt makes sense */
  arrives(nowMs: number, deadlineMs: number): number | undefined {
    const waits = this.isWaitedFor;
    this.#standing.note(nowMs, true, this.#ownMs.mean, waits);            // of those that have begun and go on nobody tells when they are through
    const retryAfterMs = waits ? this.#judge(nowMs, deadlineMs) : void this.#admission.letIn(nowMs);
    this.#root.isNewestFirst = this.#admission.takesNewest(nowMs, this.waiting);
    if (retryAfterMs !== undefined) this.#hasRefused(nowMs);
    this.#root.claimMs = nowMs - this.#refusedAtMs < CLAIMING_MS ? CLAIM_MS : 0;
    return retryAfterMs;
  }
  /** One that has come now has been refused: whether one that waits leaves in its place. */
  leavesInstead(nowMs: number, arrivedAtMs: number, deadlineMs: number): boolean { return this.#admission.leavesInstead(nowMs, nowMs - arrivedAtMs, this.within(deadlineMs), this.waiting); }
  /**
   * Somebody waits here for the processor alone, and one who wants it too has been refused, of whichever route: who has waited for too long leaves for the next
   * that comes. But a burst of a route that is alone was let in as a whole, and is served as a whole.
   */
  shedsStale(nowMs: number): boolean { return this.waiting > 0 && (this.waiting <= SHORT || this.#share < 1) && nowMs - this.#refusals.atMs < SHEDDING_MS && this.#isHere && this.#settling?.settles(nowMs) !== true; }
  isStale(nowMs: number, arrivedAtMs: number, deadlineMs: number): boolean { return isStale(nowMs - arrivedAtMs, this.within(deadlineMs), 1 / perMsOf(this.#drain), this.#root.isNewestFirst); }
  /** One that was let in is refused after all. @returns in how many milliseconds a new attempt makes sense */
  takesBack(nowMs: number, arrivedAtMs: number): number {
    this.left(nowMs);
    this.#admission.takesBack();
    this.#hasRefused(nowMs);
    return retryMs(nowMs - arrivedAtMs);                                 // as long as this one has waited
  }
  #hasRefused(nowMs: number): void {
    this.#refusedAtMs = nowMs;
    if (this.#isHere) this.#refusals.atMs = nowMs;
  }
  /** It waits for the processor alone. */
  get #isHere(): boolean { return !this.#root.isAway && !this.#isGated; }
  /** Its threads wait for a service that has a window. */
  get #isGated(): boolean { return this.#root.downstream !== undefined || (this.#root.gateWait?.().waiting ?? 0) > 0; }
  /** Refused so far; and how many wait for their turn. */
  get refused(): number { return this.#admission.refused; }
  get waiting(): number { return this.#root.entries.length - this.gone; }

  #judge(nowMs: number, deadlineMs: number): number | undefined {
    const { waiting: queued } = this;
    const { runnable, gateWait, isAway } = this.#root;
    if (nowMs - this.#atMs >= PERIOD_MS) this.#takeRate(nowMs);
    else if (this.#active.length !== this.#sharers) this.#takeFairShare();    // when all begin to come at once, each is the only one for an instant
    const perMs = perMsOf(this.#drain);
    const gate = gateWait?.() ?? NO_WAIT;
    const settles = this.#settling?.settles(nowMs) === true;                // then whatever waits is a burst, and no overload yet
    const beforeMs = forecastWait(runnable, this.#fairPerMs, NONE) + gate.ms;   // those that have begun go on first, one after the other
    return this.#admission.judge({
      nowMs, arrivedAtMs: nowMs, deadlineMs: this.within(deadlineMs), waitMs: forecastWait(queued, perMs, NONE) + beforeMs, waiting: queued + runnable + gate.waiting, workers: 1, ownMs: this.#ownMs,
      queue: { stands: this.#standing.stands && !settles, isAway, isGated: this.#isGated, share: settles ? 1 : this.#share, ofOwn: settles || this.#standing.stands || this.#share === 1 ? 1 : this.#ofOwn(queued), fairWaitMs: forecastWait(queued, Math.max(perMs, this.#fairPerMs), NONE) + beforeMs },
    });
  }

  #takeRate(nowMs: number): void {
    const fairPerMs = this.#takeFairShare();
    const ms = nowMs - this.#atMs;
    this.#countDue(nowMs);
    this.#drain = drain(this.#drain, { count: this.#taken, ms: this.#dueMs || ms, isBacklogged: this.#dueMs >= WAITED * ms, fairPerMs });
    this.#taken = this.#dueMs = 0;
    this.#atMs = nowMs;
  }

  #takeFairShare(): number {
    const { isActive, isAway, tickets: own, costUs, awayUs } = this.#root;
    this.#sharers = this.#active.length;
    let [all, beside] = isActive ? [0, 0] : [own, own];
    for (const root of this.#active) { all += root.tickets; if (root.isAway === isAway) beside += root.tickets; }
    this.#share = own / beside;                                          // what goes to lanes, and what runs here, do not crowd each other
    return this.#fairPerMs = own / all * 1000 / (costUs + awayUs);
  }

  /** Of what waits here and would run until so many of its own have had their turn, its own part, 0 to 1; once that is small, no more is asked. */
  #ofOwn(queued: number): number {
    const { isAway, tickets, costUs } = this.#root;
    const ownUs = Math.max(1, queued) * costUs;
    let besideUs = 0;
    for (const root of this.#active) {
      if (root === this.#root || root.isAway !== isAway) continue;
      besideUs += Math.min((root.entries.length + root.runnable) * root.costUs, ownUs * root.tickets / tickets);
      if (besideUs > BESIDE_MAX * ownUs) break;
    }
    return ownUs / (ownUs + besideUs);
  }

  #countDue(nowMs: number): void {
    this.#wasDue = this.#dueSince >= 0;
    if (this.#wasDue) this.#dueMs += Math.max(0, nowMs - this.#dueSince);
    this.#dueSince = this.#root.entries.length > 0 ? nowMs : -1;
  }
  /** One has left the queue, in its turn or because it is late. */
  left(nowMs: number): void {
    this.#countDue(nowMs);
    this.#standing.note(nowMs, this.isWaitedFor, this.#ownMs.mean);
  }

  /** Its turn has come, and it begins: told after `left`. */
  begins(): void {
    if (this.#wasDue) this.#taken++;
    this.#patience.turn();
  }
  /** The deadline that clients will see met. */
  within(deadlineMs: number): number { return this.#patience.within(deadlineMs); }
  /**
   * It has not begun, and would be answered too late for its client, as far as is known how long that waits. What has waited for less than half of that
   * begins, whatever it takes: so what is known of the own time comes from the present.
   */
  isTooLate(ageMs: number, deadlineMs: number): boolean {
    const within = this.within(deadlineMs);
    return within < deadlineMs && ageMs > Math.max(within / 2, within - this.#ownMs.mean - Math.sqrt(this.#ownMs.variance));
  }
  /** A client that had to wait has gone without an answer, so long after it came. */
  gaveUp(ageMs: number): void { this.#patience.gaveUp(ageMs); }
  /** What the root is charged for in advance when one goes on later: what such use after their first wait, ms. */
  get prepaidMs(): number { return Math.max(0, Math.min(this.#laterMs.mean, PREPAID_MS_MAX - this.#root.prepaidMs)); }
  usedLater(ms: number): void { this.#laterMs.add(ms); }
  /** It has ended at once. */
  endedAtOnce(begunAtMs: number, nowMs?: number): void {
    if (--this.#toSample > 0) return;
    this.#toSample = SAMPLE;
    this.ended(begunAtMs, nowMs);
  }
  ended(begunAtMs: number, nowMs: number = sharedNow()): void { this.#ownMs.add(nowMs - begunAtMs); }
}
