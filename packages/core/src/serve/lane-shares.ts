/**
 * Who is next to hand a request over to the back lanes: the route that has had least of them for its tickets. The lanes' time is shared beside the
 * worker's own, by a stride of its own: a route that computes on back lanes must not wait for the front's time to be shared out, of which it takes little,
 * and one that computes in front takes nothing of the lanes. A route pays what it takes on average when a request of it is handed over, for what a lane
 * does is known when it answers; then what it has really taken. Pure.
 *
 * Source: stride scheduling, worker: stride.ts.
 */
import { charge, join, refund, type Share } from '@capriccio/worker';

/** Weight of one answer in a route's mean. */
const WEIGHT = 1 / 8;

/** What is known of a route, or any root. */
export interface Contender {
  readonly tickets: number;
  /** Something of it may begin, but for back lanes. */
  readonly wantsLane: boolean;
}

class Account implements Share {
  readonly #contender: Contender;
  pass = 0;
  /** Mean processor time of a request, ms; 0: none has been answered. */
  meanMs = 0;
  constructor(contender: Contender) { this.#contender = contender; }
  get tickets(): number { return this.#contender.tickets; }
}

export class LaneShares<C extends Contender> {
  readonly #accounts = new Map<C, Account>();
  readonly #waiting = new Set<C>();
  /** Of those that wait, the one with least pass; undefined: to be found out. */
  #leader: C | undefined;
  /** Of who was handed over last. */
  #pass = 0;

  /** Those that wait. */
  get waiting(): Iterable<C> { return this.#waiting; }

  #of(contender: C): Account {
    let account = this.#accounts.get(contender);
    if (account === undefined) this.#accounts.set(contender, account = new Account(contender));
    return account;
  }

  /** It waits for a lane. What it did not use before is not saved up. */
  wait(contender: C): void {
    if (this.#waiting.has(contender)) return;
    this.#waiting.add(contender);
    const account = this.#of(contender);
    join(account, this.#pass);
    if (this.#leader !== undefined && account.pass < this.#of(this.#leader).pass) this.#leader = contender;
  }
  /** It waits no longer. */
  leave(contender: C): void {
    if (!this.#waiting.delete(contender)) return;
    if (this.#leader === contender) this.#leader = undefined;
  }

  /** There is room for one: whether it is this one's turn, among those that wait. */
  isNext(contender: C): boolean {
    if (this.#leader?.wantsLane !== true) this.#leader = this.#findLeader();
    const leader = this.#leader;
    return leader === undefined || leader === contender || this.#passOf(contender) < this.#of(leader).pass;
  }
  /** Where it stands, or would stand if it waited. */
  #passOf(contender: C): number {
    const { pass } = this.#of(contender);
    return this.#waiting.has(contender) ? pass : Math.max(pass, this.#pass);
  }
  #findLeader(): C | undefined {
    let leader: C | undefined;
    for (const one of this.#waiting) if (one.wantsLane && (leader === undefined || this.#of(one).pass < this.#of(leader).pass)) leader = one;
    return leader;
  }

  /** A request of it is handed over. @returns what it has paid, ms: told to `answered` */
  handOver(contender: C): number {
    const account = this.#of(contender);
    this.leave(contender);
    join(account, this.#pass);
    this.#pass = account.pass;
    charge(account, account.meanMs);
    return account.meanMs;
  }
  /** A lane has told what it has computed for it. @param paidMs  of that, what was paid before */
  answered(contender: C, usedMs: number, paidMs: number): void {
    const account = this.#of(contender);
    account.meanMs += (usedMs - account.meanMs) * (account.meanMs === 0 ? 1 : WEIGHT);
    charge(account, usedMs - paidMs);
    if (paidMs > usedMs) refund(account, paidMs - usedMs, this.#pass);
    this.#leader = undefined;
  }
  /** It was not answered. What a lane has computed all the same comes with another answer. */
  failed(contender: C, paidMs: number): void {
    refund(this.#of(contender), paidMs, this.#pass);
    this.#leader = undefined;
  }

  meanMsOf(contender: C): number { return this.#of(contender).meanMs; }
}
