/**
 * The board: what each participant shows of itself. Written by its owner at the edges of turns, read by anybody at any time: a hint of load and
 * of life, never a decision's only ground.
 */
import { BUSY_SINCE, CONNECTIONS, HARD_SLEEP, KERNEL_ID, QUEUED, ROOT, RUNNABLE, SEAT, STATISTICS, TAKEN, THREADS, TICK, controlOf } from './layout.ts';
import type { Memory } from './memory.ts';

export interface Load { readonly runnable: number; readonly threads: number; readonly queued: number }

/** Cumulative since the participant began. Times in milliseconds. */
export interface Statistics {
  /** Processor time of its thread. */
  readonly cpuMs: number;
  /** Threads and tasks begun, tasks that ended well, tasks that failed, calls made. */
  readonly begun: number;
  readonly finished: number;
  readonly failed: number;
  readonly calls: number;
  readonly sleeps: number;
  readonly sleptMs: number;
  /** Time its event loop was not waiting, sleeps outside of it included. */
  readonly loopMs: number;
  /** Its isolate's heap in use, and memory outside of heaps that belongs to its objects; bytes. */
  readonly heapBytes: number;
  readonly externalBytes: number;
}

const fields: readonly (keyof Statistics)[] = ['cpuMs', 'begun', 'finished', 'failed', 'calls', 'sleeps', 'sleptMs', 'loopMs', 'heapBytes', 'externalBytes'];

/** The owner's pen. */
export class Board {
  readonly #words: Int32Array;
  readonly #floats: Float64Array;
  readonly #control: number;

  constructor({ words, floats, layout }: Memory, id: number) {
    this.#words = words;
    this.#floats = floats;
    this.#control = controlOf(layout, id);
  }

  /** @param nowMs  shared clock; stored modulo 2^32, and never as 0 */
  beginTurn(tick: number, nowMs: number): void {
    Atomics.store(this.#words, this.#control + TICK, tick | 0);
    Atomics.store(this.#words, this.#control + BUSY_SINCE, (Math.floor(nowMs) | 0) || 1);
  }
  endTurn({ runnable, threads, queued }: Load): void {
    const { words, control } = { words: this.#words, control: this.#control };
    words[control + RUNNABLE] = runnable;                               // plain: a hint
    words[control + THREADS] = threads;
    words[control + QUEUED] = queued;
    words[control + ROOT] = 0;
    Atomics.store(words, control + BUSY_SINCE, 0);
  }
  /** A batch of a root begins. @param number  the root's in the table of names + 1 */
  setRoot(number: number): void { this.#words[this.#control + ROOT] = number; }   // plain: a hint
  /** It is about to sleep outside of its event loop, or has. */
  setHardSleep(isSo: boolean): void { Atomics.store(this.#words, this.#control + HARD_SLEEP, isSo ? 1 : 0); }
  setKernelId(id: number): void { Atomics.store(this.#words, this.#control + KERNEL_ID, id); }
  setThreads(count: number): void { this.#words[this.#control + THREADS] = count; }
  setSeat(seat: number): void { Atomics.store(this.#words, this.#control + SEAT, seat); }
  setConnections(count: number): void { Atomics.store(this.#words, this.#control + CONNECTIONS, count); }
  /** One more connection that main has handed over has come, open or not. */
  countTaken(): void { Atomics.add(this.#words, this.#control + TAKEN, 1); }
  writeStatistics(statistics: Statistics): void {
    const at = (this.#control + STATISTICS) / 2;
    for (let k = 0; k < fields.length; k++) this.#floats[at + k] = statistics[fields[k] as keyof Statistics];   // plain: a reader may meet an old one
  }
}

/** Connections that were handed to a worker and have come there, ever, modulo 2^32. */
export const readTaken = ({ words, layout }: Memory, id: number): number => Atomics.load(words, controlOf(layout, id) + TAKEN);

/** What a participant showed last. */
export function readLoad({ words, layout }: Memory, id: number): Load & { connections: number } {
  const control = controlOf(layout, id);
  return { runnable: words[control + RUNNABLE] as number, threads: words[control + THREADS] as number, queued: words[control + QUEUED] as number, connections: Atomics.load(words, control + CONNECTIONS) };
}

/** Its threads that have begun and not ended. */
export const readThreads = ({ words, layout }: Memory, id: number): number => words[controlOf(layout, id) + THREADS] as number;

export function readStatistics({ floats, layout }: Memory, id: number): Statistics {
  const at = (controlOf(layout, id) + STATISTICS) / 2;
  return Object.fromEntries(fields.map((field, k) => [field, floats[at + k]])) as unknown as Statistics;
}

/** Its open connections. */
export const readConnections = ({ words, layout }: Memory, id: number): number => Atomics.load(words, controlOf(layout, id) + CONNECTIONS);

/** Its place among the workers. */
export const readSeat = ({ words, layout }: Memory, id: number): number => Atomics.load(words, controlOf(layout, id) + SEAT);

/** Its thread's number in /proc/self/task; 0 when it is not known. */
export const readKernelId = ({ words, layout }: Memory, id: number): number => Atomics.load(words, controlOf(layout, id) + KERNEL_ID);
/** The root whose batch it runs: number in its table of names, -1 outside of batches. */
export const readRoot = ({ words, layout }: Memory, id: number): number => Atomics.load(words, controlOf(layout, id) + ROOT) - 1;
/** It sleeps outside of its event loop. */
export const isInHardSleep = ({ words, layout }: Memory, id: number): boolean => Atomics.load(words, controlOf(layout, id) + HARD_SLEEP) === 1;

/** Its turns so far, modulo 2^32. */
export const readTick = ({ words, layout }: Memory, id: number): number => Atomics.load(words, controlOf(layout, id) + TICK);

/** For how long it has been inside one turn, ms; 0 when it is outside. */
export function busyForMs({ words, layout }: Memory, id: number, nowMs: number): number {
  const since = Atomics.load(words, controlOf(layout, id) + BUSY_SINCE);
  return since === 0 ? 0 : Math.max(0, ((Math.floor(nowMs) | 0) - since) | 0);
}
