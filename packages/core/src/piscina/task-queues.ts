/** Queues of tasks that wait for a thread: the interface for one's own, and the two that come along. */
export const queueOptionsSymbol: unique symbol = Symbol.for('Piscina.queueOptions') as never;

export interface Task {
  /** What the submitted value carries under `queueOptionsSymbol`. */
  readonly [queueOptionsSymbol]: object | null;
}

/** What a queue, or a load balancer, sees of a task. */
export interface PiscinaTask extends Task {
  readonly taskId: number;
  readonly filename: string;
  readonly name: string;
  /** `performance.now()` when it was submitted. */
  readonly created: number;
  readonly isAbortable: boolean;
}

export interface TaskQueue {
  readonly size: number;
  shift(): Task | null;
  remove(task: Task): void;
  push(task: Task): void;
  /** With it, `stricterFIFO` gives a task that found no thread its place back. */
  unshift?(task: Task): void;
}

export const isTaskQueue = (value: unknown): value is TaskQueue => {
  const queue = value as Partial<TaskQueue> | null;
  return typeof value === 'object' && queue !== null && 'size' in queue && typeof queue.shift === 'function' && typeof queue.remove === 'function' && typeof queue.push === 'function';
};

/** First in, first out. Taking from the front moves nothing until half of the array is empty: O(1) each, a million waiting or ten. */
export class ArrayTaskQueue implements TaskQueue {
  #tasks: (Task | undefined)[] = [];
  #head = 0;

  /** Those that wait, the next first. */
  get tasks(): Task[] { return this.#tasks.slice(this.#head) as Task[]; }
  get size(): number { return this.#tasks.length - this.#head; }

  push(task: Task): void { this.#tasks.push(task); }

  shift(): Task | null {
    if (this.size === 0) return null;
    const task = this.#tasks[this.#head] as Task;
    this.#tasks[this.#head++] = undefined;
    if (this.#head > 1024 && this.#head * 2 > this.#tasks.length) this.#close();
    return task;
  }

  unshift(task: Task): void {
    if (this.#head > 0) this.#tasks[--this.#head] = task;
    else this.#tasks.unshift(task);
  }

  remove(task: Task): void {
    const at = this.#tasks.indexOf(task, this.#head);
    if (at >= 0) this.#tasks.splice(at, 1);
  }

  /** Gives back what lies before the head. */
  #close(): void {
    this.#tasks = this.#tasks.slice(this.#head);
    this.#head = 0;
  }
}

/** Piscina's name for its fast queue. Here both are. */
export class FixedQueue extends ArrayTaskQueue {
  isEmpty(): boolean { return this.size === 0; }
}
