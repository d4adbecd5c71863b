/** What main and a worker's runtime tell each other, besides tasks. */
import type { MessagePort } from 'node:worker_threads';
import type { Layout } from '@capriccio/shared';
import type { DeadlockedThread } from './deadlock.ts';
import type { ReportedWait } from './wait-report.ts';

/** What main tells a new worker; plain data besides the port. */
export interface RuntimeStart {
  readonly buffer: SharedArrayBuffer;
  readonly layout: Layout;
  /** The blocking graph's; none where nobody reads it. */
  readonly graph?: SharedArrayBuffer;
  readonly id: number;
  /** Its place among the workers: whoever replaces it takes it over. */
  readonly seat: number;
  /** Of this worker, never given again in this process. */
  readonly serial: number;
  readonly port: MessagePort;
  readonly sharedBuffers: readonly [number, SharedArrayBuffer][];
  readonly sliceMs: number;
  /** Longest run of a compiled thread, ms. Default 1. */
  readonly quantumMs?: number;
  readonly retriesMax: number;
  readonly cancelGraceMs: number;
  /** Started ahead: it takes no work until it is activated. */
  readonly isSpare: boolean;
  readonly deadlock?: 'report' | 'break';
  /** Threads may have to wait before they ask a service outside. */
  readonly hasWindows?: boolean;
  /** Threads wait before they take what is short. Default true. */
  readonly hasForecasts?: boolean;
  /** Pools that it is in: its own, the one in whose thread that was made, and so on. */
  readonly depth?: number;
  /** Calls that are made here are measured from the start. */
  readonly measures?: boolean;
  /** A heap that is nearly full keeps threads from beginning, whatever is foreseen: default true. */
  readonly hasBrake?: boolean;
  /** Back lanes may be found to starve. Default true. */
  readonly seesHunger?: boolean;
  /** Requests of long routes that are short, by their URL, stay in front. Default true. */
  readonly knowsUrls?: boolean;
  /** False in a main thread: it never sleeps outside of its event loop. */
  readonly mayBlock: boolean;
  /** A front lane serves; a back lane takes only what is long. Undefined: there are no lanes. */
  readonly lane?: 'front' | 'back' | undefined;
}

/** What main hears of a root that overruns. */
export interface Overrun { readonly root: string; readonly ms: number }
/** Under this name main has calls measured, and is told of each histogram that is made for them. */
export const MEASURE = 'measure';
/** Node's code of the warning that a package has no `type`, and the name under which main hears it. */
export const TYPELESS = 'MODULE_TYPELESS_PACKAGE_JSON';
/** The name under which lanes speak with main. */
export const LANES = 'lanes';
export type LaneMessage =
  /** Work for back lanes waits and there are not enough of them. */
  | { readonly event: 'want' }
  /** The verdict on a root is another, or somebody has set it. */
  | { readonly event: 'changed'; readonly name: string }
  /** A root that goes to back lanes runs in this front all the same, or does so no more. */
  | { readonly event: 'kept'; readonly name: string; readonly worker: number; readonly isKept: boolean };

/** A circle over several cores, and the wait in it that is to be rejected. */
export interface DeadlockToBreak { readonly wait: ReportedWait; readonly threads: readonly DeadlockedThread[]; readonly message: string }
