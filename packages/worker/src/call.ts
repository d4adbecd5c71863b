/**
 * One call of a remote function, from the caller's side: what settles it, and what it takes to try it again or to stop it. Also what a user holds
 * of a spawned one.
 */
import { CapriccioError, rebuildFailure, type FailureRecord, type Packed } from '@capriccio/shared';
import type { Caller } from './caller.ts';
import type { Deque } from './deque.ts';
import type { LocalThread, Thread, ThreadStatus } from './thread.ts';
import { currentThread } from './context.ts';

/** A remote function as its callers know it. */
export interface Target {
  /** Text under which it travels: functions.ts. */
  readonly name: string;
  /** For messages: `module.ts#export`. */
  readonly label: string;
  /** Whether its result is one value or a stream: known when the first call has been answered. */
  kind: 'unknown' | 'plain' | 'stream';
  /** Number in this isolate's table of names; -1 until it is first published. */
  number: number;
  /** Slots of this isolate that hold calls of it. */
  slotsHeld: number;
  /** Calls that wait for a slot or a block, in order of arrival. */
  readonly surplus: Deque<Call>;
}

/** Options of a call, checked by whoever takes them from a user. */
export interface CallOptions {
  signal?: AbortSignal | undefined;
  deadlineMs?: number | undefined;
  onDeadline?: 'admission' | 'cancel' | undefined;
  tickets?: number | undefined;
  transfer?: readonly unknown[] | undefined;
  affinity?: string | number | undefined;
  idempotent?: boolean | undefined;
  /** One worker and no other: calls into a stream. */
  on?: number | undefined;
  asThread?: boolean | undefined;
}

export type CallState = 'waiting' | 'published' | 'private' | 'running-here' | 'ended';

export class Call {
  readonly target: Target;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly options: CallOptions | undefined;
  state: CallState = 'waiting';
  slot = 0;
  /** Arguments that no later change can reach: until published, and for good when it may have to run again. */
  packed: Packed | undefined = undefined;
  /** Arguments that only a port can carry. */
  values: unknown[] | undefined = undefined;
  attempts = 0;
  /** Shared buffers that the published bytes name. */
  keep: readonly SharedArrayBuffer[] | undefined = undefined;
  /** Why it is being stopped; the call settles with it when it has stopped. */
  stoppedBy: CapriccioError | undefined = undefined;
  /** Thread that runs it, when that is here. */
  thread: LocalThread | undefined = undefined;
  /** Undoes what watches it: signal, deadline, the spawning thread. */
  unwatch: (() => void) | undefined = undefined;

  constructor(target: Target, options: CallOptions | undefined, resolve: (value: unknown) => void, reject: (error: unknown) => void) {
    this.target = target;
    this.options = options;
    this.resolve = resolve;
    this.reject = reject;
  }

  end(): void {
    this.state = 'ended';
    this.packed = this.values = this.keep = this.thread = undefined;
    if (this.unwatch !== undefined) { this.unwatch(); this.unwatch = undefined; }
  }

  /** Fails with what the task threw elsewhere. */
  failAs(record: FailureRecord, where: string): void {
    this.end();
    this.resolve(rejectWithCaller(record, where));
  }
}

/**
 * A promise that rejects with the rebuilt error, whose stack ends with the frames of whoever awaits it. An error made in an async function that is
 * awaited knows its callers (`at async …`): V8 walks the promises. That costs nothing until a call fails; taking a stack at each call would
 * cost more than the call. The awaits let the caller's promise adopt this one first.
 */
async function rejectWithCaller(record: FailureRecord, where: string): Promise<never> {
  await undefined;
  await undefined;
  await undefined;
  const here = new Error('caller');
  const frames = (here.stack ?? '').split('\n').filter((line) => line.trimStart().startsWith('at async '));
  throw rebuildFailure(record, { stack: frames.join('\n'), where });
}

let lastId = 0;

/** What a user holds of a call that was spawned: a thread on some core. */
export class RemoteThread<T = unknown> implements Thread<T> {
  readonly id: number = --lastId;
  readonly name: string;
  readonly #caller: Caller;
  readonly #call: Call;
  readonly #promise: Promise<T>;
  #status: ThreadStatus = 'queued';
  #isObserved = false;

  constructor(caller: Caller, call: Call, promise: Promise<T>) {
    this.name = call.target.label;
    this.#caller = caller;
    this.#call = call;
    this.#promise = promise;
    promise.then(
      () => { this.#status = 'done'; },
      (error: unknown) => {
        this.#status = (error as { code?: unknown } | null)?.code === 'CAP_ERR_CANCELLED' ? 'cancelled' : 'failed';
        if (!this.#isObserved && this.#status === 'failed') setImmediate(() => this.#report(error));
      },
    );
  }

  get status(): ThreadStatus { return this.#call.state === 'ended' ? this.#status : this.#caller.statusOf(this.#call); }
  join(): Promise<T> { this.#isObserved = true; return this.#promise; }
  cancel(reason?: unknown): void { this.#caller.cancel(this.#call, reason); }
  detach(): void { this.#isObserved = true; currentThread()?.removeChild(this); }

  #report(error: unknown): void {
    if (this.#isObserved) return;
    process.emitWarning(`thread ${this.name} failed and nobody joined it: ${error instanceof Error ? error.stack ?? error.message : String(error)}`, { code: 'CAP_WARN_UNJOINED' });
  }
}

/** The error of a call that was cancelled. */
export function cancelledError(target: Target, reason: unknown): CapriccioError {
  if (reason instanceof CapriccioError) return reason;
  return new CapriccioError('CAP_ERR_CANCELLED', `the call of ${target.label} was cancelled`, reason === undefined ? undefined : { cause: reason });
}
