/**
 * One call of a remote function, from the caller's side: what settles it, and what it takes to try it again or to stop it. Also what a user holds
 * of a spawned one.
 */
import { CapriccioError, rebuildFailure, type FailureRecord, type Packed } from '@capriccio/shared';
import { expectCallers } from './compiled/traces.ts';
import type { CallTimes } from './call-times.ts';
import type { Caller } from './caller.ts';
import type { Carried } from './carried.ts';
import type { Deque } from './deque.ts';
import type { RootLane } from './lanes/lane-clock.ts';
import { endOf, type LocalThread, type Thread, type ThreadStatus } from './thread.ts';

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
  /** Name of its root, whose verdict says to which lane its calls go. */
  readonly rootName: string;
  /** What is known of that root here; undefined until somebody asks. */
  lane: RootLane | undefined;
  /** Slots of this isolate that hold calls of it. */
  slotsHeld: number;
  /** And slots that calls of it have given back, ever. */
  slotsReleased: number;
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
  /** Which lanes may take it; undefined and 'auto': by the verdict on its root. */
  lane?: 'auto' | 'front' | 'back' | undefined;
  /** Stores that follow it: carried.ts. */
  carried?: Carried | undefined;
  /** Cancelled, it may take its time: nobody replaces its worker, or ends the call before it. */
  isPatient?: boolean | undefined;
}

export type CallState = 'waiting' | 'published' | 'private' | 'running-here' | 'ended';

/** What most calls never need: apart, for a million calls may wait at a time. */
class Rare {
  attempts = 0;
  refusals = 0;
  kills = 0;
  values: unknown[] | undefined = undefined;
  ownsValues = false;
  keep: readonly SharedArrayBuffer[] | undefined = undefined;
  stoppedBy: CapriccioError | undefined = undefined;
  thread: LocalThread | undefined = undefined;
  unwatch: (() => void) | undefined = undefined;
  outlived: (() => void) | undefined = undefined;
  reject: ((error: unknown) => void) | undefined = undefined;
}

export class Call {
  readonly target: Target;
  readonly resolve: (value: unknown, failure?: FailureRecord) => void;
  options: CallOptions | undefined;
  state: CallState = 'waiting';
  slot = 0;
  /** Arguments that no later change can reach: until published, and for good when it may have to run again. */
  packed: Packed | undefined = undefined;
  #rare: Rare | undefined = undefined;

  constructor(target: Target, options: CallOptions | undefined, resolve: (value: unknown, failure?: FailureRecord) => void, reject?: (error: unknown) => void) {
    this.target = target;
    this.options = options;
    this.resolve = resolve;
    if (reject !== undefined) this.#needed().reject = reject;
  }

  /** Arguments that only a port can carry. */
  get values(): unknown[] | undefined { return this.#rare?.values; }
  set values(values: unknown[] | undefined) { if (values !== undefined || this.#rare !== undefined) this.#needed().values = values; }
  /** They are copies: nobody else can change them. */
  get ownsValues(): boolean { return this.#rare?.ownsValues ?? false; }
  set ownsValues(isSo: boolean) { this.#needed().ownsValues = isSo; }
  /** How often it has been begun again. */
  get attempts(): number { return this.#rare?.attempts ?? 0; }
  set attempts(count: number) { this.#needed().attempts = count; }
  /** How many workers have died that had taken it and not begun it. */
  get refusals(): number { return this.#rare?.refusals ?? 0; }
  set refusals(count: number) { this.#needed().refusals = count; }
  /** How many workers have died while its function had their processor. */
  get kills(): number { return this.#rare?.kills ?? 0; }
  set kills(count: number) { this.#needed().kills = count; }
  /** Shared buffers that the published bytes name. */
  set keep(buffers: readonly SharedArrayBuffer[]) { if (buffers.length > 0) this.#needed().keep = buffers; }
  /** Why it is being stopped; the call settles with it when it has stopped. */
  get stoppedBy(): CapriccioError | undefined { return this.#rare?.stoppedBy; }
  set stoppedBy(error: CapriccioError) { this.#needed().stoppedBy = error; }
  /** Thread that runs it, when that is here. */
  get thread(): LocalThread | undefined { return this.#rare?.thread; }
  set thread(thread: LocalThread) { this.#needed().thread = thread; }
  /** Undoes what watches it: signal, deadline, the spawning thread. */
  get unwatch(): (() => void) | undefined { return this.#rare?.unwatch; }
  set unwatch(undo: () => void) { this.#needed().unwatch = undo; }
  /** Called when it ends well although the thread that made it was cancelled. */
  get outlived(): (() => void) | undefined { return this.#rare?.outlived; }
  set outlived(tell: () => void) { this.#needed().outlived = tell; }
  #needed(): Rare { return this.#rare ??= new Rare(); }

  end(): void {
    this.state = 'ended';
    this.packed = undefined;
    if (this.#rare === undefined) return;
    const { unwatch } = this.#rare;
    this.#rare = undefined;
    unwatch?.();
  }

  /** Ends it with an error. A promise's own reject function would be one object more for every call that waits: it is resolved with a rejected promise instead. */
  fail(error: unknown): void {
    const reject = this.#rare?.reject;
    this.end();
    if (reject === undefined) this.resolve(Promise.reject(error));
    else reject(error);
  }

  /** Fails with what the task threw elsewhere. */
  failAs(record: FailureRecord, where: string): void {
    this.end();
    this.resolve(rejectWithCaller(record, where), record);
  }
}

/**
 * A promise that rejects with the rebuilt error, whose stack ends with the frames of whoever awaits it. An error made in an async function that is
 * awaited knows its callers (`at async …`): V8 walks the promises. That costs nothing until a call fails; taking a stack at each call would
 * cost more than the call. The awaits let the caller's promise adopt this one first.
 */
export async function rejectWithCaller(record: FailureRecord, where: string): Promise<never> {
  await undefined;
  await undefined;
  await undefined;
  const callers = callersOf(new Error('caller').stack ?? '');
  const error = rebuildFailure(record, { stack: callers, where });
  if (callers === '' && typeof error === 'object' && error !== null) expectCallers(error);   // a compiled thread awaits it: it adds them
  throw error;
}

/** The frames of a stack below its first, without those of Node's own loop. Tools that map sources may leave out the `async` of a frame. */
const callersOf = (stack: string): string => stack.split('\n').filter((line) => /^ {4}at /.test(line) && !line.includes('node:internal/')).slice(1).join('\n');

/** What the failure of a record is told apart by. */
export const codeOf = (record: FailureRecord): unknown => record.fields.find(({ key }) => key === 'code')?.value;

let lastId = 0;

/** What a user holds of a call that was spawned: a thread on some core. */
export class RemoteThread<T = unknown> implements Thread<T> {
  readonly id: number = --lastId;
  readonly name: string;
  readonly call: Call;
  /** Takes it from the thread that spawned it, whose cancellation then does not reach it. */
  leaveParent: (() => void) | undefined = undefined;
  readonly #caller: Caller;
  readonly #result = Promise.withResolvers<T>();
  #status: ThreadStatus = 'queued';
  #isObserved = false;

  constructor(caller: Caller, target: Target, options: CallOptions, times?: CallTimes) {
    this.name = target.label;
    this.#caller = caller;
    const settle = (value: unknown, failure?: FailureRecord): void => this.#settle(value, failure);
    const fail = (error: unknown): void => this.#fail(error);
    this.call = times === undefined ? new Call(target, options, settle, fail) : times.call(target, options, settle, fail);
  }

  #settle(value: unknown, failure: FailureRecord | undefined): void {
    this.#status = failure === undefined ? 'done' : codeOf(failure) === 'CAP_ERR_CANCELLED' ? 'cancelled' : 'failed';
    this.#result.resolve(value as T);
    if (failure !== undefined) this.#look();
  }
  #fail(error: unknown): void {
    this.#status = (error as { code?: unknown } | null)?.code === 'CAP_ERR_CANCELLED' ? 'cancelled' : 'failed';
    this.#result.reject(error);
    this.#look();
  }

  get status(): ThreadStatus { return this.call.state === 'ended' ? this.#status : this.#caller.statusOf(this.call); }
  /** @internal */
  get result(): Promise<T> { return this.#result.promise; }
  get isJoined(): boolean { return this.#isObserved; }
  join(): Promise<T> { this.#isObserved = true; return this.#result.promise; }
  cancel(reason?: unknown): void { this.#caller.cancel(this.call, reason); }
  detach(): void { this.#isObserved = true; this.leaveParent?.(); this.#result.promise.catch(ignore); }

  async [Symbol.asyncDispose](): Promise<void> {
    const isNews = !this.#isObserved;
    this.cancel();
    await endOf(this, isNews);
  }

  /** It has failed. Somebody who joined before is told by the promise, and is the only one to await it: so its stack leads to him. */
  #look(): void {
    if (this.#isObserved) return;
    this.#result.promise.catch((error: unknown) => { if (this.#status === 'failed') setImmediate(() => this.#report(error)); });
  }
  #report(error: unknown): void {
    if (this.#isObserved) return;
    process.emitWarning(`thread ${this.name} failed and nobody joined it: ${error instanceof Error ? error.stack ?? error.message : String(error)}`, { code: 'CAP_WARN_UNJOINED' });
  }
}

const ignore = (): void => { /* nobody joins */ };

/** The error of a call that was cancelled. */
export function cancelledError(target: Target, reason: unknown): CapriccioError {
  if (reason instanceof CapriccioError) return reason;
  return new CapriccioError('CAP_ERR_CANCELLED', `the call of ${target.label} was cancelled`, reason === undefined ? undefined : { cause: reason });
}
