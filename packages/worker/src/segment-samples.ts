/**
 * What the segments of threads take, measured now and then: time, and once for so much processor time of a root what they leave of the heap, of memory
 * outside of it and of descriptors. A sample is an edge's: it is told when the thread that ran comes to its next node, which is often only much later.
 */
import { getHeapStatistics } from 'node:v8';
import { EDGE, END_NODE, type GraphTable } from '@capriccio/shared';
import { sharedNow } from './clock.ts';
import { heapLimit } from './heap-limit.ts';
import type { Root } from './run-queues.ts';
import type { LocalThread } from './thread.ts';

/**
 * What comes of it is looked at once for so much processor time of a root, ms: in a server, out of cold caches, that costs 30 us, and what takes much memory
 * takes its time. Twice as seldom after each look that has found less than this part of what the heap may hold (as much as no gate minds, resource-gate.ts).
 */
export const LOOK_EVERY_MS = 5;
const LOOK_EVERY_MS_MAX = 20;
const LITTLE = 1e-4;
/** Samples that wait for their thread to be woken. */
const WAITING_MAX = 256;
/** Descriptors are counted in one look of so many. */
const RESOURCES_EVERY = 256;

interface Usage { readonly heap: number; readonly external: number; readonly cpuUs: number; readonly descriptors: number }
/** What came of a segment; NaN where that cannot be told. */
export interface Growth { readonly heap: number; readonly external: number; readonly cpuMs: number; readonly descriptors: number }
interface Sample { readonly ms: number; readonly growth: Growth | undefined }

export class SegmentSamples {
  readonly #table: GraphTable;
  /** The thread that ran last in a sample, while it has not come to its next node since; what it took, -1 ms while it runs. */
  #thread: LocalThread | undefined;
  #ms = -1;
  #growth: Growth | undefined;
  /** Others that have not. */
  readonly #waiting = new Map<LocalThread, Sample>();
  #before: Usage | undefined;
  /** Of which root that is. */
  #lookedAt: Root | undefined;
  #beganAt = 0;
  /** The edge that it has passed while it ran; -1: none. */
  #edge = -1;
  #looks = 0;
  readonly #littleBytes = LITTLE * heapLimit();
  /** Samples that wait for an edge. */
  open = 0;

  constructor(table: GraphTable) { this.#table = table; }

  /** The run of a thread's frames that follows is a sample. */
  begin(thread: LocalThread): void {
    if (this.#thread !== undefined && this.#ms >= 0) this.#waitFor(this.#thread, this.#ms, this.#growth);
    this.open = this.#waiting.size + 1;
    this.#thread = thread;
    this.#ms = this.#edge = -1;
    this.#before = this.#isDue(thread.root) ? this.#usage() : undefined;
    this.#beganAt = sharedNow();
  }
  end(): void {
    this.#ms = sharedNow() - this.#beganAt;
    this.#growth = this.growth();
    if (this.#edge >= 0) this.#isTold(this.#edge);
  }
  /** A thread has come to its next node, or its end, by an edge. */
  passes(thread: LocalThread, edge: number): void {
    if (thread === this.#thread) {
      if (this.#ms < 0) this.#edge = edge;                               // it goes on
      else this.#isTold(edge);
      return;
    }
    const sample = this.#waiting.get(thread);
    if (sample === undefined) return;
    this.#waiting.delete(thread);
    this.open--;
    this.add(edge, sample.ms, sample.growth);
  }
  #isTold(edge: number): void {
    this.#thread = undefined;
    this.open--;
    this.add(edge, this.#ms, this.#growth);
  }

  /** What one has taken is told when it comes to its next node. */
  awaits(thread: LocalThread, ms: number, growth: Growth | undefined): void {
    this.#waitFor(thread, ms, growth);
    this.open = this.#waiting.size + (this.#thread === undefined ? 0 : 1);
  }
  #waitFor(thread: LocalThread, ms: number, growth: Growth | undefined): void {
    if (this.#waiting.size === WAITING_MAX) this.#waiting.delete(this.#waiting.keys().next().value as LocalThread);   // it waits for long: others are told of
    this.#waiting.set(thread, { ms, growth });
  }

  /** Work of a root begins. @returns whether what comes of it is looked at */
  looks(root: Root): boolean {
    if (!this.#isDue(root)) return false;
    this.#before = this.#usage();
    return true;
  }
  #isDue(root: Root): boolean {
    if (root.usedMs - root.lookedAtMs < root.lookEveryMs) return false;
    root.lookedAtMs = root.usedMs;
    this.#lookedAt = root;
    return true;
  }
  #usage(): Usage {
    const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
    const { user, system } = process.threadCpuUsage();
    const descriptors = this.#looks % RESOURCES_EVERY === 0 ? process.getActiveResourcesInfo().length : NaN;
    return { heap, external, cpuUs: user + system, descriptors };
  }
  /** Since it was looked at; undefined where it was not. A collection in between makes less of the heap: that says nothing of the thread, and is left out. */
  growth(): Growth | undefined {
    const before = this.#before;
    if (before === undefined) return undefined;
    this.#before = undefined;
    const now = this.#usage();
    this.#looks++;
    const root = this.#lookedAt as Root;                                 // whoever looked before has named it
    const isLittle = Math.abs(now.heap - before.heap) < this.#littleBytes && Math.abs(now.external - before.external) < this.#littleBytes;
    root.lookEveryMs = isLittle ? Math.min(2 * root.lookEveryMs, LOOK_EVERY_MS_MAX) : LOOK_EVERY_MS;
    return { heap: now.heap >= before.heap ? now.heap - before.heap : NaN, external: now.external - before.external, cpuMs: (now.cpuUs - before.cpuUs) / 1000, descriptors: now.descriptors - before.descriptors };
  }

  /** A segment before an edge has taken so long, and that came of it. */
  add(edge: number, ms: number, growth: Growth | undefined): void {
    const { edges } = this.#table;
    edges[edge + EDGE.sampled] = (edges[edge + EDGE.sampled] as number) + 1;
    edges[edge + EDGE.timeSum] = (edges[edge + EDGE.timeSum] as number) + ms;
    edges[edge + EDGE.timeSquares] = (edges[edge + EDGE.timeSquares] as number) + ms * ms;
    if (growth !== undefined) this.#addGrowth(edge, growth);
  }
  #addGrowth(edge: number, { heap, external, cpuMs, descriptors }: Growth): void {
    const { edges } = this.#table;
    if (cpuMs >= 0) edges[edge + EDGE.cpuMs] = (edges[edge + EDGE.cpuMs] as number) + cpuMs;
    addSum(edges, edge + EDGE.heap, this.#kept(edge, heap));
    addSum(edges, edge + EDGE.external, this.#kept(edge, external));
    addSum(edges, edge + EDGE.descriptors, descriptors);
  }
  /** What a thread leaves when it ends is garbage, and made room for by the collector: nobody is to wait for it. */
  #kept(edge: number, bytes: number): number { return this.#table.edges[edge + EDGE.to] === END_NODE ? Math.min(0, bytes) : bytes; }
}

function addSum(edges: Float64Array, at: number, value: number): void {
  if (!Number.isFinite(value)) return;
  edges[at] = (edges[at] as number) + 1;
  edges[at + 1] = (edges[at + 1] as number) + value;
  edges[at + 2] = (edges[at + 2] as number) + value * value;
}
