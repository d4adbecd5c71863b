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
import { NODE_WAIT } from './compiled/points.ts';
import { sharedNow } from './clock.ts';
import { heapLimit } from './heap-limit.ts';
import { OutsideWaits } from './outside.ts';
import type { Roots } from './roots.ts';
import type { Root } from './run-queues.ts';
import { SegmentSamples, type Growth } from './segment-samples.ts';
import { OUTSIDE, type LocalThread } from './thread.ts';
import { Ways } from './ways.ts';

/** How often a table is published: while there is more to do, and when there is not; ms. */
const PUBLISH_MS = 50;
const PUBLISH_MS_IDLE = 25;
/**
 * Sampling: what may be spent of a mean segment, and what a pass and a sample cost, in looks at the clock: a look is timed at each publishing, for a
 * machine that is shared does all of it at half the pace now and then. So many looks are timed, and what was least is forgotten by so much.
 */
const BUDGET = 0.02;
const PASS_LOOKS = 0.25;
const SAMPLE_LOOKS = 4.5;
const LOOKS = 16;
const FORGET = 1.05;
const PERIOD_MIN = 8;
const PERIOD_MAX = 1024;
/** Segments are so short that counting them is all that fits: a whole number, for it is counted down. */
const NEVER = 2 ** 30;
/** A thread's mark: the node that it passed last. */
const NODE_BITS = 0x7ff;

export class Recorder {
  readonly #table: GraphTable;
  readonly #roots: Roots;
  readonly #ways: Ways;
  readonly #samples: SegmentSamples;
  readonly #byRow: Root[] = [];
  readonly #heapLimit = heapLimit();
  #publishedAt = 0;
  #willPublish = false;
  #usedMsBefore = 0;
  #lookUs = Infinity;
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
    this.#ways = new Ways(this.#table, (root) => this.#rowOf(root));
    this.#samples = new SegmentSamples(this.#table);
    this.outside = new OutsideWaits(this.#table);
  }

  // ---- passes ----

  /** A thread has come to a blocking point, and may go on from there. */
  pass(thread: LocalThread, number: number): void {
    const { mark, root } = thread;
    thread.mark = mark & ~NODE_BITS | this.#ways.go(mark & NODE_BITS || this.#startOf(root), number, root);
    if (this.onArrival !== undefined || this.#samples.open > 0) this.#tell(thread);
  }
  #tell(thread: LocalThread): void {
    this.onArrival?.(thread);
    if (this.#samples.open > 0) this.#samples.passes(thread, this.#ways.edge);
  }

  /** A thread begins to await a promise at a blocking point: `isThere` or `abandons` must follow. */
  awaits(thread: LocalThread, number: number): void {
    this.onArrival?.(thread);
    if (thread.hasOwnWaits || thread.cell?.asker?.isSlow === true) return;
    thread.flags |= OUTSIDE;
    this.#rowOf(thread.root);
    thread.root.outside++;
    this.outside.enter(this.#ways.rowOf(number, thread.root));
  }

  /** What was awaited has settled. */
  isThere(thread: LocalThread, number: number, hasFailed: boolean): void {
    if (this.#comesIn(thread)) this.outside.leave(this.#ways.rowOf(number, thread.root), hasFailed);
  }

  /** The thread goes on without what it awaits. That of a foreign kind is not asked again: its `then` may be what makes it work. */
  abandons(thread: LocalThread, number: number, awaited: unknown): void {
    if (!this.#comesIn(thread)) return;
    const row = this.#ways.rowOf(number, thread.root);
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
    const { root } = thread;
    this.#ways.names(NODE_WAIT, root, placeOfCaller);
    this.pass(thread, NODE_WAIT);
  }

  /** It has ended. */
  ended(thread: LocalThread): void {
    const { mark, root } = thread;
    const row = this.#rowOf(root);
    thread.mark = mark & ~NODE_BITS | this.#ways.goToEnd(mark & NODE_BITS || this.#startOf(root));
    this.#tell(thread);
    root.live--;
    if (row < 0) return;
    const ms = (Math.floor(sharedNow()) - (mark >>> 11) & 0xf_ffff);
    const { roots } = this.#table;
    const at = row * ROOT_ROW.width;
    roots[at + ROOT_ROW.ownCount] = (roots[at + ROOT_ROW.ownCount] as number) + 1;
    roots[at + ROOT_ROW.ownSum] = (roots[at + ROOT_ROW.ownSum] as number) + ms;
    roots[at + ROOT_ROW.ownSquares] = (roots[at + ROOT_ROW.ownSquares] as number) + ms * ms;
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
  nodeAt(row: number): ReturnType<Ways['nodeAt']> { return this.#ways.nodeAt(row); }
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
  beginSample(thread: LocalThread): void { this.#samples.begin(thread); }
  endSample(): void { this.#samples.end(); }

  /** Work of a root begins here. @returns whether its growth is looked at: then only one piece may begin, for there must be no doubt of which */
  beginBatch(root: Root): boolean { return this.#samples.looks(root); }
  /** A thread is made in a batch that is being sampled. */
  bears(thread: LocalThread): void { if (this.#born === undefined || this.#born.root !== thread.root) this.#born = thread; }
  endBatch(root: Root, count: number, ms: number): void {
    const born = this.#born;
    this.#born = undefined;
    const growth = this.#samples.growth();
    if (count === 0) return;
    if (count === 1) {
      const isKept = born !== undefined && !born.hasEnded;
      this.onGrowth?.(root, isKept ? growth?.heap ?? NaN : 0, isKept ? growth?.external ?? NaN : 0);
      if (born !== undefined) { this.#addBorn(born, ms, growth); return; }
    }
    const start = this.#startOf(root);
    const wereFromStart = count > 1 && this.#ways.wasFrom(start);
    if (count > 1 && root.threads > 0 && !wereFromStart) return;         // some became threads: there is no telling which way they went
    const edge = wereFromStart ? this.#ways.edge : this.#table.edge(start, END_NODE);
    this.#samples.add(edge, ms / count, growth === undefined ? undefined : { heap: growth.heap / count, external: growth.external / count, cpuMs: growth.cpuMs / count, descriptors: NaN });
  }

  /** One has begun, and become a thread: what it has taken is its first edge's, which it has passed already, or passes when it goes on. */
  #addBorn(thread: LocalThread, ms: number, growth: Growth | undefined): void {
    const node = thread.hasEnded ? END_NODE : thread.mark & NODE_BITS;
    if (node === 0) this.#samples.awaits(thread, ms, growth);
    else if (this.#ways.wasFrom(this.#startOf(thread.root)) && this.#ways.row === node) this.#samples.add(this.#ways.edge, ms, growth);
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
    const passes = this.#ways.count();
    const meanUs = passes > 0 ? (usedMs - this.#usedMsBefore) * 1000 / passes : 0;
    this.#usedMsBefore = usedMs;
    const lookUs = this.#timeLooks();
    const leftUs = BUDGET * meanUs - PASS_LOOKS * lookUs;
    if (meanUs > 0) this.period = leftUs > 0 ? Math.max(PERIOD_MIN, Math.min(PERIOD_MAX, Math.ceil(SAMPLE_LOOKS * lookUs / leftUs))) : NEVER;
  }
  #timeLooks(): number {
    for (let k = 0; k < LOOKS; k++) sharedNow();                         // not the first ones, which find nothing in the caches
    const began = sharedNow();
    for (let k = 1; k < LOOKS; k++) sharedNow();
    this.#lookUs = Math.min(this.#lookUs * FORGET, (sharedNow() - began) * 1000 / LOOKS);
    return this.#lookUs;
  }
}

const queuedOf = (root: Root): number => root.entries.length + root.children.length;
const isRunnable = (root: Root): boolean => root.runnable > 0 || (!root.isIdle && !root.isHeld);

/** The first line of a stack that is not the runtime's own, as ` at file:line function`. */
function placeOfCaller(): string {
  const lines = (new Error('place').stack ?? '').split('\n').slice(1);
  const own = import.meta.url.slice(0, import.meta.url.lastIndexOf('/') + 1);
  const line = lines.find((one) => !one.includes(own) && !one.includes('node:'));
  const found = /^ {4}at (?:(?:async )?(?<name>.*?) \()?(?<place>.*?:\d+):\d+\)?$/.exec(line ?? '')?.groups;
  return found === undefined ? '' : ` at ${found['place'] as string}${found['name'] === undefined ? '' : ` ${found['name']}`}`;
}
