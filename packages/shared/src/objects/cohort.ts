/**
 * Cohort: the threads of one core that wait for a mutex, in their order. The core stands in the mutex's queue once for all of them, and not at all
 * while it has the mutex; whoever of them unlocks hands it to the next of them, which changes no word but the owner's own. When other cores wait,
 * it does so for a while only (`mayKeep`), then passes it on and queues again behind them. So cores have it in the order in which they came,
 * and the threads of a core in theirs.
 *
 * Always: while members wait, this core has the mutex, or is granted it, or `node` is in its queue. A member waits from the visit, or the look at
 * the owner, that found the mutex taken.
 * Source: Dice, Marathe and Shavit, Lock cohorting, PPoPP 2012: with 64 hand-overs in one NUMA node where here are 32 in one core.
 */
import { withdraw } from './burial.ts';
import { hideLocal, isAwaited, isOwner, isWanted, lock, queueOwner, showLocal, takeTurn, tryUnlock, unlock, type Admission } from './mutex.ts';
import { OWNER_DIED } from './object-layout.ts';
import type { Visitor, Waiter } from './visitor.ts';

/** Hand-overs in one core while others wait, one after the other: a hand-over between cores costs as much as these. */
const HAND_OVERS_MAX = 32;
/** Nor longer than this, ms: where it is held for long a hand-over costs nothing beside. As long as Go's mutex lets waiters be passed. */
const KEEP_MS = 1;

/** A thread that waits. The links are the cohort's. */
export interface Member {
  next: Member | undefined;
  previous: Member | undefined;
  line: Cohort | undefined;
  /** It has the mutex now. @returns false when it has given up, and does not */
  handed(result: number): boolean;
}

export interface CohortParts {
  /** Calls `work` inside, now or later. */
  readonly visit: (monitor: number, work: () => void) => void;
  /** A clock, ms. */
  readonly now: () => number;
  readonly handOversMax?: number;
}

export class Cohort implements Waiter {
  /** Where this core stands in the queue; 0: nowhere. */
  node = 0;
  readonly #visitor: Visitor;
  readonly #mutex: number;
  readonly #parts: CohortParts;
  readonly #handOversMax: number;
  #first: Member | undefined;
  #last: Member | undefined;
  /** While others wait; and since when they do, or this core has it; 0: nobody waits. */
  #handOvers = 0;
  #sinceMs = 0;
  #isShown = false;

  constructor(visitor: Visitor, mutex: number, parts: CohortParts) {
    this.#visitor = visitor;
    this.#mutex = mutex;
    this.#parts = parts;
    this.#handOversMax = parts.handOversMax ?? HAND_OVERS_MAX;
  }

  // ---- coming ----

  /** Anywhere: waits behind a thread of this core that has it, or waits for it. @returns false when there is none */
  tryJoin(member: Member): boolean {
    if (this.#first === undefined && this.node === 0 && !isOwner(this.#visitor.memory, this.#mutex, this.#visitor.id)) return false;
    this.#push(member);
    this.#show();
    return true;
  }

  /** Inside: locks, or waits. */
  enter(member: Member): Admission {
    if (this.tryJoin(member)) return 'waits';
    const admission = lock(this.#visitor, this.#mutex, this);
    if (admission === 'waits') this.#push(member);
    return admission;
  }

  /** Outside: it does not want it any more. */
  leave(member: Member): void {
    if (member.line !== this) return;                                    // it has not entered yet
    this.#remove(member);
    if (this.#first !== undefined) return;
    this.#hide();
    if (this.node !== 0) this.#parts.visit(this.#mutex, this.#withdraw);
  }
  /** Inside: leaves the queue, if nobody has come since. */
  readonly #withdraw = (): void => {
    const { node } = this;
    if (node === 0 || this.#first !== undefined || !withdraw(this.#visitor, this.#mutex, node)) return;   // granted meanwhile: the notice is on its way
    this.node = 0;
    this.#visitor.forget(node);
  };

  // ---- going ----

  /** Anywhere: hands it on within the core, or frees it. @returns false when it must be released from inside */
  tryRelease(): boolean {
    if (this.#first !== undefined) {
      if (!this.#mayKeep()) return false;
      if (this.#handOver(0)) return true;
    }
    this.#forgetOthers();
    return tryUnlock(this.#visitor.memory, this.#mutex, this.#visitor.id);
  }

  /** Inside: hands it on, or frees it. `hasNews`: whoever gets it next is told of a death, for this one was not. */
  release(hasNews = false): void {
    this.#withdraw();
    if (this.#first !== undefined && !this.#passes() && this.#handOver(hasNews ? OWNER_DIED : 0)) return;
    this.#isShown = false;
    unlock(this.#visitor, this.#mutex, hasNews);
  }

  /** Inside: it is the turn of another core, and this one stands behind it. */
  #passes(): boolean {
    if (this.#mayKeep()) return false;
    if (isAwaited(this.#visitor, this.#mutex)) return this.node !== 0 || queueOwner(this.#visitor, this.#mutex, this);   // no node is left: it is kept
    this.#forgetOthers();
    return false;
  }

  /** Nobody else waits, or not for long. */
  #mayKeep(): boolean {
    if (!isWanted(this.#visitor.memory, this.#mutex)) { this.#forgetOthers(); return true; }
    if (this.#handOvers === this.#handOversMax) return false;
    const nowMs = this.#parts.now();
    if (this.#sinceMs === 0) this.#sinceMs = nowMs;
    if (nowMs - this.#sinceMs >= KEEP_MS) return false;
    this.#handOvers++;
    return true;
  }
  #forgetOthers(): void { this.#handOvers = this.#sinceMs = 0; }

  /** This core has it. */
  #handOver(result: number): boolean {
    for (let member = this.#first; member !== undefined; member = this.#first) {
      this.#remove(member);
      takeTurn(this.#visitor.memory, this.#mutex);
      if (this.#first === undefined) this.#hide();
      if (member.handed(result)) return true;
    }
    return false;
  }

  /** Outside: another core has handed it to this one. */
  granted(result: number, node: number): void {
    this.node = 0;
    this.#handOvers = 0;
    this.#sinceMs = this.#parts.now();
    this.#visitor.nodes.release(node);
    if (this.#handOver(result)) this.#show();
    else this.#parts.visit(this.#mutex, () => this.release(result === OWNER_DIED));
  }

  // ---- what main sees of it ----

  /** That members wait is seen by the node, or else by the owner's word. */
  #show(): void {
    if (this.#isShown || this.#first === undefined || this.node !== 0) return;
    this.#isShown = true;
    showLocal(this.#visitor.memory, this.#mutex);
  }
  #hide(): void {
    if (!this.#isShown) return;
    this.#isShown = false;
    hideLocal(this.#visitor.memory, this.#mutex);
  }

  // ---- the list ----

  #push(member: Member): void {
    member.line = this;
    member.previous = this.#last;
    if (this.#last === undefined) this.#first = member;
    else this.#last.next = member;
    this.#last = member;
  }
  #remove(member: Member): void {
    const { next, previous } = member;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    member.next = member.previous = member.line = undefined;
  }
}
