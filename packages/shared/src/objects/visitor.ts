/**
 * Visitor: one participant's way into shared objects, and out of their queues. Work inside is a function, called now if the monitor can be entered,
 * else when it has been left; it never waits. One that throws (the stack has run out) leaves no change half-way. Who waits is told by `granted`, outside of any monitor.
 *
 *   State       a visit is done, or pending behind others of the same object; a waiter stands under its node until its grant has been taken.
 *   Invariants  V1 visits of one participant to one object happen in their order.
 *               V2 a waiter is told once: by its notice, or after a death by its node's state, or at once when it is of this participant.
 *               V3 grants are announced inside, wakes follow after leaving.
 *   Ordering    notices by the mailbox's exchange; states by Atomics.
 *   Hazards     granted may visit again, and be granted at once: the rest waits in a list, so the stack does not grow.
 *   Crash       every participant looks after a death, once that is marked: it takes its notices, then the grants that the dead made and did
 *               not announce, and tries its pending visits again, for who would have called it may be dead.
 *   Proof       V1 → model/monitor "monitor: visits of one object keep their order"; V2, Crash → model/mutex "mutex: one owner, whoever dies at any step";
 *               V3 → model/semaphore "semaphore: permits are neither lost nor made, whoever dies at any step"; Ordering → stress/objects "objects: counts are right under real threads".
 *   Source      monitor.ts; the owner's side of a mailbox (participant.ts).
 */
import { CALLED, NOTICES } from '../layout.ts';
import { NIL, takeAll } from '../mailbox.ts';
import type { Memory } from '../memory.ts';
import { pause, wake } from '../parker.ts';
import { Journal } from './journal.ts';
import { leave, takeCall, tryEnter, want } from './monitor.ts';
import { NODE_LINK, NODE_RESULT, NODE_WORDS, controlOf, nodesOf, waiterOf } from './object-layout.ts';
import { ObjectFactsCache } from './object-table.ts';
import { NodePool, announce, grant, isGrantedBy, nodeState } from './wait-queue.ts';

/** Who waits behind a node. */
export interface Waiter {
  /** Its node, while it waits. */
  node?: number;
  /** What was waited for is here. The node is the waiter's to release. */
  granted(result: number, node: number): void;
}

/** Looks at a monitor that somebody is inside of before it leaves word: some microseconds. */
const LOOKS = 200;

export class Visitor {
  readonly memory: Memory;
  readonly id: number;
  readonly journal: Journal;
  readonly nodes: NodePool;
  /** What never changes of the objects. */
  readonly facts: ObjectFactsCache;
  readonly #looks: number;
  readonly #firstNode: number;
  readonly #waiters: (Waiter | undefined)[] = [];
  #waiting = 0;
  readonly #pending = new Map<number, (() => void)[]>();
  /** Nodes granted in this visit. */
  readonly #granted: number[] = [];
  readonly #ours: number[] = [];
  readonly #toWake: number[] = [];
  #isTelling = false;

  constructor(memory: Memory, id: number, looks: number = LOOKS) {
    this.memory = memory;
    this.id = id;
    this.journal = new Journal(memory, id);
    this.nodes = new NodePool(memory, id);
    this.facts = new ObjectFactsCache(memory);
    this.#looks = looks;
    this.#firstNode = nodesOf(memory, id);
  }

  /** Something of this participant waits: it must look when it is woken. */
  get isWaiting(): boolean { return this.#waiting > 0 || this.#pending.size > 0; }
  get waitingCount(): number { return this.#waiting; }

  // ---- visits ----

  /** Calls `work` inside, now or later. */
  visit(monitor: number, work: () => void): void {
    const before = this.#pending.size === 0 ? undefined : this.#pending.get(monitor);
    if (before !== undefined) { before.push(work); return; }             // V1
    if (this.#enter(monitor)) { this.#inside(monitor, work); return; }
    this.#pending.set(monitor, [work]);
    this.#tryPending(monitor);
  }

  /** Calls `work` inside if it can be entered now. @returns false when somebody else is inside, or this participant waits to enter already */
  tryVisit(monitor: number, work: () => void): boolean {
    if (this.isPending(monitor) || !this.#enter(monitor)) return false;
    this.#inside(monitor, work);
    return true;
  }
  /** Something of this participant waits to enter. */
  isPending(monitor: number): boolean { return this.#pending.size > 0 && this.#pending.has(monitor); }

  #enter(monitor: number): boolean {
    if (tryEnter(this.memory, monitor, this.id)) return true;
    for (let look = this.#looks; look > 0; look--) {
      pause();
      if (tryEnter(this.memory, monitor, this.id)) return true;
    }
    return false;
  }

  #inside(monitor: number, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (error instanceof Error) {                                      // all that is thrown inside; the explorer of the models suspends by something else
        this.#settleChange();
        this.#leave(monitor);
      }
      throw error;
    }
    this.#leave(monitor);
    if (this.#ours.length > 0 && !this.#isTelling) this.#tell();
  }

  /** An exception has left a change half-way: it is made or dropped, and what it would have granted is told or not. */
  #settleChange(): void {
    this.journal.settle();
    const granted = this.#granted.splice(0).filter((node) => isGrantedBy(nodeState(this.memory, node), this.id));
    this.#granted.push(...granted);
  }

  #leave(monitor: number): void {
    if (this.#granted.length === 0) { leave(this.memory, monitor); return; }
    for (const node of this.#granted) {                                  // V3
      const waiter = waiterOf(this.memory, node);
      if (waiter === this.id) this.#ours.push(node);
      else if (announce(this.memory, node)) this.#toWake.push(waiter);
    }
    this.#granted.length = 0;
    leave(this.memory, monitor);
    for (let waiter = this.#toWake.pop(); waiter !== undefined; waiter = this.#toWake.pop()) wake(this.memory, waiter);
  }

  /** Leaves word, tries once more (monitor.ts E2), and does what waits for this object. */
  #tryPending(monitor: number): void {
    want(this.memory, monitor, this.id);
    if (!tryEnter(this.memory, monitor, this.id)) return;
    this.doPending(monitor);
    this.#leave(monitor);
    if (this.#ours.length > 0 && !this.#isTelling) this.#tell();
  }
  /** Inside: does what waits for this object. */
  doPending(monitor: number): void {
    const list = this.#pending.get(monitor);
    this.#pending.delete(monitor);
    for (const work of list ?? []) {
      try {
        work();
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        this.#settleChange();
        queueMicrotask(() => { throw error; });                          // nobody is left who called it
      }
    }
  }

  /** Main, in the place of a dead one (monitor.ts takeOver): does what was to follow, and leaves. */
  leaveFor(monitor: number, work: () => void): void {
    work();
    this.doPending(monitor);
    this.#inside(monitor, nothing);
  }

  // ---- inside ----

  /** Writes that a node is granted; the change is committed next. */
  grant(node: number, result: number): void {
    grant(this.memory, this.journal, node, this.id, result);
    this.#granted.push(node);
  }
  commit(): void { this.journal.commit(); }

  /** A node was linked for `waiter`. */
  await(node: number, waiter: Waiter): void {
    waiter.node = node;
    this.#waiters[this.#numberOf(node)] = waiter;
    this.#waiting++;
  }
  /** A node of ours has been withdrawn and is FREE. */
  forget(node: number): void {
    this.#waiters[this.#numberOf(node)] = undefined;
    this.#waiting--;
    this.nodes.recycle(node);
  }
  #numberOf(node: number): number { return (node - this.#firstNode) / NODE_WORDS; }

  // ---- being told ----

  #tell(): void {
    this.#isTelling = true;
    for (let k = 0; k < this.#ours.length; k++) this.#settle(this.#ours[k] as number);
    this.#ours.length = 0;
    this.#isTelling = false;
  }

  #settle(node: number): void {
    const number = this.#numberOf(node);
    const waiter = this.#waiters[number] as Waiter;
    this.#waiters[number] = undefined;
    this.#waiting--;
    waiter.granted(this.memory.words[node + NODE_RESULT] as number, node);   // plain: ordered by the mailbox, or by the state
  }

  /** There is something for `collect`. */
  get hasNews(): boolean {
    const { words, layout } = this.memory;
    const control = controlOf(layout, this.id);
    return Atomics.load(words, control + NOTICES) !== NIL || Atomics.load(words, control + CALLED) !== 0;
  }

  /** Takes what has been granted, and tries what could not enter. Call when woken. @returns how many waiters were told */
  collect(): number {
    if (takeCall(this.memory, this.id)) this.#tryAllPending();
    let count = 0;
    for (let node = takeAll(this.memory.words, controlOf(this.memory.layout, this.id) + NOTICES, NODE_LINK); node !== NIL; count++) {
      const next = this.memory.words[node + NODE_LINK] as number;        // plain: the chain is ours since takeAll
      this.#settle(node);
      node = next;
    }
    return count;
  }

  #tryAllPending(): void { for (const monitor of this.#pending.keys()) this.#tryPending(monitor); }

  /** A participant has died, and main has taken its place wherever it was inside. */
  recover(dead: number): void {
    this.collect();
    for (const [number, waiter] of this.#waiters.entries()) {
      const node = this.#firstNode + number * NODE_WORDS;
      if (waiter !== undefined && isGrantedBy(nodeState(this.memory, node), dead)) this.#settle(node);
    }
    this.#tryAllPending();
  }
}

const nothing = (): void => { /* leaving is all */ };
