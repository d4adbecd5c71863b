/**
 * The front's end of lanes: a request that has not begun, and whose root has proved long, goes to a back lane as a whole, and its answer comes back and
 * leaves on the client's connection, in its place among pipelined ones. What the app sees there is in back-host.ts.
 *
 *   gathered ──► handed over ──answer──► relayed ──► ended            a body that has come is sent along; of a large one the rest is pulled
 *                     └──client gone, deadline, lane died──► cancelled, 503, 502
 *
 * A request that had begun when its lane died is answered 502, also where its method is idempotent: what killed one lane would kill the next. One that had
 * not begun is taken by another lane and nobody notices.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { lanes, parker, type Memory } from '@capriccio/shared';
import { LaneBalance, LaneWorth, sharedNow, type LaneClock, type Root, type RootLane, type Runtime } from '@capriccio/worker';
import { ReturnRate } from '../conductor/return-rate.ts';
import type { Route } from '../http/routes.ts';
import { Bag } from './bag.ts';
import { BodySources } from './body-sources.ts';
import { LaneShares } from './lane-shares.ts';
import { Relay } from './relay.ts';
import type { RouteOptions } from './serve-options.ts';

/** Part of its deadline that a request may spend with the back lanes, by the forecast; what would take longer is refused at once. */
const LANE_SHARE = 0.5;
/** How long a request waits for the first back lane to load its application, at most, ms: what gathers meanwhile comes all at once. */
const PARK_MS_MAX = 50;
/** Where its client has gone, what a request waits for on its lane counts here until the lane has told that it counts it now, ms. */
const ABANDONED_MS = 300;
/**
 * How soon it is seen whether lanes have begun what waits for them, while others wait here: after what a request takes there, but no sooner than this, then
 * twice as long each time, and no later than the other, ms. What other fronts have handed over is all that is looked for, for an answer tells by itself that
 * its lane is free; and each look wakes a front while processors are what is short: with 2 to 8 ms that cost a sixteenth to an eighth of the work of
 * five routes under overload.
 */
const LOOK_MS = 2;
const LOOK_MS_MAX = 32;
/** While what runs in front gives way, ms. */
const BALANCE_MS = 16;
/** Answers before their rate is believed: the first requests meet lanes whose code is cold. */
const KNOWN_MIN = 32;

/** A request as the front has it. */
export interface Handed {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly root: Root;
  readonly route: Route<RouteOptions>;
  readonly arrivedAt: number;
  readonly deadlineMs: number;
  /** How long its client waits, as far as is known: the deadline at most. */
  readonly patienceMs: number;
}

export interface HandOverHost {
  readonly runtime: Runtime;
  readonly server: number;
  /** It could not begin in time: the client is told. */
  refuse(handed: Handed): void;
  /** Its deadline has passed on its lane, whose answer says so. */
  expired(handed: Handed): void;
  /** No back lane has come in time: it begins in front, in its turn. */
  runInFront(handed: Handed): void;
  /** It is refused before it waits, as at any overload. */
  shed(handed: Handed, retryAfterMs: number): void;
  /** It failed: the client is told so, if nothing has been sent. */
  fail(req: IncomingMessage, res: ServerResponse, status: 502 | 503, error: unknown): void;
  /** It was answered, and its lane has computed so long for it, ms. */
  took(handed: Handed, usedMs: number): void;
  /** Its answer has left, or never will. */
  ended(handed: Handed): void;
}

export class HandOver {
  readonly #host: HandOverHost;
  readonly #clock: LaneClock | undefined;
  readonly #memory: Memory;
  readonly #bodies: BodySources;
  /** A back lane has the application. */
  #isOpen = false;
  /** Requests that wait for that, each with its patience. */
  readonly #parked = new Map<Handed, NodeJS.Timeout>();
  /** Handed over, and not seen to have begun. */
  readonly #unbegun = new Bag<Relay>();
  readonly #shares = new LaneShares<Root>();
  readonly #worth: LaneWorth | undefined;
  readonly #balance: LaneBalance | undefined;
  #look: NodeJS.Timeout | undefined;
  #lookMs = LOOK_MS;
  /** Handed over, and not ended: what they wait for is outside, as far as this worker is concerned. */
  readonly #visits = new Map<Handed, () => void>();
  /** Requests that were handed over and are not answered, and those that are. */
  #outstanding = 0;
  #answered = 0;
  /** Answers come as fast as the lanes take requests from this front, whatever else they do and however many run in one of them at a time. */
  readonly #rate: ReturnRate = new ReturnRate(sharedNow());

  constructor(host: HandOverHost) {
    this.#host = host;
    const { runtime } = host;
    this.#clock = runtime.laneRouter === undefined ? undefined : runtime.laneClock;
    this.#memory = runtime.memory;
    this.#worth = this.#clock === undefined ? undefined : new LaneWorth(this.#clock);
    this.#balance = runtime.laneRouter === undefined ? undefined : new LaneBalance(runtime.memory);
    this.#bodies = BodySources.of(runtime);
  }

  /** One begins that is known to be short, though its route is not. */
  beginsShort(): void { this.#worth?.begins(true); }
  /** A request of this root begins: whether it goes to a back lane. One load of shared memory for what is short. */
  isForBack(root: Root, req: IncomingMessage): boolean {
    const isLong = this.#isBack(root);
    if (isLong || root.lane?.isFoundShort === true) this.#worth?.begins(!isLong);   // of the others nothing is known yet
    if (!isLong || req.headers.accept === 'text/event-stream') return false;
    if (this.#isWithoutLanes(root)) return this.#isSurplus(root);
    return !this.#areStarving(root) || (this.#hasPlace() && this.#host.runtime.laneRouter?.takesProbe() === true);
  }
  /**
   * Requests of this root go to back lanes, because it was found long: those of which it is known that they are short may stay, as a root of their own. Where
   * lanes protect nobody there are none, for the two would have two shares.
   */
  isFoundLong(root: Root): boolean {
    return this.#isOpen && this.#isBack(root) && this.#clock?.verdictOf(root.lane as RootLane).by === 'measured' && !this.#isWithoutLanes(root);
  }
  #isBack(root: Root): boolean {
    const clock = this.#clock;
    return clock !== undefined && !clock.isBackLane && clock.isBack(root.lane ??= clock.of(root.name)) && this.#host.runtime.laneRouter?.isAvailable === true;
  }
  #isKept(root: Root): boolean { return this.#isWithoutLanes(root) || this.#areStarving(root); }
  /** Lanes would protect nobody here from it. */
  #isWithoutLanes({ lane }: Root): boolean { return this.#worth?.keeps(lane as RootLane, this.#anyWaits) === true; }
  #areStarving({ lane }: Root): boolean { return this.#isOpen && this.#host.runtime.laneRouter?.keepsInFront(lane as RootLane) === true; }
  /** More waits here than this worker takes up, while a processor is free: then a lane takes it all the same. */
  #isSurplus(root: Root): boolean {
    root.awayUs = 0;
    if (!this.#anyWaits() || parker.hungryCount(this.#memory) <= lanes.busyBackLaneCount(this.#memory)) return false;
    if (!this.#isOpen) this.#host.runtime.laneRouter?.wantFirst();
    return this.#isOpen && this.#hasPlace();
  }
  readonly #anyWaits = (): boolean => {
    for (const { entries } of this.#host.runtime.scheduler.roots.active) if (entries.length > 0) return true;
    return false;
  };

  /**
   * Whether a request of this root may begin: lanes take what waits for them in order of arrival, so no more than one a lane waits there, and the rest in
   * its route's queue here, where it has its share of the lanes and may still be refused.
   */
  hasRoom(root: Root): boolean {
    root.isAway = this.#isOpen && this.#isBack(root) && !this.#isKept(root);
    if (!root.isAway) { this.#shares.leave(root); return true; }
    if (this.#hasPlace() && this.#shares.isNext(root)) return true;
    this.#shares.wait(root);
    this.#lookSoon();
    return false;
  }
  #lookSoon(): void {
    if (this.#look !== undefined) return;
    this.#look = setTimeout(() => this.#lookAgain(), this.#lookMs);
    this.#lookMs = Math.min(LOOK_MS_MAX, 2 * this.#lookMs);
  }
  #hasPlace(): boolean {
    let waiting = 0;
    for (const relay of this.#unbegun) {
      if (relay.hasBegun) this.#unbegun.delete(relay);
      else if (relay.isSent) waiting++;
    }
    return waiting < Math.max(1, lanes.backLaneCount(this.#memory));
  }
  /** A lane that begins something tells nobody; and who is late is told so, whether there is room or not. */
  #lookAgain(): void {
    this.#look = undefined;
    const now = sharedNow();
    for (const root of this.#shares.waiting) {
      for (let first = root.entries.first; first?.isLate?.(now) === true; first = root.entries.first) {
        root.started++;                                                  // as of any that is taken from there: it will not begin
        root.entries.shift()?.begin();
      }
      if (root.isIdle) this.#shares.leave(root);
    }
    this.#giveWay(now);
    this.#host.runtime.scheduler.arm();
  }

  /** What runs in front gives way to lanes that are short of processors. It is looked at again for as long as anything does. */
  #giveWay(now: number): void {
    const balance = this.#balance;
    if (balance === undefined) return;
    const { roots } = this.#host.runtime.scheduler;
    let tickets = 0;
    for (const root of this.#shares.waiting) tickets += root.tickets;
    balance.look(now, tickets, roots.farthest);
    roots.limit = balance.limit;
    if (balance.limit === Infinity) return;
    this.#lookMs = BALANCE_MS;
    this.#lookSoon();
  }

  /** Hands a request over; while no back lane has the application it waits a moment for one, and then runs in front. */
  hand(handed: Handed): void {
    const { root, arrivedAt, deadlineMs } = handed;
    if (root.downstream !== undefined) this.#visits.set(handed, root.downstream.visit());
    const clock = this.#clock as LaneClock;
    if (this.#isOpen || clock.verdictOf(root.lane ??= clock.of(root.name)).by === 'hand') { this.#send(handed); return; }
    this.#host.runtime.laneRouter?.wantFirst();
    const patienceMs = Math.max(0, arrivedAt + Math.min(PARK_MS_MAX, deadlineMs * LANE_SHARE) - sharedNow());
    this.#parked.set(handed, setTimeout(() => {
      this.#parked.delete(handed);
      this.#leave(handed);
      this.#host.runInFront(handed);
    }, patienceMs));
  }

  /** Whether a back lane has the application. */
  setLanes(isOpen: boolean): void {
    this.#isOpen = isOpen;
    if (!isOpen) return;
    for (const [handed, timer] of this.#parked) {
      clearTimeout(timer);
      this.#send(handed);
    }
    this.#parked.clear();
  }

  #send(handed: Handed): void {
    const { req, res, root, patienceMs } = handed;
    if (res.destroyed) { this.#end(handed); return; }             // its client has left while it waited
    if (!this.#mayWait(patienceMs)) {
      this.#host.shed(handed, Math.ceil(this.#rate.waitMs(this.#outstanding)));
      this.#end(handed);
      return;
    }
    this.#outstanding++;
    let paidMs = this.#shares.handOver(root);
    let allMs = 0;                                                       // an answer that comes in pieces tells of each
    this.#lookMs = Math.max(LOOK_MS, Math.min(LOOK_MS_MAX, paidMs));
    const relay = new Relay(handed, this.#host, this.#bodies, (usedMs) => {
      this.#shares.answered(root, usedMs, paidMs);
      if (root.lane?.isKept === false) root.awayUs = this.#shares.meanMsOf(root) * 1000;
      root.lane?.took(usedMs);
      allMs += usedMs;
      paidMs = 0;
    }, (isAbandoned) => {
      if (paidMs > 0) this.#shares.failed(root, paidMs);
      this.#unbegun.delete(relay);
      this.#outstanding--;
      this.#answered++;
      if (isAbandoned) setTimeout(() => this.#leave(handed), ABANDONED_MS).unref();
      else {
        this.#leave(handed);
        if (allMs > 0) this.#host.took(handed, allMs);                   // 0: its lane has failed it, or told another of it
      }
      this.#host.ended(handed);
    });
    this.#unbegun.add(relay);
    relay.begin(req);
  }

  #end(handed: Handed): void {
    this.#leave(handed);
    this.#host.ended(handed);
  }
  #leave(handed: Handed): void {
    this.#visits.get(handed)?.();
    this.#visits.delete(handed);
  }

  /** Whether it will be answered early enough. */
  #mayWait(patienceMs: number): boolean {
    this.#rate.look(sharedNow(), this.#answered, this.#outstanding);
    if (this.#answered < KNOWN_MIN || this.#outstanding <= lanes.backLaneCount(this.#memory)) return true;
    return this.#rate.waitMs(this.#outstanding) <= LANE_SHARE * patienceMs;
  }
}
