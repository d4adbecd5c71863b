/**
 * Remote generators. The worker that runs one keeps it under a number and runs it at most WINDOW values ahead; its caller fetches what is
 * there with ordinary calls placed on that worker (`stream.next`), and stops it with `stream.return`. So values, errors, deaths and back-pressure
 * are those of calls, and nothing of this needs shared memory of its own.
 */
import { CapriccioError, describeFailure, type FailureRecord } from '@capriccio/shared';
import { rejectWithCaller } from './call.ts';
import { Cell, currentThread } from './context.ts';
import { isThenable } from './frame.ts';
import type { AnyFunction, FunctionRecord } from './functions.ts';
import type { Scheduler } from './scheduler.ts';
import { LocalThread } from './thread.ts';

/** Values that a generator may be ahead of its caller, on its own side. */
const WINDOW = 16;

interface Batch { readonly values: unknown[]; readonly done: boolean; readonly failure?: FailureRecord }

export interface StreamOptions {
  /** A value as another isolate gets it: what is yielded is what the caller reads, whatever the generator does with it next. Throws CAP_ERR_NOT_CLONEABLE. */
  readonly copyOf?: (value: unknown) => unknown;
  /** How long a generator that is told to end may take before who told it goes on without it, ms. */
  readonly closeMs?: number;
  /** Of the worker, never given again: its streams have numbers that no other worker's have, for one may get the number of one that has died. */
  readonly serial?: number;
}
/** Streams that a worker opens before its numbers are those of another. */
const NUMBERS_PER_WORKER = 2 ** 16;

/** One generator on the worker that runs it. */
class LocalStream {
  readonly owner: number;
  readonly #options: Required<StreamOptions>;
  readonly #generator: AsyncGenerator | Generator;
  readonly #thread: LocalThread;
  readonly #cell: Cell;
  #values: unknown[] = [];
  #isDone = false;
  #failure: FailureRecord | undefined;
  #isPumping = false;
  /** Its generator runs or waits: not while the pump gives way between two values. */
  #isBusy = false;
  #wake: (() => void) | undefined;

  constructor(options: Required<StreamOptions>, generator: AsyncGenerator | Generator, owner: number, thread: LocalThread, cell: Cell) {
    this.#options = options;
    this.#generator = generator;
    this.owner = owner;
    this.#thread = thread;
    this.#cell = cell;
  }

  /** What is there; waits for the first. */
  async next(): Promise<Batch> {
    void this.#pump();
    while (this.#values.length === 0 && !this.#isDone) await this.#untilNotified();
    const values = this.#values;
    this.#values = [];
    if (!this.#isDone) void this.#pump();
    const isLast = this.#isDone;
    return this.#failure === undefined ? { values, done: isLast } : { values, done: isLast, failure: this.#failure };
  }

  /** A wait of the thread that runs `stream.next`: it ends when its caller is cancelled. */
  #untilNotified(): Promise<void> {
    const begin = (resolve: () => void): (() => void) => {
      this.#wake = resolve;
      return () => { if (this.#wake === resolve) this.#wake = undefined; };
    };
    return currentThread()?.wait<void>(begin) ?? new Promise<void>((resolve) => { begin(resolve); });
  }

  async #pump(): Promise<void> {
    if (this.#isPumping || this.#isDone) return;
    this.#isPumping = true;
    try {
      while (this.#values.length < WINDOW && !this.#isDone) {
        this.#isBusy = true;
        const step = await this.#cell.run(() => this.#generator.next());
        if (step.done === true) this.#end(undefined);
        else if (!this.#isDone) await this.#push(isThenable(step.value) ? await step.value : step.value);
        this.#isBusy = false;
        if (this.#notify() && !this.#isDone) await nextTurn();            // what is waited for goes first: the next value may take long to compute
      }
    } catch (error) {
      this.#end(describeFailure(error));
      this.#notify();
    } finally {
      this.#isPumping = this.#isBusy = false;
    }
  }

  /** A value that cannot be copied ends the stream as a throw at its `yield` would. */
  async #push(value: unknown): Promise<void> {
    try {
      this.#values.push(this.#options.copyOf(value));
    } catch (error) {
      this.#end(describeFailure(error), true);
      this.#notify();
      await this.#cell.run(() => this.#generator.return(undefined));
      this.#thread.end('done', undefined, undefined);
    }
  }

  #end(failure: FailureRecord | undefined, goesOn = false): void {
    if (!this.#isDone) this.#failure = failure;
    this.#isDone = true;
    if (!goesOn) this.#thread.end('done', undefined, undefined);
  }

  /** @returns whether somebody waited */
  #notify(): boolean {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
    return wake !== undefined;
  }

  /** Ends it: its `finally` blocks run. One that waits for what cannot be interrupted is not waited for. */
  async close(): Promise<void> {
    this.#isDone = true;
    this.#notify();
    if (this.#isBusy) {
      this.#thread.cancel();
      this.#thread.takeCancellation();                                   // what it waits for now ends; its clean-up may wait
    }
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, this.#options.closeMs);
    try {
      await Promise.race([this.#cell.run(() => this.#generator.return(undefined)), late]);
    } finally {
      clearTimeout(timer);
      this.#thread.end('done', undefined, undefined);
    }
  }
}

/** The streams that this worker holds. */
export class StreamTable {
  readonly #scheduler: Scheduler;
  readonly #options: Required<StreamOptions>;
  readonly #streams = new Map<number, LocalStream>();
  #last: number;

  constructor(scheduler: Scheduler, { copyOf = structuredClone, closeMs = 2000, serial = 0 }: StreamOptions = {}) {
    this.#scheduler = scheduler;
    this.#options = { copyOf, closeMs, serial };
    this.#last = serial % (2 ** 15) * NUMBERS_PER_WORKER;
  }

  /** Keeps a generator for its caller; it runs in the cell, which nobody else uses. @returns its number */
  open(generator: AsyncGenerator | Generator, owner: number, record: FunctionRecord, cell: Cell = new Cell()): number {
    const thread = new LocalThread(this.#scheduler, record.root, record.exportName);
    thread.block(this.#scheduler.now());
    thread.cell = cell;
    cell.thread = thread;
    this.#last = this.#last % (2 ** 31 - 1) + 1;
    this.#streams.set(this.#last, new LocalStream(this.#options, generator, owner, thread, cell));
    return this.#last;
  }

  /** The functions that a stream's caller calls. */
  readonly functions: Readonly<Record<string, AnyFunction>> = {
    'stream.next': async (number) => {
      const stream = this.#streams.get(number as number);
      if (stream === undefined) return { values: [], done: true } satisfies Batch;
      const batch = await stream.next();
      if (batch.done) this.#streams.delete(number as number);
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
  readonly call: (name: string, values: unknown[], signal?: AbortSignal) => Promise<unknown>;
}

/** Streams that nobody refers to any more, and that were not read to their end: their workers need not keep them. */
const forgotten = new FinalizationRegistry((parts: RemoteStreamParts) => { parts.call('stream.return', [parts.number]).catch(ignore); });

/** What the caller of a remote generator iterates over. Values arrive in order; the generator is at most three windows ahead: one being read, one fetched, one there. */
export class RemoteStream implements AsyncIterableIterator<unknown, void, undefined> {
  readonly #parts: RemoteStreamParts;
  #values: unknown[] = [];
  #at = 0;
  #pending: Promise<Batch> | undefined;
  #isDone = false;
  #failure: FailureRecord | undefined;
  /** Its worker holds it no more: it has died, or given everything. */
  #isGone = false;
  #isAnswering = false;
  readonly #overlapping: (() => void)[] = [];
  readonly #onAbort = (): void => { this.return().catch(ignore); };      // `next` tells of the abort, nobody asked for what clean-up throws

  constructor(parts: RemoteStreamParts) {
    this.#parts = parts;
    forgotten.register(this, parts, this);
    if (parts.signal?.aborted === true) { this.#onAbort(); return; }
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
    for (;;) {
      this.#throwIfAborted();
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

  #throwIfAborted(): void {
    const { signal, label } = this.#parts;
    if (signal?.aborted !== true || this.#isGone) return;
    if (signal.reason instanceof CapriccioError) throw signal.reason;
    throw new CapriccioError('CAP_ERR_CANCELLED', `the stream of ${label} was cancelled`, { cause: signal.reason });
  }

  async #take(): Promise<void> {
    const pending = this.#pending ?? this.#fetch();
    this.#pending = undefined;
    try {
      const { values, done, failure } = await pending;
      if (this.#isDone) return;                                          // ended meanwhile
      this.#values = values;
      this.#at = 0;
      this.#isDone = this.#isGone = done;
      this.#failure = failure;
    } catch (error) {
      this.#throwIfAborted();
      this.return().catch(ignore);                                       // who reads was cancelled: the generator is not left behind
      throw error;
    }
    if (this.#isDone) { forgotten.unregister(this); this.#parts.signal?.removeEventListener('abort', this.#onAbort); }
    else this.#pending = this.#fetch();
  }

  #fetch(): Promise<Batch> {
    const batch = this.#parts.call('stream.next', [this.#parts.number], this.#parts.signal) as Promise<Batch>;   // aborted, it ends as any call does, also where its worker computes and does not look
    batch.catch((error: unknown) => { if (isLost(error)) this.#isGone = true; });   // told to whoever asks for the next value
    return batch;
  }

  /** Ends the generator: its `finally` blocks run on its worker. */
  async return(): Promise<IteratorResult<unknown, void>> {
    const isOpen = !this.#isDone && !this.#isGone;
    forgotten.unregister(this);
    this.#isDone = true;
    this.#values = [];
    this.#at = 0;
    if (this.#parts.signal?.aborted !== true) this.#parts.signal?.removeEventListener('abort', this.#onAbort);
    if (isOpen) await this.#parts.call('stream.return', [this.#parts.number]).catch((error: unknown) => { if (!isLost(error)) throw error; });
    return { done: true, value: undefined };
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });
const isLost = (error: unknown): boolean => (error as { code?: unknown } | null)?.code === 'CAP_ERR_WORKER_LOST';
const ignore = (): void => { /* nobody waits for it */ };
