/** What a model test hands to the explorer (explore.ts), and what a thread in it can ask. */
import type { Layout } from '../../packages/shared/src/layout.ts';
import type { Memory } from '../../packages/shared/src/memory.ts';

export interface Control {
  /** Runs `build` without choice points in it: construction, set-up. */
  quiet<T>(build: () => T): T;
  /** Counts shared writes and deaths so far. Read it before a poll; pass it to `changed` after the poll found nothing. */
  version(): number;
  /** Blocks until something has been written or somebody has died since `version`. */
  changed(version: number): void;
  /** Bit mask of killed threads; whoever reads it has joined them, as after a worker's `exit` event. */
  dead(): number;
  /** Tells the check something, once, however often this point is replayed. */
  note(what: unknown): void;
}

export interface Scenario<R extends unknown[] = unknown[]> {
  readonly layout: Layout;
  /** Prepares raw memory before the threads begin. */
  readonly setUp?: (memory: Memory) => void;
  readonly threads: ReadonlyArray<(memory: Memory, control: Control) => unknown>;
  /** Throws when an invariant does not hold. `memory` is a raw copy. `killed` is a bit mask. */
  check(results: R, memory: Memory, killed: number, notes: readonly unknown[]): void;
  /** Threads that may still be blocked at the end (idle workers). Others blocked at the end are a deadlock. */
  readonly mayBlock?: number;
}

export interface Options {
  readonly bound?: number;
  /** How many threads may be killed in one schedule. */
  readonly kills?: number;
  /** Which threads may be killed, a bit mask; all but thread 0 unless given. */
  readonly killable?: number;
  readonly stepsMax?: number;
  readonly schedulesMax?: number;
  /** Ends a schedule in a state that was met before; true unless given. */
  readonly remembers?: boolean;
}

/** An invariant of the explorer itself does not hold: a race, a deadlock, a livelock. */
export class Violation extends Error {}
