/**
 * Whether there is a processor for one more back lane. Each is an isolate that loads the application and compiles it anew, half a second to seconds of work,
 * and where the processors are taken it takes all that from the lanes that are there: the same work later, by more.
 *
 * By the kernel's own account of the lanes that there are: they waited for a processor less than so much of the time in which they could have run. One
 * that is blocked in the kernel could not have run, and wants another beside it. Where the kernel keeps no account there is room.
 */
import type { Memory } from '@capriccio/shared';
import { kernelTimes, type KernelTimes } from './lane-hunger.ts';
import { lanesHad } from './lanes-had.ts';

/** Part of the time in which lanes could have run that they waited: from so much on there is no room. */
const TAKEN = 0.15;
/** A look is over so much time in which lanes could have run, or over so long in which they could not, ms. */
const RUNNABLE_MS = 250;
const PERIOD_MS = 400;

export class LaneRoom {
  readonly #memory: Memory;
  readonly #times: KernelTimes;
  #before = { atMs: 0, ranMs: 0, waitedMs: 0 };

  constructor(memory: Memory, times: KernelTimes = kernelTimes) {
    this.#memory = memory;
    this.#times = times;
  }

  /** Asked while all lanes have something to do. The first answer is by what they have had since they began: they have loaded the application at least. */
  isThere(nowMs: number): boolean {
    const sums = { atMs: nowMs, ...lanesHad(this.#memory, this.#times) };
    const ranMs = sums.ranMs - this.#before.ranMs;
    const waitedMs = sums.waitedMs - this.#before.waitedMs;
    if (ranMs < 0 || waitedMs < 0) { this.#before = sums; return false; }   // one has died: what it had is missing
    if (ranMs + waitedMs < RUNNABLE_MS && nowMs - this.#before.atMs < PERIOD_MS) return false;
    this.#before = sums;
    return waitedMs <= TAKEN * (ranMs + waitedMs);
  }
}
