/**
 * Remote generators. The worker that runs one keeps it under a number and runs it at most WINDOW values ahead; its caller fetches what is
 * there with ordinary calls placed on that worker (`stream.next`), and stops it with `stream.return`. So values, errors, deaths and back-pressure
 * are those of calls, and nothing of this needs shared memory of its own.
 */
import { CapriccioError, describeFailure, type FailureRecord } from '@capriccio/shared';
import { rejectWithCaller } from './call.ts';
import { Cell } from './context.ts';
import type { AnyFunction, FunctionRecord } from './functions.ts';
import type { Scheduler } from './scheduler.ts';
import { LocalThread } from './thread.ts';

/** Values that a generator may be ahead of its caller, on its own side. */
const WINDOW = 16;

interface Batch { readonly values: unknown[]; readonly done: boolean; readonly failure?: FailureRecord }

/** One generator on the worker that runs it. */
class LocalStream {
  readonly owner: number;
  readonly #generator: AsyncGenerator | Generator;
  readonly #thread: LocalThread;
  #values: unknown[] = [];
  #isDone = false;
  #failure: FailureRecord | undefined;
  #isPumping = false;
  #wake: (() => void) | undefined;

  constructor(generator: AsyncGenerator | Generator, owner: number, thread: LocalThread) {
    this.#generator = generator;
    this.owner = owner;
    this.#thread = thread;
  }

  /** What is there; waits for the first. */
  async next(): Promise<Batch> {
    void this.#pump();
    while (this.#values.length === 0 && !this.#isDone) await new Promise<void>((resolve) => { this.#wake = resolve; });
    const values = this.#values;
    this.#values = [];
    if (!this.#isDone) void this.#pump();
    const isLast = this.#isDone;
    return this.#failure === undefined ? { values, done: isLast } : { values, done: isLast, failure: this.#failure };
  }

  async #pump(): Promise<void> {
    if (this.#isPumping || this.#isDone) return;
    this.#isPumping = true;
    try {
      while (this.#values.length < WINDOW && !this.#isDone) {
        const step = await (this.#thread.cell as Cell).run(() => this.#generator.next());
        if (step.done === true) this.#isDone = true;
        else this.#values.push(step.value);
        this.#notify();
      }
    } catch (error) {
      this.#failure = describeFailure(error);
      this.#isDone = true;
      this.#notify();
    } finally {
      this.#isPumping = false;
    }
  }

  #notify(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  /** It has come to its end by itself. */
  end(): void { this.#thread.end('done', undefined, undefined); }

  /** Ends it: its `finally` blocks run. */
  async close(): Promise<void> {
    this.#isDone = true;
    if (this.#isPumping) this.#thread.cancel();
    try {
      await (this.#thread.cell as Cell).run(() => this.#generator.return(undefined));
    } finally {
      this.#notify();
      this.end();
    }
  }
}

/** The streams that this worker holds. */
export class StreamTable {
  readonly #scheduler: Scheduler;
  readonly #streams = new Map<number, LocalStream>();
  #last = 0;

  constructor(scheduler: Scheduler) { this.#scheduler = scheduler; }

  /** Keeps a generator for its caller. @returns its number */
  open(generator: AsyncGenerator | Generator, owner: number, record: FunctionRecord): number {
    const thread = new LocalThread(this.#scheduler, record.root, record.exportName);
    thread.status = 'blocked';
    thread.cell = new Cell();
    thread.cell.thread = thread;
    this.#streams.set(++this.#last, new LocalStream(generator, owner, thread));
    return this.#last;
  }

  /** The functions that a stream's caller calls. */
  readonly functions: Readonly<Record<string, AnyFunction>> = {
    'stream.next': async (number) => {
      const stream = this.#streams.get(number as number);
      if (stream === undefined) return { values: [], done: true } satisfies Batch;
      const batch = await stream.next();
      if (batch.done) {
        this.#streams.delete(number as number);
        stream.end();
      }
      return batch;
    },
    'stream.return': async (number) => {
      const stream = this.#streams.get(number as number);
      this.#streams.delete(number as number);
      await stream?.close();
    },
  };

  /** A participant has died: nobody will fetch from its streams. */
  closeOf(dead: number): void {
    for (const [number, stream] of this.#streams) {
      if (stream.owner !== dead) continue;
      this.#streams.delete(number);
      stream.close().catch(() => { /* its caller is gone, nobody is left to be told */ });
    }
  }

  get size(): number { return this.#streams.size; }
}

export interface RemoteStreamParts {
  readonly worker: number;
  readonly number: number;
  readonly label: string;
  readonly signal: AbortSignal | undefined;
  /** Calls a built-in function of the worker that holds the stream. */
  readonly call: (name: string, values: unknown[]) => Promise<unknown>;
}

/** What the caller of a remote generator iterates over. Values arrive in order; the generator is at most twice the window ahead. */
export class RemoteStream implements AsyncIterableIterator<unknown, void, undefined> {
  readonly #parts: RemoteStreamParts;
  #values: unknown[] = [];
  #at = 0;
  #pending: Promise<Batch> | undefined;
  #isDone = false;
  #failure: FailureRecord | undefined;
  #isAnswering = false;
  readonly #overlapping: (() => void)[] = [];
  readonly #onAbort = (): void => { this.return().catch(() => { /* whoever asks for the next value is told that it was cancelled */ }); };

  constructor(parts: RemoteStreamParts) {
    this.#parts = parts;
    parts.signal?.addEventListener('abort', this.#onAbort, { once: true });
    this.#pending = this.#fetch();
  }

  [Symbol.asyncIterator](): this { return this; }
  async [Symbol.asyncDispose](): Promise<void> { await this.return(); }

  /** The next value. Calls may overlap: they are answered in order. Rejects with what the generator threw, CAP_ERR_WORKER_LOST, CAP_ERR_CANCELLED. */
  async next(): Promise<IteratorResult<unknown, void>> {
    if (this.#isAnswering) await new Promise<void>((resolve) => { this.#overlapping.push(resolve); });
    this.#isAnswering = true;
    try {
      return await this.#next();
    } finally {
      const after = this.#overlapping.shift();
      this.#isAnswering = after !== undefined;
      after?.();
    }
  }

  async #next(): Promise<IteratorResult<unknown, void>> {
    const { signal, label } = this.#parts;
    for (;;) {
      if (signal?.aborted === true) throw new CapriccioError('CAP_ERR_CANCELLED', `the stream of ${label} was cancelled`, { cause: signal.reason });
      if (this.#at < this.#values.length) break;
      if (this.#failure !== undefined) {
        const failure = this.#failure;
        this.#failure = undefined;
        await rejectWithCaller(failure, `worker ${this.#parts.worker}`);
      }
      if (this.#isDone) return { done: true, value: undefined };
      await this.#take();
    }
    const value = this.#values[this.#at];
    this.#values[this.#at++] = undefined;
    return { done: false, value };
  }

  async #take(): Promise<void> {
    const pending = this.#pending ?? this.#fetch();
    this.#pending = undefined;
    try {
      const { values, done, failure } = await pending;
      this.#values = values;
      this.#at = 0;
      this.#isDone = done;
      this.#failure = failure;
    } catch (error) {
      this.#isDone = true;
      this.#parts.signal?.removeEventListener('abort', this.#onAbort);
      throw error;
    }
    if (this.#isDone) this.#parts.signal?.removeEventListener('abort', this.#onAbort);
    else this.#pending = this.#fetch();
  }

  #fetch(): Promise<Batch> {
    const batch = this.#parts.call('stream.next', [this.#parts.number]) as Promise<Batch>;
    batch.catch(() => { /* told to whoever asks for the next value */ });
    return batch;
  }

  /** Ends the generator: its `finally` blocks run on its worker. */
  async return(): Promise<IteratorResult<unknown, void>> {
    const isOpen = !this.#isDone;
    this.#isDone = true;
    this.#values = [];
    this.#at = 0;
    this.#parts.signal?.removeEventListener('abort', this.#onAbort);
    if (isOpen) await this.#parts.call('stream.return', [this.#parts.number]);
    return { done: true, value: undefined };
  }
}
