/**
 * What is ready on this worker, by root, by level and by node. A root is an entry point (a remote function, a route): the unit of fairness. Inside it
 * threads stand in levels by what they have had (levels.ts); in level 0 each node, the place where a thread blocks, has a queue of its own. Roots share
 * the worker by stride, the levels of a root likewise, and the nodes of level 0 by the tickets that the conductor gives them. Everything is O(1) in
 * threads and O(log n) in roots and nodes.
 *
 * The simulator (test/simulation) runs these same classes with threads of its own; so they know a thread by what it has had and nothing else.
 */
import { Deque } from './deque.ts';
import type { RootLane } from './lanes/lane-clock.ts';
import { levelOf, schedulingRules, type SchedulingRules } from './levels.ts';
import { PassHeap, type Seat } from './pass-heap.ts';
import { LOOK_EVERY_MS } from './segment-samples.ts';
import { Steps } from './step-watch.ts';
import { charge, join, type Share } from './stride.ts';
import type { LocalThread } from './thread.ts';

/** What queues know of a thread: the processor time it has had, whole microseconds. */
export interface Ready { attainedUs: number }

/** The rest of a wait of ordinary async code. */
export class Continuation implements Ready {
  attainedUs = 0;
  readonly goOn: () => void;
  constructor(goOn: () => void) { this.goOn = goOn; }
}

/** What waits in the run queues of a worker. */
export type Runnable = LocalThread | Continuation;

/** Work that has not begun. `begin` runs on the scheduler's stack; it may find that the work was cancelled meanwhile. */
export interface Entry<T extends Ready = Runnable> {
  readonly root: Root<T>;
  begin(): void;
  /** Nobody would have its result in time, or at all: `begin` will only say so. */
  isLate?(nowMs: number): boolean;
  /** It may leave the queue before its turn, for one that comes later. */
  readonly mayLeave?: boolean;
}

interface NodeQueue<T> extends Seat { readonly node: number; readonly threads: Deque<T> }
/** `drawn`: threads that were drawn from it since the last `settle`. */
interface Level<T> extends Share { readonly threads: Deque<T>; drawn: number }

/** What has begun goes before what has not, but for one batch in so many: a thread that yields for ever does not keep its root from starting others. */
const START_EVERY = 16;
/** Threads that go before others, for they have been handed what is waited for, before one that has not has its turn. */
const HANDED_MAX = 4;
/** Preempted threads wait here, in level 0, beside those that gave way. */
const NODE_PREEMPTED = 1;

/** A root's place among those that have something to run: `pass` is when its turn is due. */
export class Turn<T extends Ready = Runnable> implements Seat {
  tickets = 1;
  pass = 0;
  seat = -1;
  order = 0;
  /** What the worker had run when it had its last, or came, ms. */
  sinceMs = 0;
  readonly root: Root<T>;
  constructor(root: Root<T>) { this.root = root; }
}

export class Root<T extends Ready = Runnable> implements Seat {
  readonly name: string;
  tickets = 1;
  pass = 0;
  seat = -1;
  order = 0;
  readonly turn: Turn<T> = new Turn(this);
  /** Mean processor time of one begin, microseconds, learnt: decides how many are taken at a time. */
  costUs = 100;
  /** Tickets as they were given; `tickets` is what the conductor makes of them. */
  givenTickets = 1;
  /** Processor time used since the beginning, ms; what has begun; threads made, and those that have not ended; what was begun, ended at once, and is recorded. */
  usedMs = 0;
  started = 0;
  threads = 0;
  live = 0;
  countedAtOnce = 0;
  /** Its row in the blocking graph: -1 none is left, -2 not asked for yet. */
  row = -2;
  /** `usedMs` when the recorder looked last at what its threads take. */
  lookedAtMs: number = -Infinity;
  /** And how long of its time passes between two looks (segment-samples.ts). */
  lookEveryMs: number = LOOK_EVERY_MS;
  /** Threads of this root in queues. */
  runnable = 0;
  /** Spawned by threads that run here: newest first, so that what has begun ends before more begins; the oldest is exported. */
  readonly children: Deque<Entry<T>> = new Deque();
  /** Arrived from outside (requests): the oldest begins first, or the newest while so many are refused that who has waited leaves. */
  readonly entries: Deque<Entry<T>> = new Deque();
  isNewestFirst = false;
  /** What it did not use while it had nothing to run is kept for it, up to this, ms: some of its own have been refused lately. */
  claimMs = 0;
  /** Where hints of this root lie: number of claim rings that seemed to hold some at the last look. */
  sources = 0;
  /** Segments of it that ran far beyond a slice. */
  overruns = 0;
  /** Its number in this worker's table of names + 1, for who looks from outside; 0: not named yet, -1: the table is full. */
  number = 0;
  /** What is known of those that go on outside of turns. */
  readonly steps: Steps = new Steps();
  /** Its module is being loaded here: what is published is left to others meanwhile. */
  isLoading = false;
  /** Whether there is room for what its threads take when they begin; undefined while they take nothing that is scarce. */
  hasRoom: (() => boolean) | undefined = undefined;
  /** The same of the back lanes, where its requests are handed over. */
  hasLaneRoom: (() => boolean) | undefined = undefined;
  /** It had none when it was looked at last. */
  isHeld = false;
  /** Its threads that wait before a node that has a window, and for how long one more would; undefined while none does. */
  gateWait: (() => { readonly waiting: number; readonly ms: number }) | undefined = undefined;
  /** Its threads that wait for what is outside. */
  outside = 0;
  /** How many may while no window is known. */
  outsideMax: number = Infinity;
  /** The node with a window to which most of its threads go first: told of those that a back lane runs; what it returns ends that. */
  downstream: { visit(): () => void } | undefined = undefined;
  /** What is known of its segments' length. */
  lane: RootLane | undefined = undefined;
  /** Mean processor time that a back lane takes for one of its requests, microseconds; 0 while it has had none. */
  awayUs = 0;
  /** Charged for what has begun and goes on later, ms. */
  prepaidMs = 0;
  /** What begins of it is handed over to back lanes: it takes next to nothing here. */
  isAway = false;
  /** Another name of the same work, here: the two have one share. */
  partner: Root<T> | undefined = undefined;
  /** It is a part of this one, which was there before: what is known of that holds until more is known: where its threads go, and what they take. */
  whole: Root<T> | undefined = undefined;
  readonly #rules: SchedulingRules;
  readonly #thetaUs: number;
  /** The top level, and what a thread has had that stands there. */
  readonly #top: number;
  readonly #topUs: number;
  readonly #nodes = new Map<number, NodeQueue<T>>();
  /** Of the last push: the next is most likely of the same node. */
  #last: NodeQueue<T> | undefined;
  readonly #ready = new PassHeap<NodeQueue<T>>();
  /** Level 0 holds its threads by node; its own deque stays empty. */
  readonly #levels: Level<T>[] = [];
  /** Threads that have been handed what others wait for. */
  readonly #handed: Deque<T> = new Deque();
  #handedInRow = 0;
  /** Threads above level 0. */
  #above = 0;
  /** The level of the present batch. */
  #level = 0;
  #levelPass = 0;
  #nodePass = 0;
  #passedOver = 0;
  /** Threads drawn since the last `settle`. */
  readonly #batch: (T | undefined)[] = [];
  #batchSize = 0;
  #preempted: T | undefined;

  constructor(name: string, rules: SchedulingRules = schedulingRules) {
    this.name = name;
    this.#rules = rules;
    this.#thetaUs = rules.levels > 1 ? rules.thetaUs : Infinity;
    this.#top = rules.levels - 1;
    this.#topUs = rules.thetaUs * rules.factor ** (rules.levels - 2);
    for (let level = 0; level < rules.levels; level++) this.#levels.push({ tickets: rules.share ** level, pass: 0, threads: new Deque(), drawn: 0 });
  }

  /** In the heap of roots that have something to run. */
  get isActive(): boolean { return this.seat >= 0; }
  get mayStart(): boolean { return this.#isBelowGates && !this.isLoading && (this.hasRoom === undefined || this.hasRoom()) && (this.hasLaneRoom === undefined || this.hasLaneRoom()); }
  get #isBelowGates(): boolean {
    const { startGate, longGate, longGateLoaded } = this.#rules;
    return this.runnable < startGate && this.#above < (this.entries.length > startGate ? longGateLoaded : longGate);
  }
  /** Something that came from outside might begin, but for back lanes. By what was found last: to ask whether there is room may take it. */
  get wantsLane(): boolean { return this.entries.length > 0 && !this.isHeld && this.#isBelowGates; }
  get isIdle(): boolean { return this.runnable === 0 && !this.#hasUnstarted(); }
  /** True when there is something that may run now. */
  get canRun(): boolean { return this.runnable > 0 || this.#canBegin(); }
  /** Takes the next of those that arrived; nobody goes before one that may not leave. */
  takeEntry(): Entry<T> | undefined { return this.isNewestFirst && this.entries.first?.mayLeave === true ? this.entries.pop() : this.entries.shift(); }
  #hasUnstarted(): boolean { return this.children.length > 0 || this.entries.length > 0 || this.sources > 0; }
  #canBegin(): boolean { return this.children.length > 0 || ((this.entries.length > 0 || this.sources > 0) && this.mayStart); }

  // ---- what comes ----

  /** A thread that blocked at `node` may go on. */
  push(thread: T, node: number): void {
    const attained = thread.attainedUs;
    this.runnable++;
    if (attained >= this.#thetaUs) { this.#pushAbove(attained >= this.#topUs ? this.#top : levelOf(attained, this.#rules)).push(thread); return; }
    const last = this.#last;
    const queue = last?.node === node ? last : this.#last = this.#nodes.get(node) ?? this.#addNode(node);
    if (queue.threads.length === 0) { join(queue, this.#nodePass); this.#ready.push(queue); }
    queue.threads.push(thread);
  }

  /**
   * A thread has been handed what others may wait for, a lock most likely, and goes on before the rest: while it waited for its turn all who ran meanwhile
   * would find it taken, and wait too, and from then on every one would (a lock convoy: Blasgen and others, The convoy phenomenon, 1979).
   */
  hand(thread: T): void {
    this.runnable++;
    this.#handed.push(thread);
  }

  /** Takes back what was pushed last, if it was at `node` in level 0 and stands there still. @returns whether it did */
  takeBack(thread: T, node: number): boolean {
    const queue = this.#last;
    if (queue?.node !== node || queue.threads.last !== thread) return false;
    queue.threads.pop();
    this.runnable--;
    if (queue.threads.length === 0) this.#ready.remove(queue);
    return true;
  }

  #pushAbove(number: number): Deque<T> {
    const level = this.#levels[number] as Level<T>;
    if (level.threads.length === 0) join(level, this.#levelPass);
    this.#above++;
    return level.threads;
  }

  #addNode(node: number): NodeQueue<T> {
    const queue = { node, tickets: 1, pass: 0, seat: -1, order: 0, threads: new Deque<T>() };
    this.#nodes.set(node, queue);
    return queue;
  }

  /** A thread of the present batch whose quantum is spent: it waits where `settle` puts it, when it is known what it has had. It ends its batch. */
  requeue(thread: T): void { this.#preempted = thread; this.runnable++; }

  /** A thread has been requeued, and waits for `settle`: until then no other can be. */
  get hasRequeued(): boolean { return this.#preempted !== undefined; }

  /** A user's tickets. */
  give(tickets: number): void { this.givenTickets = this.tickets = tickets; }


  /** Told of each that begins while `hasRoom` is set: it is promised what it will take. */
  promise: (() => void) | undefined = undefined;

  /** The conductor's tickets for a node of level 0. */
  setTickets(node: number, tickets: number): void { (this.#nodes.get(node) ?? this.#addNode(node)).tickets = tickets; }
  /** The same, if it has that node. */
  retune(node: number, tickets: number): void {
    const queue = this.#nodes.get(node);
    if (queue !== undefined) queue.tickets = tickets;
  }

  // ---- whose turn it is ----

  /** Begins a batch. @returns whether threads go on, to be taken by `shift`, or something begins */
  draw(): 'resume' | 'begin' {
    const bottom = this.#levels[0] as Level<T>;
    this.#level = 0;
    if (this.#above > 0) {
      if (this.#ready.top === undefined) join(bottom, this.#levelPass);
      this.#level = this.#leastLevel(this.#ready.top !== undefined || this.#canBegin());
    }
    this.#levelPass = (this.#levels[this.#level] as Level<T>).pass;
    if (this.#level > 0) return 'resume';
    return (this.#ready.top === undefined && this.#handed.length === 0) || this.#mustStart() ? 'begin' : 'resume';
  }

  #leastLevel(hasBottom: boolean): number {
    let best = hasBottom ? 0 : -1;
    for (let number = 1; number < this.#levels.length; number++) {
      const level = this.#levels[number] as Level<T>;
      if (level.threads.length > 0 && (best < 0 || level.pass < (this.#levels[best] as Level<T>).pass)) best = number;
    }
    return best;
  }

  /** True where a batch must begin something although begun threads are ready. Counts the batches. */
  #mustStart(): boolean { return this.#hasUnstarted() && this.#canBegin() && ++this.#passedOver % START_EVERY === 0; }

  /** Takes the next thread of the batch: one that was handed something, or in level 0 the oldest of the node with least pass, else the oldest. Undefined when the level has none left. */
  shift(): T | undefined {
    if (this.#handed.length === 0) return this.#shiftQueued();
    if (this.#handedInRow >= HANDED_MAX) {
      this.#handedInRow = 0;
      const thread = this.#shiftQueued();
      if (thread !== undefined) return thread;
    }
    this.#handedInRow++;
    const thread = this.#handed.shift() as T;
    (this.#levels[levelOf(thread.attainedUs, this.#rules)] as Level<T>).drawn++;
    this.runnable--;
    this.#batch[this.#batchSize++] = thread;
    return thread;
  }

  #shiftQueued(): T | undefined {
    const queue = this.#level === 0 ? this.#ready.top : undefined;
    const level = this.#levels[this.#level] as Level<T>;
    const thread = (queue ?? level).threads.shift();
    if (thread === undefined) return undefined;
    level.drawn++;
    this.runnable--;
    if (queue === undefined) this.#above--;
    else {
      this.#nodePass = queue.pass;
      charge(queue, 1);                                                 // a turn each: who is in level 0 has not had much more than others there
      if (queue.threads.length === 0) this.#ready.remove(queue);
      else this.#ready.sink(queue);
    }
    this.#batch[this.#batchSize++] = thread;
    return thread;
  }

  /** Ends a batch, or several: charges the threads that were drawn, each an equal part, and their levels; the last level for what began. */
  settle(usedMs: number): void {
    const count = this.#batchSize;
    if (count > 0) this.#settleThreads(usedMs / count, count);
    else charge(this.#levels[this.#level] as Level<T>, usedMs);
    const preempted = this.#preempted;
    if (preempted === undefined) return;
    this.#preempted = undefined;
    this.runnable--;
    const level = levelOf(preempted.attainedUs, this.#rules);
    if (level === 0 || level !== this.#level || !this.#rules.isFirstComeFirstServed) { this.push(preempted, NODE_PREEMPTED); return; }
    this.runnable++;
    this.#pushAbove(level).unshift(preempted);
  }

  #settleThreads(eachMs: number, count: number): void {
    const eachUs = eachMs > 0 ? Math.ceil(eachMs * 1000) : 0;
    for (let k = 0; k < count; k++) {
      (this.#batch[k] as T).attainedUs += eachUs;
      this.#batch[k] = undefined;
    }
    this.#batchSize = 0;
    for (const level of this.#levels) if (level.drawn > 0) { charge(level, eachMs * level.drawn); level.drawn = 0; }
  }
}
