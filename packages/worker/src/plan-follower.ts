/**
 * The worker's obedience to the conductor: at the start of a turn one load tells whether there is a new plan; then tickets of roots and nodes are what it
 * says, and where threads take a resource that has a limit, they are let begin, and go on from their nodes, only while there is room (resource-gate.ts).
 * Between plans the gates go by readings of their own. A worker that gets no more plans goes on by the last.
 */
import { PerformanceObserver, constants } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { PLAN, PLAN_NODE, PLAN_ROOT, readPlan, type GraphMemory, type PlanPage } from '@capriccio/shared';
import { sharedNow } from './clock.ts';
import { HeapBrake } from './heap-brake.ts';
import { heapLimit } from './heap-limit.ts';
import { DownstreamGates, type Downstream } from './downstream-gates.ts';
import { Ewma, NOTHING, type Moments } from './moments.ts';
import type { Recorder } from './recorder.ts';
import { ResourceGate, type Reservation } from './resource-gate.ts';
import type { Root } from './run-queues.ts';
import type { Scheduler } from './scheduler.ts';
import type { LocalThread } from './thread.ts';

/** How often the heap is read while something is gated, ms. */
const READ_MS = 10;
/** How often it is before threads of a root begin that keep much: to take as much takes longer, ms. */
const BRAKE_READ_MS = 0.5;

/** A reading of a full heap holds garbage too. Unless a full collection was so recent, one is let through each reading: what it takes makes V8 collect; ms. */
const COLLECTED_MS = 200;
/** Beyond this part of the limit nobody is let through for that: garbage or not, V8 may find no room for it. */
const TRICKLE_MARK = 0.93;

/**
 * Threads of a root that may wait for what is outside while the conductor knows of no window: a service must not be flooded before anybody knows of it.
 * With a plan, that is when the conductor has seen them, twice as many may; so often, ms.
 */
const UNKNOWN_MAX = 4;
const DOUBLE_MS = 100;

/** One resource: its gate, and what from each node on is taken. */
interface Guard { readonly gate: ResourceGate<LocalThread>; readonly byNode: Map<number, Moments>; promises: Reservation[]; older: Reservation[] }
const guardOf = (limit: number): Guard => ({ gate: new ResourceGate(limit), byNode: new Map(), promises: [], older: [] });

/** `hasWindows`: the conductor may find that a service outside needs one. `hasForecasts`: what is seen here of what threads take holds until a plan says more; `hasBrake`: heap-brake.ts. */
export interface FollowerRules { readonly hasWindows: boolean; readonly hasForecasts: boolean; readonly hasBrake: boolean }

export class PlanFollower {
  readonly #memory: GraphMemory;
  readonly #id: number;
  readonly #scheduler: Scheduler;
  readonly #recorder: Recorder;
  readonly #hasWindows: boolean;
  readonly #heapLimit = heapLimit();
  readonly #heap = guardOf(this.#heapLimit);
  readonly #external = guardOf(Infinity);
  readonly #brake: HeapBrake<Root> = new HeapBrake(this.#heapLimit);
  #brakeReadAt = 0;
  readonly #hasForecasts: boolean;
  /** What threads of a root were seen to take in their first segments here: what holds until the conductor knows more. */
  readonly #own = new Map<Root, { readonly heap: Ewma; readonly external: Ewma }>();
  readonly #nodes = new Map<LocalThread, number>();
  readonly #downstream: DownstreamGates;
  #version = 0;
  #readAt = 0;
  #isGating = false;
  /** Memory is what some of it goes by. */
  #isReading = false;
  #mayDouble = false;
  #doubledAt = 0;
  /** What other workers hold of external memory. */
  #externalElsewhere = 0;
  #willWake = false;
  #collectedAt = -Infinity;
  #mayTrickle = false;
  #collections: PerformanceObserver | undefined;

  constructor(memory: GraphMemory, id: number, scheduler: Scheduler, recorder: Recorder, { hasWindows, hasForecasts, hasBrake }: FollowerRules) {
    this.#hasWindows = hasWindows;
    this.#hasForecasts = hasForecasts;
    this.#memory = memory;
    this.#id = id;
    this.#scheduler = scheduler;
    this.#recorder = recorder;
    this.#downstream = new DownstreamGates(recorder.outside, (thread, node) => scheduler.release(thread, node));
    recorder.onGrowth = (root, heap, external) => {
      if (hasBrake && this.#brake.begun(root, heap)) this.#watch(root);
      if (hasForecasts) this.#learn(root, heap, external);
    };
    if (!hasWindows) return;
    recorder.onRoot = (root) => {
      root.outsideMax = UNKNOWN_MAX;
      root.hasRoom = () => this.#mayBegin(root, []);
      if (root.whole !== undefined) this.#guard(root, NOTHING, NOTHING);
      root.promise ??= () => { /* one at a time */ };
    };
  }

  beginTurn(nowMs: number): void {
    const fresh = readPlan(this.#memory, this.#id, this.#version);
    if (fresh !== undefined) {
      this.#version = fresh.version;
      this.#obey(fresh.page);
    }
    if (this.#isGating && nowMs - this.#readAt >= READ_MS) this.#read(nowMs);
  }

  /** Its threads keep much. */
  #watch(root: Root): void {
    this.#watchCollections();
    if (root.hasRoom === undefined) this.#guard(root, NOTHING, NOTHING);
  }
  /** Where forecasts hold the mark, the brake is for what they let through. */
  get #brakeMark(): number { return this.#hasForecasts ? TRICKLE_MARK : this.#heap.gate.mark; }
  #mayBeginByBrake(root: Root): boolean {
    if (!this.#brake.isToAsk(root)) return true;
    const now = sharedNow();
    if (now - this.#brakeReadAt >= BRAKE_READ_MS) {
      this.#brakeReadAt = now;
      this.#brake.read(getHeapStatistics().used_heap_size, this.#brakeMark, now);
    }
    return this.#brake.mayBegin(root, now);
  }

  /** A burst of what takes much may come before any plan that tells of it. */
  #learn(root: Root, heap: number, external: number): void {
    let own = this.#own.get(root);
    if (own === undefined) this.#own.set(root, own = { heap: new Ewma(), external: new Ewma() });
    own.heap.add(heap);
    own.external.add(external);
    if (root.promise === undefined && !(this.#heap.gate.isMinor(own.heap) && this.#external.gate.isMinor(own.external))) this.#guard(root, NOTHING, NOTHING);
  }

  #obey({ head, roots, nodes }: PlanPage): void {
    const { external_memory: external } = getHeapStatistics();
    this.#heap.gate.limit = Math.min(this.#heapLimit, head[PLAN.heapLimit] || Infinity);
    this.#heap.gate.mark = head[PLAN.heapMark] as number;
    this.#external.gate.limit = head[PLAN.externalLimit] || Infinity;
    this.#external.gate.mark = head[PLAN.externalMark] as number;
    this.#externalElsewhere = Math.max(0, (head[PLAN.externalUsed] as number) - external);
    const now = sharedNow();
    this.#mayDouble = now - this.#doubledAt >= DOUBLE_MS;
    if (this.#mayDouble) this.#doubledAt = now;
    this.#obeyWindows(nodes);
    this.#isGating = !this.#downstream.isEmpty;
    this.#isReading = false;
    for (let row = 0; row * PLAN_ROOT.width < roots.length; row++) this.#obeyRoot(this.#recorder.rootAt(row), roots, row * PLAN_ROOT.width);
    this.#heap.byNode.clear();
    this.#external.byNode.clear();
    for (let row = 0; row * PLAN_NODE.width < nodes.length; row++) this.#obeyNode(row, nodes, row * PLAN_NODE.width);
    this.#scheduler.holdBack = !this.#downstream.isEmpty || this.#heap.byNode.size + this.#external.byNode.size > 0 ? this.#holdBack : undefined;
    if (this.#nodes.size > 0) this.#isGating = this.#isReading = true;       // until nobody is held any more
  }

  #obeyRoot(root: Root | undefined, rows: Float64Array, at: number): void {
    if (root === undefined) return;
    root.tickets = (rows[at + PLAN_ROOT.tickets] as number) || root.givenTickets;
    const heap = { mean: rows[at + PLAN_ROOT.heapMean] as number, variance: rows[at + PLAN_ROOT.heapVariance] as number };
    const external = { mean: rows[at + PLAN_ROOT.externalMean] as number, variance: rows[at + PLAN_ROOT.externalVariance] as number };
    this.#guard(root, heap, external);
  }

  /** @param heap  what one that begins takes, by the plan; where that knows of none, by what was seen here */
  #guard(root: Root, heap: Moments, external: Moments): void {
    const { whole } = root;
    const own = this.#own.get(root) ?? (whole === undefined ? undefined : this.#own.get(whole));
    const known = (planned: Moments, seen: Moments | undefined): Moments => (planned.mean > 0 || seen === undefined ? planned : seen);
    const takes = ([[this.#heap, known(heap, own?.heap)], [this.#external, known(external, own?.external)]] as const).filter(([guard, growth]) => !guard.gate.isMinor(growth));
    if (takes.length > 0) this.#isGating = this.#isReading = true;
    const downstream = this.#downstreamOf(root) ?? (whole === undefined ? undefined : this.#downstreamOf(whole));
    if (this.#mayDouble && this.#hasWindows) root.outsideMax = Math.max(UNKNOWN_MAX, 2 * root.outside);
    root.hasRoom = () => this.#mayBegin(root, takes, downstream);
    root.promise = takes.length === 0 && downstream === undefined ? undefined : () => {
      for (const [guard, growth] of takes) guard.promises.push(guard.gate.reserve(growth));
      downstream?.begins();
    };
    root.downstream = downstream;
    root.gateWait = this.#downstream.isEmpty ? undefined : () => this.#downstream.waitOf(root);
  }

  #downstreamOf(root: Root): Downstream | undefined { return this.#downstream.before(this.#recorder.startRowOf(root)); }

  #mayBegin(root: Root, takes: readonly (readonly [Guard, Moments])[], downstream?: Downstream): boolean {
    root.isHeld = !this.#mayBeginByBrake(root) || !takes.every(([guard, growth]) => this.#hasRoom(guard, growth)) || !(downstream?.mayBegin(root) ?? root.outside < root.outsideMax);
    if (root.isHeld) this.#wakeSoon();                                   // it is looked at again although nothing else happens
    return !root.isHeld;
  }

  #obeyWindows(rows: Float64Array): void {
    for (let at = 0, row = 0; at < rows.length; at += PLAN_NODE.width, row++) {
      const window = rows[at + PLAN_NODE.window] as number;
      this.#downstream.obey(row, window === 0 ? undefined : window - 1, rows[at + PLAN_NODE.stallMs] as number);
    }
    if (this.#downstream.isEmpty) return;
    this.#recorder.onArrival = this.#arrives;
    for (let at = 0, row = 0; at < rows.length; at += PLAN_NODE.width, row++) this.#downstream.lead(row, rows[at + PLAN_NODE.leadsTo] as number);
    this.#downstream.letIn();
  }
  readonly #arrives = (thread: LocalThread): void => this.#downstream.arrives(thread);

  #obeyNode(row: number, rows: Float64Array, at: number): void {
    const node = this.#recorder.nodeAt(row);
    if (node === undefined) return;
    const tickets = (rows[at + PLAN_NODE.tickets] as number) || 1;
    if (node.root !== undefined) node.root.retune(node.number, tickets);
    else for (const root of this.#scheduler.roots.all) root.retune(node.number, tickets);
    for (const [guard, mean, variance] of [[this.#heap, PLAN_NODE.heapMean, PLAN_NODE.heapVariance], [this.#external, PLAN_NODE.externalMean, PLAN_NODE.externalVariance]] as const) {
      const growth = { mean: rows[at + mean] as number, variance: rows[at + variance] as number };
      if (guard.gate.isMinor(growth)) continue;
      guard.byNode.set(row, growth);
      this.#isGating = this.#isReading = true;
    }
  }

  #hasRoom(guard: Guard, growth: Moments): boolean {
    guard.gate.inside = this.#scheduler.live;
    if (guard.gate.hasRoom(growth)) return true;
    if (guard !== this.#heap || !this.#mayTrickle || !guard.gate.hasRoom(growth, TRICKLE_MARK)) return false;
    this.#mayTrickle = false;
    return true;
  }

  /** Before an edge that takes what is short. */
  readonly #holdBack = (thread: LocalThread, node: number): boolean => {
    const row = this.#recorder.rowOf(thread);
    if (this.#downstream.holds(thread, row, node)) { this.#wakeSoon(); return true; }
    for (const guard of [this.#heap, this.#external]) {
      const growth = guard.byNode.get(row);
      if (growth === undefined || thread.cancelRequested) continue;
      if (!this.#hasRoom(guard, growth)) {
        guard.gate.hold(thread, growth);
        this.#nodes.set(thread, node);
        this.#wakeSoon();
        return true;
      }
      guard.promises.push(guard.gate.reserve(growth));
    }
    return false;
  };

  /** A promise holds over the reading that follows it, and is kept by the next. */
  #read(nowMs: number): void {
    this.#readAt = nowMs;
    if (this.#downstream.look(nowMs)) this.#wakeSoon();
    if (!this.#isReading) return;
    this.#watchCollections();
    this.#mayTrickle = sharedNow() - this.#collectedAt > COLLECTED_MS;
    const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
    for (const [guard, used] of [[this.#heap, heap], [this.#external, external + this.#externalElsewhere]] as const) {
      for (const promise of guard.older) guard.gate.keep(promise);
      guard.older = guard.promises;
      guard.promises = [];
      guard.gate.read(used);
      guard.gate.inside = this.#scheduler.live;
      this.#letCancelledGo(guard);
      for (let thread = guard.gate.release(); thread !== undefined; thread = guard.gate.release()) this.#letGo(guard, thread);
    }
    if (this.#nodes.size > 0) this.#wakeSoon();
  }

  /** Held threads are looked at again although nothing else happens. */
  #wakeSoon(): void {
    if (this.#willWake) return;
    this.#willWake = true;
    setTimeout(() => { this.#willWake = false; this.#scheduler.arm(); }, READ_MS);
  }

  #watchCollections(): void {
    if (this.#collections !== undefined) return;
    this.#collections = new PerformanceObserver((list) => {
      if (!list.getEntries().some((entry) => (entry as { detail?: { kind?: number } }).detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR)) return;
      this.#collectedAt = sharedNow();
      this.#brake.collected(getHeapStatistics().used_heap_size, this.#brakeMark, this.#collectedAt);
    });
    this.#collections.observe({ entryTypes: ['gc'] });
  }

  /** To end is what makes room. */
  #letCancelledGo(guard: Guard): void {
    for (const [thread, node] of this.#nodes) {
      if (!thread.cancelRequested || !guard.gate.forget(thread)) continue;
      this.#nodes.delete(thread);
      if (!thread.hasEnded) this.#scheduler.release(thread, node);
    }
  }

  #letGo(guard: Guard, thread: LocalThread): void {
    const node = this.#nodes.get(thread) ?? 0;
    this.#nodes.delete(thread);
    const growth = guard.byNode.get(this.#recorder.rowOf(thread));
    if (growth !== undefined) guard.promises.push(guard.gate.reserve(growth));
    if (!thread.hasEnded) this.#scheduler.release(thread, node);
  }
}
