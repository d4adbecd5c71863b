/**
 * Windows of downstream nodes on this worker: where the conductor has found that more than so many threads at a node do not come back any faster, the
 * others wait before they go there. A thread's call has been made when it comes to the node that waits for it, so it is held one node earlier: at the node
 * from which most go there, and where that is a root's start, in the root's queue, where it has cost nothing and can still be refused. Each worker has
 * its part of a window (conductor/share-window.ts). Who waits goes by stride over roots (window-gate.ts).
 *
 * From a service that has died nobody comes back, and a node may wait for what only a held thread would do: so when none has come back for long, one more
 * may go, again and again. That finds out when the service is there again, and keeps any circle of waits from being one for ever.
 */
import type { OutsideWaits } from './outside.ts';
import type { Root } from './run-queues.ts';
import type { LocalThread } from './thread.ts';
import { WindowGate, type Credits } from './window-gate.ts';

/** How often the rate at which threads come back is taken, ms. */
const RATE_MS = 50;
const SMOOTHING = 0.3;

/** The way to one node. */
export class Downstream implements Credits {
  readonly row: number;
  readonly gate: WindowGate<LocalThread>;
  readonly #outside: OutsideWaits;
  stallMs: number = Infinity;
  /** Threads that were let go and are not there yet. */
  #onTheWay = 0;
  /** One more may go than the window allows. */
  #mayPass = false;
  #left = 0;
  #progressAtMs = 0;
  /** Roots that could begin but for this window. */
  readonly heldRoots: Set<Root> = new Set();
  /** While threads wait and roots too: how many of each have gone. */
  #goneOn = 0;
  #begun = 0;
  ratePerMs: number = 0;
  #rateAtMs = 0;
  #doneBefore = 0;

  constructor(row: number, outside: OutsideWaits) {
    this.row = row;
    this.#outside = outside;
    this.gate = new WindowGate(0, this);
  }

  #isFull(): boolean { return this.#outside.inUse(this.row) + this.#outside.away(this.row) + this.#onTheWay >= Math.floor(this.gate.window); }
  get hasRoom(): boolean { return this.#mayPass || !this.#isFull(); }

  take(): boolean {
    if (!this.hasRoom) return false;
    if (this.#isFull()) this.#mayPass = false;
    this.#onTheWay++;
    return true;
  }
  give(): void { this.#onTheWay--; }

  /** A root's thread begins, and will be at the node, or elsewhere, before the next does. */
  begins(): void {
    if (this.#isFull()) this.#mayPass = false;
    if (this.gate.waitingCount > 0) this.#begun++;
  }
  /** A thread that begins is run on a back lane. @returns what ends that */
  visit(): () => void {
    this.#outside.countAway(this.row, 1);
    return () => this.#outside.countAway(this.row, -1);
  }
  /** Whose turn it is, if there is room: of threads that wait here, one. */
  next(): LocalThread | undefined {
    if (this.heldRoots.size > 0 && this.#goneOn > this.#begun) return undefined;
    const thread = this.gate.next();
    if (thread !== undefined && this.heldRoots.size > 0) this.#goneOn++;
    return thread;
  }

  /** Whether a root may begin a thread: where threads wait too, they take turns. */
  mayBegin(root: Root): boolean {
    if (this.hasRoom && (this.gate.waitingCount === 0 || this.#begun <= this.#goneOn)) { this.heldRoots.delete(root); return true; }
    if (!this.heldRoots.has(root)) { this.heldRoots.add(root); this.gate.waits++; }
    return false;
  }

  look(nowMs: number): void {
    const left = this.#outside.left(this.row);
    if (left !== this.#left || !this.#isFull()) { this.#left = left; this.#progressAtMs = nowMs; }
    else if (nowMs - this.#progressAtMs >= this.stallMs) { this.#progressAtMs = nowMs; this.#mayPass = true; }
    const ms = nowMs - this.#rateAtMs;
    if (ms >= RATE_MS) {
      const done = this.#outside.done(this.row);
      const fresh = (done - this.#doneBefore) / ms;
      this.ratePerMs += (fresh - this.ratePerMs) * (this.ratePerMs === 0 ? 1 : SMOOTHING);
      this.#doneBefore = done;
      this.#rateAtMs = nowMs;
    }
    let waiting = this.gate.waitingCount;
    for (const root of this.heldRoots) waiting += root.entries.length + root.children.length;
    if (this.heldRoots.size > 0) this.gate.waits++;
    this.#outside.show(this.row, this.gate.waits, waiting);
  }
}

export class DownstreamGates {
  readonly #outside: OutsideWaits;
  readonly #byRow = new Map<number, Downstream>();
  /** Of each row: the node that most go to from there. */
  readonly #leadsTo: (Downstream | undefined)[] = [];
  /** Threads that were let go and have not come to their next node. */
  readonly #onTheWay = new Map<LocalThread, Downstream>();
  /** Threads that wait, with the node where they are. */
  readonly #held = new Map<LocalThread, number>();
  readonly #release: (thread: LocalThread, node: number) => void;

  constructor(outside: OutsideWaits, release: (thread: LocalThread, node: number) => void) {
    this.#outside = outside;
    this.#release = release;
  }

  get isEmpty(): boolean { return this.#byRow.size === 0; }

  /** The plan for a node. @param window  undefined: none */
  obey(row: number, window: number | undefined, stallMs: number): void {
    let downstream = this.#byRow.get(row);
    if (downstream === undefined) {
      if (window === undefined) return;
      this.#byRow.set(row, downstream = new Downstream(row, this.#outside));
    }
    downstream.gate.window = window ?? Infinity;
    downstream.stallMs = stallMs;
  }
  /** Where threads go from a node: after all windows of the plan. */
  lead(row: number, to: number): void { this.#leadsTo[row] = to === 0 ? undefined : this.#byRow.get(to); }

  before(row: number): Downstream | undefined { return this.#leadsTo[row]; }

  /** A thread that goes on from its node. @returns true when it has to wait */
  holds(thread: LocalThread, row: number, node: number): boolean {
    this.letIn();
    const downstream = this.#leadsTo[row];
    if (downstream === undefined || thread.cancelRequested) return false;
    if (downstream.gate.enter(thread, thread.root)) { this.#onTheWay.set(thread, downstream); return false; }
    this.#held.set(thread, node);
    return true;
  }

  /** A thread has come to a node, or to its end. */
  arrives(thread: LocalThread): void {
    if (this.#onTheWay.size === 0) return;
    const downstream = this.#onTheWay.get(thread);
    if (downstream === undefined) return;
    this.#onTheWay.delete(thread);
    downstream.gate.giveBack();
  }

  /** Lets those go for whom there is room. */
  letIn(): void {
    for (const downstream of this.#byRow.values()) {
      const { gate } = downstream;
      if (gate.waitingCount === 0) continue;
      for (let thread = downstream.next(); thread !== undefined; thread = downstream.next()) {
        const node = this.#held.get(thread);
        if (node === undefined) { gate.giveBack(); continue; }           // it was cancelled
        this.#held.delete(thread);
        this.#onTheWay.set(thread, downstream);
        this.#release(thread, node);
      }
    }
  }

  /** Looks for what has changed by itself. @returns whether anybody waits */
  look(nowMs: number): boolean {
    for (const [thread, node] of this.#held) if (thread.cancelRequested) { this.#held.delete(thread); if (!thread.hasEnded) this.#release(thread, node); }
    let isHolding = this.#held.size > 0;
    for (const downstream of this.#byRow.values()) {
      downstream.look(nowMs);
      for (const root of downstream.heldRoots) {
        for (let first = root.entries.first; first?.isLate?.(nowMs) === true; first = root.entries.first) {
          root.started++;                                                // as of any that is taken from there: it will not begin
          root.entries.shift()?.begin();
        }
        if (root.isIdle) downstream.heldRoots.delete(root);
        else isHolding = true;
      }
    }
    this.letIn();
    return isHolding;
  }

  /** How many threads of a root wait here, and for how long a new one would. */
  waitOf(root: Root): { waiting: number; ms: number } {
    let [waiting, ms] = [0, 0];
    for (const { gate, ratePerMs } of this.#byRow.values()) {
      if (gate.waitingCount === 0) continue;
      const standing = gate.standingOf(root);
      waiting += standing.waiting;
      if (standing.waiting > 0 && ratePerMs > 0) ms += standing.waiting / (ratePerMs * standing.share);
    }
    return { waiting, ms };
  }
}
