/**
 * What the process as a whole uses of what all of its threads share, for `pool.graph()`: processors, and the threads of libuv, which read files, look names
 * up and compute zlib and crypto for all workers together. By /proc, and left out where there is none. Next: kernel-view.ts.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { GraphResource } from '../graph.ts';
import { LibuvThread, TASKS } from './kernel-view.ts';

/** Readings of so long make the mean, ms. */
const MEAN_MS = 500;
/** Threads that are looked at at a time, in turn: each costs some 6 us, twenty times a second. */
const LOOKS = 4;
/** How often threads are looked for while there are none, ms. */
const SEARCH_MS = 5000;
/** Processor time is compared over so long at least, ms: it is counted in ticks. */
const PERIOD_MS = 200;
const NEAR = 0.9;

export class ProcessUsage {
  #threads: readonly LibuvThread[] = [];
  #searchedAt = -Infinity;
  /** Part of the threads that do something. */
  #busy = 0;
  #next = 0;
  #lookedAt: number;
  #cpu = process.cpuUsage();
  #readAt: number;
  #cores = 0;

  constructor(nowMs: number) { this.#readAt = this.#lookedAt = nowMs; }

  /** Takes a reading. */
  look(nowMs: number): void {
    if (this.#threads.length === 0 && nowMs - this.#searchedAt >= SEARCH_MS) {
      this.#searchedAt = nowMs;
      this.#threads = libuvThreads();
    }
    const weight = 1 - Math.exp((this.#lookedAt - nowMs) / MEAN_MS);
    this.#lookedAt = nowMs;
    if (this.#threads.length > 0) this.#busy += (this.#lookAtSome() - this.#busy) * weight;
    if (nowMs - this.#readAt < PERIOD_MS) return;
    const { user, system } = process.cpuUsage(this.#cpu);
    this.#cores = (user + system) / 1000 / (nowMs - this.#readAt);
    this.#cpu = process.cpuUsage();
    this.#readAt = nowMs;
  }

  /** @returns part of those looked at that do something */
  #lookAtSome(): number {
    const count = Math.min(LOOKS, this.#threads.length);
    let busy = 0;
    for (let k = 0; k < count; k++) if ((this.#threads[this.#next++ % this.#threads.length] as LibuvThread).isBusy()) busy++;
    return busy / count;
  }

  /** Cores that the process keeps busy, of those that it may use; threads of libuv that do something, in the mean of the last half second. */
  get resources(): GraphResource[] {
    return [of('processors', this.#cores, availableParallelism()), ...this.#threads.length === 0 ? [] : [of('libuv threads', this.#busy * this.#threads.length, this.#threads.length)]];
  }
}

const of = (name: string, used: number, limit: number): GraphResource => ({ name, used: Math.round(used * 100) / 100, limit, isNearLimit: used >= NEAR * limit });

/** Those there are now: libuv makes them all when the first is wanted, and none ends before the process does. */
function libuvThreads(): LibuvThread[] {
  try {
    return readdirSync(TASKS).filter((task) => nameOf(task) === 'libuv-worker').flatMap((task) => LibuvThread.open(task) ?? []);
  } catch { return []; }
}
function nameOf(task: string): string {
  try { return readFileSync(`${TASKS}/${task}/comm`, 'latin1').trim(); } catch { return ''; }
}
