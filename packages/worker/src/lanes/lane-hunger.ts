/**
 * Whether back lanes starve. The kernel runs everybody before them: the pool's own fronts, as it should, and also every other process of the machine. Beside
 * two that compute, two lanes have a tenth of what they could use, and nearly all that is handed to them comes too late. So what is long then runs in front.
 *
 *   begins   at four looks in a row, a second, lanes waited for a processor more than seven eighths of the time in which they could have run, and fronts
 *            used less than half of the processors: who makes lanes wait is somebody else. A shorter drought costs less than long work in front does
 *   ends     they had a third of that time, by the few requests that are handed over all the same
 *
 * By the kernel's own account of each thread, so a lane that waits for a disk is none that starves. Where there is none, lanes are not of lower priority either.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { board, isLive, lanes, roles, type Memory } from '@capriccio/shared';

/** A look is over so long at least, and over so much time in which lanes could have run, ms: less says nothing. While they starve they are given little. */
const PERIOD_MS = 250;
const RUNNABLE_MS = 100;
const RUNNABLE_MS_STARVING = 20;
/** Looks in a row. */
const LOOKS = 4;
const BEGINS = 1 / 8;
const ENDS = 1 / 3;
const FRONTS = 1 / 2;
/** Lanes that are looked at: to ask the kernel takes 12 us each. */
const LANES_MAX = 8;

/** Of a thread since its beginning, ms: on a processor, and ready to be on one. Undefined where the system does not tell. */
export type KernelTimes = (task: number) => { readonly ranMs: number; readonly waitedMs: number } | undefined;

const bytes = Buffer.alloc(128);
export const kernelTimes: KernelTimes = (task) => {
  let file = -1;
  try {
    file = openSync(`/proc/self/task/${task}/schedstat`, 'r');           // readFileSync asks for its size, and for more, and takes twice as long
    const [ran, waited] = bytes.toString('latin1', 0, readSync(file, bytes, 0, bytes.length, 0)).split(' ').map(Number) as [number, number];
    return { ranMs: ran / 1e6, waitedMs: waited / 1e6 };
  } catch {
    return undefined;
  } finally {
    if (file >= 0) closeSync(file);
  }
};

interface Sums { readonly atMs: number; readonly ranMs: number; readonly waitedMs: number; readonly frontMs: number; readonly workers: number }

export class LaneHunger {
  readonly #memory: Memory;
  readonly #times: KernelTimes;
  #isStarving = false;
  #droughts = 0;
  #before: Sums | undefined;
  #lookedAt = -Infinity;

  constructor(memory: Memory, times: KernelTimes = kernelTimes) {
    this.#memory = memory;
    this.#times = times;
  }

  isStarving(nowMs: number): boolean {
    if (nowMs - this.#lookedAt >= PERIOD_MS) this.#look(nowMs);
    return this.#isStarving;
  }

  #look(nowMs: number): void {
    this.#lookedAt = nowMs;
    const before = this.#before;
    const { sums, fronts } = this.#read(nowMs);
    const ranMs = sums.ranMs - (before?.ranMs ?? 0);
    const runnableMs = ranMs + sums.waitedMs - (before?.waitedMs ?? 0);
    if (before?.workers === sums.workers && runnableMs < (this.#isStarving ? RUNNABLE_MS_STARVING : RUNNABLE_MS)) return;   // the period goes on
    this.#before = sums;
    if (before?.workers !== sums.workers) { this.#droughts = 0; return; }  // others than before
    const share = ranMs / runnableMs;
    const isBusy = sums.frontMs - before.frontMs >= FRONTS * fronts * (nowMs - before.atMs);
    this.#droughts = share < BEGINS && !isBusy ? this.#droughts + 1 : 0;
    this.#isStarving = this.#isStarving ? share < ENDS : this.#droughts >= LOOKS;
  }

  #read(atMs: number): { sums: Sums; fronts: number } {
    const memory = this.#memory;
    let [ranMs, waitedMs, frontMs, fronts, backs, workers] = [0, 0, 0, 0, 0, 0];
    for (let id = 1; id < memory.layout.participantCount; id++) {
      if (!isLive(memory, id)) continue;
      if (!lanes.isBackLane(memory, id)) {
        if (roles.isFront(memory, id)) fronts++;
        frontMs += board.readStatistics(memory, id).cpuMs;
      } else if (backs++ < LANES_MAX) {
        const times = this.#times(board.readKernelId(memory, id));
        ranMs += times?.ranMs ?? 0;
        waitedMs += times?.waitedMs ?? 0;
      }
      workers = (Math.imul(workers, 31) + id * 65_537 + board.readKernelId(memory, id)) | 0;
    }
    return { sums: { atMs, ranMs, waitedMs, frontMs, workers }, fronts };
  }
}
