/**
 * Several short tasks in one message. A thread that takes one task at a time waits for main between two of them, longer than a short task takes; so
 * it is given a few at once, as many as it has proved to run in a fraction of a millisecond. They still run one after the other; the first that
 * is not short, not synchronous, or gives a value that is no small tree of data ends the batch, and those after it go back to the head of the queue. A handler
 * that ends its worker gives up what it had done, so only the task that did it is lost with it.
 */
import type { WaitingTask } from './task.ts';
import type { Trees } from './flat.ts';

/** What a worker answers. */
export interface Outcome {
  /** Results of the tasks that have run, in order. */
  readonly values: readonly unknown[];
  /** One more has run; its result, or what it threw, is to be collected. */
  readonly hasMore: boolean;
  /** The handler is none for batches. */
  readonly isUnfit: boolean;
  /** Time in the handler, microseconds. */
  readonly us: number;
}

const SIZE_MAX = 64;
/** A batch that took so little doubles the next; so much, microseconds, and the next tasks go alone. */
const SHORT_US = 100;
export const LONG_US = 500;
/** A single task that has come back within this, milliseconds, may be one of a batch next time. */
const PROMISING_MS = 0.5;
/** Tasks that go alone after one that took long. */
const PENALTY = 32;

/** How many tasks of one handler may go at once: it learns from what they took. */
export class BatchSize {
  #size = 1;
  #penalty = 0;
  #isUnfit = false;

  /** At most so many now. */
  get size(): number { return this.#isUnfit || this.#penalty > 0 ? 1 : this.#size; }

  /** One has run alone; `ms` from when it was sent. */
  ranAlone(ms: number): void {
    if (this.#penalty > 0) this.#penalty--;
    if (ms >= PROMISING_MS) { this.#size = 1; this.#penalty = PENALTY; } else if (this.#size === 1) this.#size = 2;
  }

  ranTogether({ us, isUnfit, values }: Outcome): void {
    if (isUnfit) this.#isUnfit = true;
    else if (us >= LONG_US) { this.#size = 1; this.#penalty = PENALTY; }
    else if (us <= SHORT_US && values.length >= this.#size) this.#size = Math.min(this.#size * 2, SIZE_MAX);
  }

  /** One of them ended its worker. */
  forbid(): void { this.#isUnfit = true; }
}

/** Whether a task may follow those that were chosen: the same handler, nothing that moves or aborts, and data that nothing shares with theirs. */
export function mayFollow(task: WaitingTask, first: WaitingTask | undefined, trees: Trees): boolean {
  if (task.isAbortable || task.isSettled || task.transfer !== undefined) return false;
  return (first === undefined || task.target === first.target) && trees.add(task.value);
}
