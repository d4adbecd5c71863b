// A thread that keeps the time for the generator. A timer of the event loop is late by up to a millisecond, more than a
// light request takes; waiting on a word is late by a tenth of that and costs no CPU.
import { parentPort, workerData } from 'node:worker_threads';
import { nowUs } from './clock.ts';

export interface PacerData {
  /** Intended starts after `startUs`, ascending. */
  atUs: Float64Array;
  startUs: number;
  /** One word; not 0 means stop. */
  stop: Int32Array<SharedArrayBuffer>;
}

const { atUs, startUs, stop } = workerData as PacerData;

/** Posts how many requests are due, each time that number grows. */
function pace(): void {
  let due = 0;
  while (due < atUs.length) {
    const aheadUs = startUs + (atUs[due] ?? 0) - nowUs();
    if (aheadUs > 0 && Atomics.wait(stop, 0, 0, aheadUs / 1000) !== 'timed-out') return;
    const elapsedUs = nowUs() - startUs;
    while (due < atUs.length && (atUs[due] ?? 0) <= elapsedUs) due++;
    parentPort?.postMessage(due);
  }
}

pace();
