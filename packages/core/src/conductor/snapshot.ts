/**
 * What the conductor sees and what it says: plain data, so that the product, which reads it from shared tables, and the simulator, which has a virtual
 * clock, give the same to the same functions. Counts and sums only ever grow; the conductor takes differences. Times are milliseconds.
 */
import type { Moments } from '@capriccio/worker';

/** What may run short. Heap is an isolate's own, the others are the process's. */
export const RESOURCES = ['heap', 'external', 'descriptors', 'bytes'] as const;
export type Resource = (typeof RESOURCES)[number];

/** A sum of values that were sampled, since the beginning. */
export interface Sums { readonly count: number; readonly sum: number; readonly squares: number }

/** A passage between two nodes, all workers together. */
export interface EdgeReading {
  readonly from: number;
  readonly to: number;
  /** Exact. */
  readonly count: number;
  /** Sampled: time from leaving one to reaching the other, and what changed on the way. */
  readonly timeMs: Sums;
  readonly growth: Readonly<Partial<Record<Resource, Sums>>>;
}

/** A blocking point. Only those that lead out of the process have a window. */
export interface NodeReading {
  readonly node: number;
  readonly isDownstream: boolean;
  /** Threads that have come back from it; those that had to wait for its window; those that wait now. */
  readonly done: number;
  readonly waits: number;
  readonly waiting: number;
  /** Threads that are there. */
  readonly inUse: number;
  /** Integral of the threads that were there, over time. */
  readonly areaMs: number;
}

/** An entry point. */
export interface RootReading {
  readonly name: string;
  /** The node at which its threads begin. */
  readonly start: number;
  readonly tickets: number;
  readonly queued: number;
  readonly started: number;
  readonly live: number;
  /** Time of its threads from begin to end, without waits for windows. */
  readonly ownMs: Sums;
  /** Processor time on each worker. */
  readonly usedMs: readonly number[];
  /** Whether each worker has something of it to run. */
  readonly isRunnable: readonly boolean[];
}

export interface ResourceReading { readonly resource: Resource; readonly used: number; readonly limit: number }

export interface Snapshot {
  readonly atMs: number;
  readonly workers: number;
  readonly edges: readonly EdgeReading[];
  readonly nodes: readonly NodeReading[];
  readonly roots: readonly RootReading[];
  readonly resources: readonly ResourceReading[];
}

/** What one root's admission goes by. */
export interface RootPlan {
  readonly drainPerMs: number;
  readonly ownMs: Moments;
  /** What a thread takes from begin to end of each scarce resource. */
  readonly growth: Readonly<Partial<Record<Resource, Moments>>>;
  /** Nodes with a window that its threads meet, and how often. */
  readonly gates: readonly { readonly node: number; readonly visits: number; readonly ratePerMs: number }[];
  /** Tickets on every worker: those it was given, corrected for where it has work. */
  readonly tickets: number;
}

export interface NodePlan {
  /** Of its queue in level 0. */
  readonly tickets: number;
  /** Undefined while it needs none. */
  readonly window: number | undefined;
  /** After so long without anybody coming back from it, one more may go, ms. */
  readonly stallMs: number;
  /** The node with a window to which most go from here. */
  readonly leadsTo: number | undefined;
  /** What a thread takes on its way from here to its next node. */
  readonly growth: Readonly<Partial<Record<Resource, Moments>>>;
}

/** One decision in force, for `graph()`. */
export interface Decision { readonly what: 'window' | 'tickets' | 'mark' | 'balance' | 'hold'; readonly about: number | string; readonly why: string }

export interface Plan {
  readonly roots: ReadonlyMap<string, RootPlan>;
  readonly nodes: ReadonlyMap<number, NodePlan>;
  /** Part of each resource's limit that may be used. */
  readonly marks: ReadonlyMap<Resource, number>;
  readonly decisions: readonly Decision[];
}

/** The difference of two sums of the same values; all of them when they have begun anew. */
export function since(now: Sums, before: Sums | undefined): Sums {
  if (before === undefined || now.count < before.count) return now;
  return { count: now.count - before.count, sum: now.sum - before.sum, squares: now.squares - before.squares };
}
