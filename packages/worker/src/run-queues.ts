/**
 * What is ready on this worker, by root and by node. A root is an entry point (a remote function, a route): the unit of fairness. A node is where
 * a thread blocks: each has a queue of its own inside its root. Roots share the worker by stride, the nodes of a root likewise; tickets are equal
 * unless somebody sets them. Everything is O(1) in threads and O(n) in roots that have something to run, which are few at a time.
 */
import { Deque } from './deque.ts';
import { charge, join, least, type Share } from './stride.ts';
import type { LocalThread } from './thread.ts';

/** Work that has not begun. `begin` runs on the scheduler's stack; it may find that the work was cancelled meanwhile. */
export interface Entry { readonly root: Root; begin(): void }

/** What waits in a run queue: a thread, or the rest of a wait of ordinary async code. */
export type Runnable = LocalThread | { readonly goOn: () => void };

interface NodeQueue extends Share { readonly node: number; readonly threads: Deque<Runnable> }

/** Most threads of one root that are started and runnable on this worker before it starts another: what has not begun can be stolen and shed. */
const START_GATE = 6;
/** What has begun goes before what has not, but for one batch in so many: a thread that yields for ever does not keep its root from starting others. */
const START_EVERY = 16;

export class Root implements Share {
  readonly name: string;
  tickets = 1;
  pass = 0;
  /** Mean processor time of one begin, microseconds, learnt: decides how many are taken at a time. */
  costUs = 100;
  /** Threads of this root in node queues. */
  runnable = 0;
  /** Spawned by threads that run here: newest first, so that what has begun ends before more begins; the oldest is exported. */
  readonly children: Deque<Entry> = new Deque();
  /** Arrived from outside (requests): oldest first. */
  readonly entries: Deque<Entry> = new Deque();
  readonly #nodes: NodeQueue[] = [];
  readonly #active: NodeQueue[] = [];
  #pass = 0;
  #passedOver = 0;
  /** Where hints of this root lie: number of claim rings that seemed to hold some at the last look. */
  sources = 0;
  /** In the list of roots that have something to run. */
  isActive = false;
  /** Segments of it that ran far beyond a slice. */
  overruns = 0;
  /** Its number in this worker's table of names + 1, for who looks from outside; 0: not named yet, -1: the table is full. */
  number = 0;

  constructor(name: string) { this.name = name; }

  /** Its module is being loaded here: what is published is left to others meanwhile. */
  isLoading = false;

  get mayStart(): boolean { return this.runnable < START_GATE && !this.isLoading; }
  get isIdle(): boolean { return this.runnable === 0 && this.children.length === 0 && this.entries.length === 0 && this.sources === 0; }
  /** True when there is something that may run now. */
  get canRun(): boolean { return this.runnable > 0 || this.children.length > 0 || (this.mayStart && (this.entries.length > 0 || this.sources > 0)); }

  /** True where a batch must begin something although begun threads are ready. Counts the batches. */
  mustStart(): boolean {
    if (!this.mayStart || (this.children.length === 0 && this.entries.length === 0 && this.sources === 0)) return false;
    return ++this.#passedOver % START_EVERY === 0;
  }

  /** A thread that blocked at `node` may go on. */
  push(thread: Runnable, node: number): void {
    let queue = this.#nodes.find((candidate) => candidate.node === node);
    if (queue === undefined) {
      queue = { node, tickets: 1, pass: 0, threads: new Deque() };
      this.#nodes.push(queue);
    }
    if (queue.threads.length === 0) { join(queue, this.#pass); this.#active.push(queue); }
    queue.threads.push(thread);
    this.runnable++;
  }

  /** Takes the next thread: oldest of the node with least pass. */
  shift(): Runnable | undefined {
    const queue = this.#active.length === 1 ? this.#active[0] : least(this.#active);
    const thread = queue?.threads.shift();
    if (queue === undefined || thread === undefined) return undefined;
    this.#pass = queue.pass;
    charge(queue, 1);
    this.runnable--;
    if (queue.threads.length === 0) this.#active.splice(this.#active.indexOf(queue), 1);
    return thread;
  }
}

/** Roots of a worker and which of them have something to run. */
export class Roots {
  readonly #byName = new Map<string, Root>();
  readonly active: Root[] = [];
  #pass = 0;

  /** The root of a name, made when it is new. */
  named(name: string): Root {
    let root = this.#byName.get(name);
    if (root === undefined) {
      root = new Root(name);
      this.#byName.set(name, root);
    }
    return root;
  }
  get all(): Iterable<Root> { return this.#byName.values(); }

  /** The root has got something to run. */
  activate(root: Root): void {
    if (root.isActive) return;
    root.isActive = true;
    join(root, this.#pass);
    this.active.push(root);
  }

  /** The root whose turn it is, among those that can run; those that have nothing left are dropped from the list. */
  pick(): Root | undefined {
    let best: Root | undefined;
    for (let k = this.active.length - 1; k >= 0; k--) {
      const root = this.active[k] as Root;
      if (root.isIdle) {
        root.isActive = false;
        this.active.splice(k, 1);
      } else if (root.canRun && (best === undefined || root.pass < best.pass)) best = root;
    }
    if (best !== undefined) this.#pass = best.pass;
    return best;
  }

  charge(root: Root, usedMs: number): void { charge(root, usedMs); }

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
