/**
 * The blocking graph of a worker: which blocking points its threads meet, one after the other, and what they take on the way. A node is a number that
 * compiled code gives (its file, line and function), or for other code the kind of wait in its root, with the place of the first one seen. Counts are
 * exact and cost a look-up and an addition a pass; time, heap and the rest are sampled, so seldom that all of it stays below 2 % of what is measured.
 * Nothing here decides. What is counted goes to the conductor by shared/graph-table.ts.
 *
 * Source: the blocking graph of Capriccio (SOSP 2003, section 4.1), which cost 8 % there, for its nodes were named by stack traces.
 */
import { getHeapStatistics } from 'node:v8';
import { EDGE, END_NODE, GraphTable, OTHER_NODE, ROOT_ROW, TABLE, type GraphMemory } from '@capriccio/shared';
import { pointOfNumber } from './compiled/points.ts';
import { sharedNow } from './clock.ts';
import { heapLimit } from './heap-limit.ts';
import { OutsideWaits } from './outside.ts';
import type { Roots } from './roots.ts';
import type { Root } from './run-queues.ts';
import { OUTSIDE, type LocalThread } from './thread.ts';

/** Numbers below are waits of no place: they are told apart by root. */
const PLACES = 16;
const KINDS: readonly string[] = ['start', 'turn', 'wait'];
/** How often a table is published: while there is more to do, and when there is not; ms. */
const PUBLISH_MS = 50;
const PUBLISH_MS_IDLE = 10;
/** Sampling: cost of a pass, of a sample, and what may be spent of a mean segment (13 and 130 ns, measured). */
const PASS_US = 0.013;
const SAMPLE_US = 0.13;
const BUDGET = 0.02;
const PERIOD_MIN = 4;
const PERIOD_MAX = 1024;
/** Segments are so short that counting them is all that fits: a whole number, for it is counted down. */
const NEVER = 2 ** 30;
/** The heap is looked at once for so much processor time of a root, ms: a look costs 2 to 3 us, and what takes much memory takes its time. */
const LOOK_EVERY_MS = 1;
/** Samples that wait for their thread to be woken. */
const PENDING_MAX = 256;
/** Descriptors are counted in one look of so many. */
const RESOURCES_EVERY = 256;

interface Sample { readonly ms: number; readonly heap: number; readonly external: number; readonly cpuMs: number; readonly descriptors: number }
interface Usage { readonly heap: number; readonly external: number; readonly cpuUs: number; readonly descriptors: number }

/** `file:line function` of a compiled blocking point. */
function nameOfPoint(number: number): string {
  const point = pointOfNumber(number);
  return point === undefined ? `point ${number}` : `${point.file}:${point.line} ${point.functionName}`.trim();
}
/** A thread's mark: the node that it passed last. */
const NODE_BITS = 0x7ff;

export class Recorder {
  readonly #table: GraphTable;
  readonly #roots: Roots;
  /** Of each row: what the run queues call the node, and the root if it is its alone. */
  readonly #nodes: ({ readonly number: number; readonly root: Root | undefined } | undefined)[] = [];
  readonly #byRow: Root[] = [];
  readonly #nodeRows = new Map<number, number>();
  readonly #pending = new Map<LocalThread, Sample>();
  #lastNumber = -1;
  #lastNode = 0;
  #lastKey = -1;
  #lastEdge = 0;
  readonly #heapLimit = heapLimit();
  #publishedAt = 0;
  #willPublish = false;
  #passes = 0;
  #usedMsBefore = 0;
  #looks = 0;
  /** The thread whose run is being sampled, and the edge that it has passed meanwhile. */
  #sampled: LocalThread | undefined;
  #sampledEdge = -1;
  #before: Usage | undefined;
  #beganAt = 0;
  /** The first thread that was made in the batch that is being looked at; of another root than that, if there is one: it runs what the first has brought. */
  #born: LocalThread | undefined;
  readonly outside: OutsideWaits;
  /** Told when a thread has come to its next node, or its end, while somebody keeps count of those on their way. */
  onArrival: ((thread: LocalThread) => void) | undefined = undefined;
  /** Told what one that began has taken in its first segment and keeps, bytes; NaN where nobody can tell. */
  onGrowth: ((root: Root, heap: number, external: number) => void) | undefined = undefined;
  /** Told of each root that gets a row. */
  onRoot: ((root: Root) => void) | undefined = undefined;
  /** One run of frames in so many is sampled. */
  period = 64;

  constructor(memory: GraphMemory, id: number, roots: Roots, isBackLane = false) {
    this.#table = new GraphTable(memory, id);
    this.#table.head[TABLE.isBackLane] = isBackLane ? 1 : 0;
    this.#roots = roots;
    this.outside = new OutsideWaits(this.#table);
  }

  // ---- passes ----

  /** A thread has come to a blocking point, and may go on from there. */
  pass(thread: LocalThread, number: number): void { this.#pass(thread, this.#nodeOf(number, thread.root)); }

  /** A thread begins to await a promise at a blocking point: `isThere` or `abandons` must follow. */
  awaits(thread: LocalThread, number: number): void {
    this.onArrival?.(thread);
    if (thread.hasOwnWaits || thread.cell?.asker?.isSlow === true) return;
    thread.flags |= OUTSIDE;
    this.#rowOf(thread.root);
    thread.root.outside++;
    this.outside.enter(this.#nodeOf(number, thread.root));
  }

  /** What was awaited has settled. */
  isThere(thread: LocalThread, number: number, hasFailed: boolean): void {
    if (this.#comesIn(thread)) this.outside.leave(this.#nodeOf(number, thread.root), hasFailed);
  }

  /** The thread goes on without what it awaits. That of a foreign kind is not asked again: its `then` may be what makes it work. */
  abandons(thread: LocalThread, number: number, awaited: unknown): void {
    if (!this.#comesIn(thread)) return;
    const row = this.#nodeOf(number, thread.root);
    this.outside.abandon(row);
    const late = (hasFailed: boolean): void => {
      this.outside.comesLate(row, hasFailed);
      this.#publishSoon();
    };
    if (awaited instanceof Promise) Promise.prototype.then.call(awaited, () => late(false), () => late(true));
  }

  #comesIn(thread: LocalThread): boolean {
    if ((thread.flags & OUTSIDE) === 0) return false;
    thread.flags &= ~OUTSIDE;
    thread.root.outside--;
    this.#publishSoon();                                                 // no turn need follow
    return true;
  }

  /** A thread of ordinary code waits on a primitive of ours. */
  waits(thread: LocalThread): void {
    const key = this.#keyOf(2, thread.root);
    let row = this.#nodeRows.get(key);
    if (row === undefined) row = this.#addNode(key, 2, thread.root, `wait in ${thread.root.name}${placeOfCaller()}`);
    this.#pass(thread, row);
  }

  /** It has ended. */
  ended(thread: LocalThread): void {
    const { root } = thread;
    const row = this.#rowOf(root);
    this.#pass(thread, END_NODE);
    root.live--;
    if (row < 0) return;
    const ms = (Math.floor(sharedNow()) - (thread.mark >>> 11) & 0xf_ffff);
    const { roots } = this.#table;
    const at = row * ROOT_ROW.width;
    roots[at + ROOT_ROW.ownCount] = (roots[at + ROOT_ROW.ownCount] as number) + 1;
    roots[at + ROOT_ROW.ownSum] = (roots[at + ROOT_ROW.ownSum] as number) + ms;
    roots[at + ROOT_ROW.ownSquares] = (roots[at + ROOT_ROW.ownSquares] as number) + ms * ms;
  }

  #pass(thread: LocalThread, to: number): void {
    const from = thread.mark & NODE_BITS || this.#startOf(thread.root);
    thread.mark = thread.mark & ~NODE_BITS | to;
    this.onArrival?.(thread);
    this.#passes++;
    const key = from * 4096 + to;
    const edge = key === this.#lastKey ? this.#lastEdge : this.#table.edge(from, to);
    this.#lastKey = key;
    this.#lastEdge = edge;
    const { edges } = this.#table;
    edges[edge + EDGE.count] = (edges[edge + EDGE.count] as number) + 1;
    if (thread === this.#sampled) this.#sampledEdge = edge;
    else if (this.#pending.size > 0) this.#takePending(thread, edge);
  }

  #takePending(thread: LocalThread, edge: number): void {
    const sample = this.#pending.get(thread);
    if (sample === undefined) return;
    this.#pending.delete(thread);
    this.#add(edge, sample);
  }

  #keyOf(number: number, root: Root): number { return number < PLACES ? -1 - ((this.#rowOf(root) + 1) * PLACES + number) : number; }

  #nodeOf(number: number, root: Root): number {
    const key = this.#keyOf(number, root);
    if (key === this.#lastNumber) return this.#lastNode;
    let row = this.#nodeRows.get(key);
    if (row === undefined) row = this.#addNode(key, number, root, number < PLACES ? `${KINDS[number] ?? 'wait'} in ${root.name}` : nameOfPoint(number));
    this.#lastNumber = key;
    this.#lastNode = row;
    return row;
  }

  #addNode(key: number, number: number, root: Root, name: string): number {
    const row = this.#table.addNode(name);
    this.#nodeRows.set(key, row);
    if (row !== OTHER_NODE) this.#nodes[row] = { number, root: number < PLACES ? root : undefined };
    return row;
  }

  #rowOf(root: Root): number {
    return root.row === -2 ? this.#addRoot(root) : root.row;
  }
  #addRoot(root: Root): number {
    root.row = this.#table.addRoot(root.name);
    if (root.row >= 0) { this.#byRow[root.row] = root; this.onRoot?.(root); }
    return root.row;
  }
  /** What rows stand for: the conductor's plan comes in the same order. */
  rootAt(row: number): Root | undefined { return this.#byRow[row]; }
  nodeAt(row: number): { readonly number: number; readonly root: Root | undefined } | undefined { return this.#nodes[row]; }
  /** The row of the node where a thread is. */
  rowOf(thread: LocalThread): number { return thread.mark & NODE_BITS; }
  /** The row of the node where threads of a root begin. */
  startRowOf(root: Root): number { return this.#startOf(root); }
  #startOf(root: Root): number {
    const row = this.#rowOf(root);
    return row < 0 ? OTHER_NODE : this.#table.roots[row * ROOT_ROW.width + ROOT_ROW.start] as number;
  }

  // ---- samples ----

  /** The run of a thread's frames that follows is sampled. */
  beginSample(thread: LocalThread): void {
    this.#sampled = thread;
    this.#sampledEdge = -1;
    this.#before = this.#isDue(thread.root) ? this.#usage() : undefined;
    this.#beganAt = sharedNow();
  }

  endSample(): void {
    const ms = sharedNow() - this.#beganAt;
    const thread = this.#sampled as LocalThread;
    const sample = { ms, ...this.#growth() };
    this.#sampled = undefined;
    if (this.#sampledEdge >= 0) this.#add(this.#sampledEdge, sample);     // it has passed its next node meanwhile, or ended
    else this.#await(thread, sample);
  }

  #isDue(root: Root): boolean {
    if (root.usedMs - root.lookedAtMs < LOOK_EVERY_MS) return false;
    root.lookedAtMs = root.usedMs;
    return true;
  }

  #usage(): Usage {
    const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
    const { user, system } = process.threadCpuUsage();
    const descriptors = this.#looks % RESOURCES_EVERY === 0 ? process.getActiveResourcesInfo().length : NaN;
    return { heap, external, cpuUs: user + system, descriptors };
  }

  /** Since `beginSample`. A collection in between makes less of the heap: that says nothing of the thread, and is left out. */
  #growth(): Omit<Sample, 'ms'> {
    const before = this.#before;
    this.#before = undefined;
    if (before === undefined) return { heap: NaN, external: NaN, cpuMs: NaN, descriptors: NaN };
    const now = this.#usage();
    this.#looks++;
    return { heap: now.heap >= before.heap ? now.heap - before.heap : NaN, external: now.external - before.external, cpuMs: (now.cpuUs - before.cpuUs) / 1000, descriptors: now.descriptors - before.descriptors };
  }

  #add(edge: number, { ms, heap, external, cpuMs, descriptors }: Sample): void {
    const { edges } = this.#table;
    edges[edge + EDGE.sampled] = (edges[edge + EDGE.sampled] as number) + 1;
    edges[edge + EDGE.timeSum] = (edges[edge + EDGE.timeSum] as number) + ms;
    edges[edge + EDGE.timeSquares] = (edges[edge + EDGE.timeSquares] as number) + ms * ms;
    if (cpuMs >= 0) edges[edge + EDGE.cpuMs] = (edges[edge + EDGE.cpuMs] as number) + cpuMs;
    addSum(edges, edge + EDGE.heap, this.#kept(edge, heap));
    addSum(edges, edge + EDGE.external, this.#kept(edge, external));
    addSum(edges, edge + EDGE.descriptors, descriptors);
  }

  /** What a thread leaves when it ends is garbage, and made room for by the collector: nobody is to wait for it. */
  #kept(edge: number, bytes: number): number { return this.#table.edges[edge + EDGE.to] === END_NODE ? Math.min(0, bytes) : bytes; }

  /** Work of a root begins here. @returns whether its growth is looked at: then only one piece may begin, for there must be no doubt of which */
  beginBatch(root: Root): boolean {
    if (!this.#isDue(root)) return false;
    this.#before = this.#usage();
    return true;
  }
  /** A thread is made in a batch that is being sampled. */
  bears(thread: LocalThread): void { if (this.#born === undefined || this.#born.root !== thread.root) this.#born = thread; }
  endBatch(root: Root, count: number, ms: number): void {
    const born = this.#born;
    this.#born = undefined;
    const growth = this.#growth();
    if (count === 0) return;
    if (count === 1) {
      const isKept = born !== undefined && !born.hasEnded;
      this.onGrowth?.(root, isKept ? growth.heap : 0, isKept ? growth.external : 0);
      if (born !== undefined) { this.#addBorn(born, { ms, ...growth }); return; }
    }
    const start = this.#startOf(root);
    if (count > 1 && root.threads > 0 && Math.floor(this.#lastKey / 4096) !== start) return;   // some became threads: there is no telling which way they went
    const edge = count > 1 && Math.floor(this.#lastKey / 4096) === start ? this.#lastEdge : this.#table.edge(start, END_NODE);
    this.#add(edge, { ms: ms / count, heap: growth.heap / count, external: growth.external / count, cpuMs: growth.cpuMs / count, descriptors: NaN });
  }

  /** One has begun, and become a thread: what it has taken is its first edge's, which it has passed already, or passes when it goes on. */
  #addBorn(thread: LocalThread, sample: Sample): void {
    const node = thread.hasEnded ? END_NODE : thread.mark & NODE_BITS;
    if (node === 0) this.#await(thread, sample);
    else if (this.#lastKey === this.#startOf(thread.root) * 4096 + node) this.#add(this.#lastEdge, sample);
  }

  #await(thread: LocalThread, sample: Sample): void {
    if (this.#pending.size === PENDING_MAX) this.#pending.delete(this.#pending.keys().next().value as LocalThread);   // it waits for long: others are told of
    this.#pending.set(thread, sample);
  }

  // ---- publishing ----

  /** End of a turn. Publishes when it is time, or sees to it that it is done when no turn follows. */
  endTurn(nowMs: number, hasMore: boolean): void {
    if (nowMs - this.#publishedAt >= (hasMore ? PUBLISH_MS : PUBLISH_MS_IDLE)) this.#publish(nowMs);
    else if (!hasMore) this.#publishSoon();
  }
  #publishSoon(): void {
    if (this.#willPublish) return;
    this.#willPublish = true;
    setTimeout(this.#publishLate, PUBLISH_MS).unref();
  }
  readonly #publishLate = (): void => {
    this.#willPublish = false;
    this.#publish(sharedNow());
  };

  #publish(nowMs: number): void {
    this.#publishedAt = nowMs;
    this.#choosePeriod(this.#countRoots());
    this.outside.look(nowMs);
    const { head } = this.#table;
    const { used_heap_size: used, external_memory: external } = getHeapStatistics();
    head[TABLE.heapUsed] = used;
    head[TABLE.heapLimit] = this.#heapLimit;
    head[TABLE.externalUsed] = external;
    head[TABLE.atMs] = nowMs;
    head[TABLE.period] = this.period;
    head[TABLE.outside] = this.outside.total;
    this.#table.publish();
  }

  /** @returns processor time of all roots since the beginning, ms */
  #countRoots(): number {
    let [usedMs, queued, started, runnable] = [0, 0, 0, 0];
    for (const root of this.#roots.all) {
      usedMs += root.usedMs;
      queued += queuedOf(root);
      started += root.started;
      if (isRunnable(root)) runnable++;
      const row = this.#rowOf(root);
      if (row >= 0) this.#countRoot(root, row * ROOT_ROW.width);
    }
    const { head } = this.#table;
    head[TABLE.queued] = queued;
    head[TABLE.started] = started;
    head[TABLE.runnable] = runnable;
    return usedMs;
  }

  #countRoot(root: Root, at: number): void {
    const { roots, edges } = this.#table;
    const atOnce = root.started - root.threads;                          // began and ended in one go: no thread was made of them
    if (atOnce > root.countedAtOnce) {
      const fresh = atOnce - root.countedAtOnce;
      root.countedAtOnce = atOnce;
      const edge = this.#table.edge(this.#startOf(root), END_NODE);
      edges[edge + EDGE.count] = (edges[edge + EDGE.count] as number) + fresh;
      const ms = root.costUs / 1000;
      roots[at + ROOT_ROW.ownCount] = (roots[at + ROOT_ROW.ownCount] as number) + fresh;
      roots[at + ROOT_ROW.ownSum] = (roots[at + ROOT_ROW.ownSum] as number) + fresh * ms;
      roots[at + ROOT_ROW.ownSquares] = (roots[at + ROOT_ROW.ownSquares] as number) + fresh * ms * ms;
    }
    roots[at + ROOT_ROW.tickets] = root.givenTickets;
    roots[at + ROOT_ROW.queued] = queuedOf(root);
    roots[at + ROOT_ROW.started] = root.started;
    roots[at + ROOT_ROW.live] = root.live;
    roots[at + ROOT_ROW.usedMs] = root.usedMs;
    roots[at + ROOT_ROW.isRunnable] = isRunnable(root) ? 1 : 0;
  }

  #choosePeriod(usedMs: number): void {
    const meanUs = this.#passes > 0 ? (usedMs - this.#usedMsBefore) * 1000 / this.#passes : 0;
    this.#usedMsBefore = usedMs;
    this.#passes = 0;
    const leftUs = BUDGET * meanUs - PASS_US;
    if (meanUs > 0) this.period = leftUs > 0 ? Math.max(PERIOD_MIN, Math.min(PERIOD_MAX, Math.ceil(SAMPLE_US / leftUs))) : NEVER;
  }
}

const queuedOf = (root: Root): number => root.entries.length + root.children.length;
const isRunnable = (root: Root): boolean => root.runnable > 0 || (!root.isIdle && !root.isHeld);

function addSum(edges: Float64Array, at: number, value: number): void {
  if (!Number.isFinite(value)) return;
  edges[at] = (edges[at] as number) + 1;
  edges[at + 1] = (edges[at + 1] as number) + value;
  edges[at + 2] = (edges[at + 2] as number) + value * value;
}

/** The first line of a stack that is not the runtime's own, as ` at file:line function`. */
function placeOfCaller(): string {
  const lines = (new Error('place').stack ?? '').split('\n').slice(1);
  const own = import.meta.url.slice(0, import.meta.url.lastIndexOf('/') + 1);
  const line = lines.find((one) => !one.includes(own) && !one.includes('node:'));
  const found = /^ {4}at (?:(?:async )?(?<name>.*?) \()?(?<place>.*?:\d+):\d+\)?$/.exec(line ?? '')?.groups;
  return found === undefined ? '' : ` at ${found['place'] as string}${found['name'] === undefined ? '' : ` ${found['name']}`}`;
}
