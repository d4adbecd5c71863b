/**
 * The roots of one worker: whose turn it is, by stride over what each has used for its tickets; short ones borrow from long ones for a while. Next:
 * run-queues.ts, what a root has to run.
 */
import { isBefore, PassHeap } from './pass-heap.ts';
import { Root, type Ready, type Runnable, type Turn } from './run-queues.ts';
import { schedulingRules, type SchedulingRules } from './levels.ts';
import { charge, due, join, msOfPass, refund } from './stride.ts';

/** Roots of a worker that have a share of their own; what comes later has one together. */
const ROOTS_MAX = 1024;
const OTHERS = '(others)';

/** Roots of a worker and which of them have something to run. */
export class Roots<T extends Ready = Runnable> {
  readonly #byName = new Map<string, Root<T>>();
  /** Those that have something to run, by what they have had; and by when their turn is due. */
  readonly #heap = new PassHeap<Root<T>>();
  readonly #turns = new PassHeap<Turn<T>>();
  readonly #rules: SchedulingRules;
  /** The least of those that can run: who comes joins there. */
  #pass = 0;
  /** What all roots have used, ms. */
  #usedMs = 0;
  /** Roots with more pass give way to what runs elsewhere (lanes/lane-balance.ts). */
  limit: number = Infinity;

  constructor(rules: SchedulingRules = schedulingRules) { this.#rules = rules; }

  /** Roots that have something to run, in no order that means anything. */
  get active(): readonly Root<T>[] { return this.#heap.items; }
  get all(): Iterable<Root<T>> { return this.#byName.values(); }

  /** The root of a name, made when it is new; beyond the bound, one that all later names share. */
  named(name: string): Root<T> {
    let root = this.#byName.get(name);
    if (root !== undefined) return root;
    if (this.#byName.size >= ROOTS_MAX && name !== OTHERS) return this.named(OTHERS);
    root = new Root(name, this.#rules);
    this.#byName.set(name, root);
    return root;
  }

  /** The root has got something to run. */
  activate(root: Root<T>): void {
    if (root.seat >= 0) return;
    join(root, this.#pass - msOfPass(root.claimMs) / root.tickets);
    root.turn.sinceMs = this.#usedMs;
    this.#push(root);
  }
  #push(root: Root<T>): void {
    this.#heap.push(root);
    root.turn.pass = this.#dueOf(root);
    this.#turns.push(root.turn);
  }
  #remove(root: Root<T>): void {
    this.#heap.remove(root);
    this.#turns.remove(root.turn);
  }
  #dueOf(root: Root<T>): number {
    const { behindCosts, behindMs } = this.#rules;
    return due(root, Math.min(behindCosts * root.costUs / 1000, behindMs));
  }

  /** The root whose turn it is, among those that can run; those that have nothing left leave the heaps. */
  pick(): Root<T> | undefined {
    for (let root = this.#turns.top?.root; root !== undefined; root = this.#turns.top?.root) {
      if (this.#isFit(root)) return this.#firstOf(root);
      if (!root.isIdle) return this.#pickBehind();
      this.#remove(root);
    }
    return undefined;
  }
  #isFit(root: Root<T>): boolean { return root.canRun && (root.pass <= this.limit || root.isAway); }
  /** Of those that can run this one's turn is due; but who has had least goes first where it has stood back for too long. */
  #firstOf(next: Root<T>): Root<T> {
    const least = this.#leastOf(next);
    this.#pass = least.pass;
    return least !== next && this.#usedMs - least.turn.sinceMs > this.#rules.behindMsMax ? least : next;
  }
  /** Who has had least of those that can run, of which this is one. */
  #leastOf(one: Root<T>): Root<T> {
    for (let root = this.#heap.top; root !== one && root !== undefined; root = this.#heap.top) {
      if (this.#isFit(root)) return root;
      if (!root.isIdle) return this.#leastBehind(one);
      this.#remove(root);
    }
    return one;
  }

  /** Who comes first is held back (no room, gives way, or its module is being loaded): rare, so the others are looked through. */
  #pickBehind(): Root<T> | undefined {
    let best: Turn<T> | undefined;
    for (const turn of this.#turns.items) if (this.#isFit(turn.root) && (best === undefined || isBefore(turn, best))) best = turn;
    return best === undefined ? undefined : this.#firstOf(best.root);
  }
  #leastBehind(one: Root<T>): Root<T> {
    let least = one;
    for (const root of this.#heap.items) if (root.pass < least.pass && this.#isFit(root)) least = root;
    return least;
  }

  /** Ends a batch of a root that took so long. */
  charge(root: Root<T>, usedMs: number): void {
    this.chargeBeside(root, usedMs);
    root.turn.sinceMs = this.#usedMs;
    root.settle(usedMs);
  }
  /** A root has used so long, and not in a batch: what it awaited natively was there, and it went on. Nothing, where that is not known. */
  chargeBeside(root: Root<T>, usedMs: number): void {
    if (usedMs > 0) { root.usedMs += usedMs; this.#usedMs += usedMs; }
    this.#pay(root, usedMs);
    if (root.partner !== undefined) this.#pay(root.partner, usedMs);
  }
  /** A root begins what will use so long later. Without it what waits first would begin more, at next to no cost, than its share can end. */
  prepay(root: Root<T>, ms: number): void {
    root.prepaidMs += ms;
    this.#pay(root, ms);
  }
  /** That has been used, and charged, or will not be. */
  repay(root: Root<T>, ms: number): void {
    root.prepaidMs -= ms;
    const isActive = root.isActive;
    if (isActive) this.#remove(root);
    refund(root, ms, this.#pass);
    if (isActive) this.#push(root);
  }
  #pay(root: Root<T>, usedMs: number): void {
    charge(root, usedMs);
    if (root.seat < 0) return;
    this.#heap.sink(root);
    root.turn.pass = Math.max(root.turn.pass, this.#dueOf(root));
    this.#turns.sink(root.turn);
  }

  /** Of those that run here and have something to run, the one with most pass; -Infinity: there is none. */
  get farthest(): number {
    let pass = -Infinity;
    for (const root of this.active) if (!root.isAway && !root.isIdle) pass = Math.max(pass, root.pass);
    return pass;
  }

  /** Nothing waits to run or to begin here. */
  get areIdle(): boolean {
    for (const root of this.active) if (!root.isIdle) return false;
    return true;
  }

  /** Nothing is ready, queued or to be taken. */
  get isEmpty(): boolean { return this.active.every((root) => root.isIdle); }
  /** Threads in run queues. */
  get runnable(): number {
    let sum = 0;
    for (const root of this.active) sum += root.runnable;
    return sum;
  }
  /** Work of this worker that has not begun. */
  get queued(): number {
    let sum = 0;
    for (const root of this.active) sum += root.children.length + root.entries.length;
    return sum;
  }
}
