/**
 * A user-level thread of this isolate: what its user holds (join, cancel, signal) and what the scheduler resumes. It runs in one of two forms:
 * a compiled async function, or a generator function, runs as frames that the scheduler itself resumes (compiled/threads.ts, frame.ts); any other
 * function runs natively, and if it is async its promise says when it ends.
 *
 * A million threads may be blocked at a time, so the object is small: what threads of one spawner have in common is in their Origin, what
 * few ever need in Extras. The thread is its own place in a wait queue (sync/waiting.ts), on the timer wheel and in the list of its spawner's
 * children, and it is its own async context (context.ts).
 *
 * Cancellation is cooperative and is delivered once: every wait of the thread on our primitives that is open at that moment rejects, frames
 * are resumed by a throw, and `signal` aborts for whatever took it. Waits that begin later, in `finally` blocks, work as ever, so that clean-up
 * can wait. What was started from the thread (children) is cancelled with it. What a wait was given before the cancellation came is not lost: the
 * thread gets it, and the cancellation at its next wait.
 */
import { getEventListeners } from 'node:events';
import { CapriccioError } from '@capriccio/shared';
import { around, circle, type Sibling } from './circle.ts';
import type { Cancellable, OpenCall } from './cancellable.ts';
import { noteCancellation } from './unhandled.ts';
import { ContextFrame, type Cell } from './context.ts';
import { lookForDeadlock } from './deadlock.ts';
import { PromiseWait, type Frame } from './frame.ts';
import { FrameStack } from './compiled/frames.ts';
import { numberOfPoint } from './compiled/points.ts';
import { Origin } from './origin.ts';
import type { Root } from './run-queues.ts';
import type { Scheduler } from './scheduler.ts';
import { setDirect, SUSPENDED } from './suspended.ts';
import { callingThread, giveUp, PromiseWaiter, WaitQueue, type Abandoned, type QueueOwner, type Waitable, type Waiter } from './sync/waiting.ts';
import type { Timer } from './timers.ts';

export type ThreadStatus = 'queued' | 'ready' | 'running' | 'blocked' | 'done' | 'failed' | 'cancelled';

/** What a user holds of a thread, wherever it runs. Not thenable: `await thread` gives the thread, `await thread.join()` its result. */
export interface Thread<T = unknown> extends AsyncDisposable {
  readonly id: number;
  readonly name: string;
  readonly status: ThreadStatus;
  /** The result. Rejects with what the thread threw; CAP_ERR_CANCELLED when it ended by cancellation. May be called many times. */
  join(): Promise<T>;
  /** Asks the thread to end. A thread that has not begun never begins. No effect on one that has ended. */
  cancel(reason?: unknown): void;
  /** Nobody will join: its failure is not reported, and its spawner's cancellation does not reach it. */
  detach(): void;
  /** `await using thread = spawn(…)`: at the end of the block it is cancelled, and has ended. Rejects with its failure if nobody has joined. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** `current()`: the thread itself, with a signal for waits that are not ours. */
export interface CurrentThread extends Thread {
  /** Set it to be found again in listings and warnings. */
  name: string;
  /** Aborts when the thread is cancelled: pass it to fetch, timers/promises, streams, events. */
  readonly signal: AbortSignal;
}

/** What a thread's function gives back to who joins it: a generator's return value, an async function's value. */
export type ThreadResult<T> = T extends Generator<unknown, infer R> ? R : Awaited<T>;

/** What most threads never need. */
class Extras {
  id = 0;
  name: string | undefined = undefined;
  reason: unknown = undefined;
  cancellation: CapriccioError | undefined = undefined;
  controller: AbortController | undefined = undefined;
  /** Newest of the open waits of ordinary code. */
  waits: PromiseWaiter | undefined = undefined;
  children: Sibling | undefined = undefined;
  /** Calls on other cores, which are cancelled with the thread. */
  calls: Set<Cancellable | OpenCall> | undefined = undefined;
  joined: PromiseWithResolvers<unknown> | undefined = undefined;
  joiners: WaitQueue | undefined = undefined;
  timer: Timer | undefined = undefined;
  cell: Cell | undefined = undefined;
  /** Calls, threads and scopes that will tell it of its cancellation, unless they end well all the same; below 0 when something else has told it. */
  tellers = 0;
  principal: LocalThread | undefined = undefined;
  scopeOwner: LocalThread | undefined = undefined;
  /** Context to run in, if it is not the thread itself. */
  entered: unknown = undefined;
  locals: Map<unknown, unknown> | undefined = undefined;
  atEnd: (() => void) | undefined = undefined;
  onEnd: (() => void) | undefined = undefined;
  slot = 0;
}

const STATUSES: readonly ThreadStatus[] = ['queued', 'ready', 'running', 'blocked', 'done', 'failed', 'cancelled'];
export const QUEUED = 0;
export const READY = 1;
export const RUNNING = 2;
export const BLOCKED = 3;
const DONE = 4;

// Bits of `flags`, after three for the state.
const STATE = 7;
const ASKED = 8;
const DELIVERED = 16;
const DETACHED = 32;
const BY_THROW = 64;
const HELD = 128;
const WOKEN = 256;
const TIMED = 512;
const JOINED = 1024;
/** It waits for what is outside (recorder.ts, outside.ts). */
export const OUTSIDE: number = 1 << 31;
/** From here up to that: when it blocked, seconds of its scheduler's clock, modulo twelve days. */
const SINCE_SHIFT = 11;
const SINCE_MAX = 0xF_FFFF;

let lastId = 0;

export class LocalThread<T = unknown> extends ContextFrame implements CurrentThread, Waiter, QueueOwner, Sibling {
  readonly origin: Origin;
  /** Processor time it has had while the scheduler ran it, whole microseconds: what its level follows from. */
  attainedUs = 0;
  /** For the recorder: the node that it passed last, 0 before the first, in eleven bits; above them when it was made, ms modulo seventeen minutes. */
  mark: number;
  /** @internal */ flags = 0;
  /** If it runs as frames: those of compiled code, or the innermost that is written by hand, the generator itself where it has no caller. */
  frame: Generator | Frame | FrameStack | undefined = undefined;
  /** Before it begins its arguments, then what it is resumed with, what it brings to a wait, or the promise that it waits for, and at last what it returned or threw. */
  value: unknown = undefined;
  waitingOn: Waitable | undefined = undefined;
  next: Waiter | undefined = undefined;
  previous: Waiter | undefined = undefined;
  sibling: Sibling;
  elder: Sibling;
  #extras: Extras | undefined = undefined;

  constructor(scheduler: Scheduler, root: Root, name: string, origin: Origin = new Origin(scheduler, root, name)) {
    super();
    this.origin = origin;
    this.mark = scheduler.bear(origin.root, this as LocalThread);
    const { parent } = origin;
    const head = this.sibling = parent === undefined ? scheduler.threads : parent.#needed().children ??= circle();
    const last = this.elder = head.elder;
    last.sibling = head.elder = this;
  }

  #needed(): Extras { return this.#extras ??= new Extras(); }
  get thread(): this { return this; }
  /** Given when it is first asked for: a million threads that nobody asks about need none. */
  get id(): number { return this.#needed().id ||= ++lastId; }
  get root(): Root { return this.origin.root; }
  get scheduler(): Scheduler { return this.origin.scheduler; }
  get name(): string { return this.#extras?.name ?? this.origin.name; }
  set name(name: string) { this.#needed().name = name; }
  /** Whose cancellation reaches it. */
  get parent(): LocalThread | undefined { return this.isDetached || this.origin.parent?.hasEnded === true ? undefined : this.origin.parent; }

  // ---- its async context ----

  get context(): unknown { return this.origin.context; }
  set context(context: unknown) { this.origin.context = context; }
  override owner(): this | undefined { return this.hasEnded ? undefined : this; }
  /** What it runs in. */
  get entered(): unknown { return this.#extras?.entered ?? this; }
  set entered(context: unknown) { if (context !== this || this.#extras !== undefined) this.#needed().entered = context; }
  /** The cell that it began in, if that was before it was a thread. */
  get cell(): Cell | undefined { return this.#extras?.cell; }
  set cell(cell: Cell) { this.#needed().cell = this.#needed().entered = cell; }

  // ---- its state ----

  get state(): number { return this.flags & STATE; }
  set state(state: number) { this.flags = this.flags & ~STATE | state; }
  get status(): ThreadStatus { return STATUSES[this.flags & STATE] as ThreadStatus; }
  set status(status: ThreadStatus) { this.state = STATUSES.indexOf(status); }
  get hasEnded(): boolean { return (this.flags & STATE) >= DONE; }
  get isDetached(): boolean { return (this.flags & DETACHED) !== 0; }
  get isAwaited(): boolean { return (this.flags & JOINED) !== 0; }
  get cancelRequested(): boolean { return (this.flags & ASKED) !== 0; }
  /** It is blocked, as frames are: what it waits for is in `waitingOn`, and since when is noted. */
  block(nowMs: number): void { this.flags = this.flags & (OUTSIDE | (1 << SINCE_SHIFT) - 1) & ~STATE | BLOCKED | (Math.floor(nowMs / 1000) & SINCE_MAX) << SINCE_SHIFT; }
  /** @internal It may be waiting for calls, threads or primitives of ours. */
  get hasOwnWaits(): boolean { return this.#extras !== undefined && (this.#extras.waits !== undefined || (this.#extras.calls?.size ?? 0) > 0 || this.#extras.children?.sibling !== this.#extras.children); }
  /** Seconds for which it has been blocked, at most twelve days. */
  blockedSeconds(nowMs: number): number { return (Math.floor(nowMs / 1000) - (this.flags >>> SINCE_SHIFT)) & SINCE_MAX; }
  /** Slot of the task that it runs, 0 if none. */
  get slot(): number { return this.#extras?.slot ?? 0; }
  set slot(slot: number) { this.#needed().slot = slot; }
  /** Called once, when the thread has ended. Whoever sets it tells of a failure. */
  get onEnd(): (() => void) | undefined { return this.#extras?.onEnd; }
  set onEnd(onEnd: (() => void) | undefined) { this.#needed().onEnd = onEnd; }
  /** Calls `fn`, which throws nothing, when the thread ends, before anybody is told: for what it keeps. */
  beforeEnd(fn: () => void): void {
    const before = this.#needed().atEnd;
    this.#needed().atEnd = before === undefined ? fn : () => { before(); fn(); };
  }
  /** Whose ThreadLocals and locks are its own too: it runs a part of that thread's work (the body of a scope). */
  get principal(): LocalThread { return this.#extras?.principal ?? this as LocalThread; }
  set principal(thread: LocalThread | undefined) { if (thread !== undefined) this.#needed().principal = thread; }
  /** Whose scope it belongs to, if it was started in one and that one has not ended. */
  get scopeOwner(): LocalThread | undefined { const owner = this.#extras?.scopeOwner; return owner?.hasEnded === true ? undefined : owner; }
  set scopeOwner(thread: LocalThread | undefined) { if (thread !== undefined) this.#needed().scopeOwner = thread; }
  /** Values of ThreadLocals. */
  get locals(): Map<unknown, unknown> | undefined { return this.#extras?.locals; }
  neededLocals(): Map<unknown, unknown> { return this.#needed().locals ??= new Map(); }

  // ---- join and detach ----

  join(): Promise<T> {
    this.flags |= JOINED;
    if (this.hasEnded) return this.state === DONE ? Promise.resolve(this.value as T) : Promise.reject(this.value);
    let caller: LocalThread | undefined;
    try {
      caller = callingThread();
    } catch (error) {
      return rejectedQuietly(error);
    }
    if (caller !== undefined) {
      const waiter = new PromiseWaiter(caller, undefined, this.scheduler);
      this.#joiners().push(waiter);
      if (this.onlyWait !== undefined || caller === this as unknown) lookForDeadlock(waiter);
      return waiter.promise as Promise<T>;
    }
    return (this.#needed().joined ??= Promise.withResolvers<unknown>()).promise as Promise<T>;
  }
  /** The direct form. */
  joinDirect(): T | typeof SUSPENDED {
    this.flags |= JOINED;
    if (this.hasEnded) return this.#ended();
    const caller = callingThread() as LocalThread;
    if (this.state === QUEUED && caller.root === this.root) {
      this.scheduler.runAhead(this as LocalThread);
      if (this.hasEnded) return this.#ended();
    }
    this.#joiners().push(caller);
    if (this.onlyWait !== undefined || caller === this as unknown) lookForDeadlock(caller);
    return SUSPENDED;
  }
  /** What it returned. Throws what it threw. */
  #ended(): T {
    if (this.state === DONE) return this.value as T;
    throw this.value;
  }
  #joiners(): WaitQueue { return this.#needed().joiners ??= new WaitQueue(this as LocalThread); }
  /** Of those who wait for it to end. */
  get what(): string { return `the end of thread ${this.id} (${this.name})`; }
  holders(): LocalThread[] { return [this as LocalThread]; }
  /** A child that is cancelled with who joins it will end soon, and tells him then: so its clean-up is over before his own begins. */
  abandoned(waiter: Waiter, queue: WaitQueue, error: unknown): Abandoned {
    if (!this.cancelRequested || this.isDetached || this.origin.parent !== waiter.thread || error !== waiter.thread?.cancellation()) return 'left';
    waiter.value = TELLS;
    waiter.thread?.expectTold();
    queue.push(waiter);
    return 'later';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const isNews = !this.isAwaited;
    this.cancel();
    await endOf(this, isNews);
  }

  detach(): void {
    this.flags |= DETACHED;
    this.#extras?.joined?.promise.catch(ignore);
    if (this.origin.parent === undefined || this.hasEnded) return;
    this.#leaveSiblings();
    this.#joinSiblings(this.scheduler.threads);
  }
  #leaveSiblings(): void {
    this.elder.sibling = this.sibling;
    this.sibling.elder = this.elder;
    this.sibling = this.elder = this;
  }
  #joinSiblings(head: Sibling): void {
    this.sibling = head;
    this.elder = head.elder;
    this.elder.sibling = head.elder = this;
  }

  // ---- cancellation ----

  get signal(): AbortSignal {
    const extras = this.#needed();
    if (extras.controller === undefined) {
      extras.controller = new AbortController();
      if (this.cancelRequested && (this.flags & HELD) === 0) extras.controller.abort(this.cancellation());
    }
    return extras.controller.signal;
  }

  cancel(reason?: unknown): void {
    if (this.hasEnded || this.cancelRequested) return;
    this.flags |= ASKED;
    if (reason !== undefined) this.#needed().reason = reason;
    if (this.state === QUEUED) { this.end('cancelled', undefined, this.cancellation()); return; }
    if ((this.flags & HELD) === 0) this.#deliver();
  }

  /** While held, a cancellation waits. Letting go delivers one that has come: not to waits that are over by then. */
  holdCancellation(isHeld: boolean): boolean {
    const was = (this.flags & HELD) !== 0;
    if (isHeld) this.flags |= HELD;
    else {
      this.flags &= ~HELD;
      if (was && this.cancelRequested) this.#deliver();
    }
    return was;
  }

  #deliver(): void {
    const extras = this.#extras;
    if (extras?.children !== undefined) for (const child of around(extras.children)) this.#cancelWith(child);
    const calls = extras?.calls;
    if (extras !== undefined) extras.calls = undefined;
    for (const call of calls ?? []) this.#cancelWith(call);
    const error = this.cancellation();
    for (let wait = extras?.waits; wait !== undefined;) {
      const { elder } = wait;
      this.#told(() => (wait as PromiseWaiter).cancelledBy(error));
      wait = elder;
    }
    const controller = extras?.controller;
    if (controller !== undefined) {
      this.#told(() => getEventListeners(controller.signal, 'abort').length > 0);   // what waits with our signal is told too
      controller.abort(error);
    }
    const isTold = this.frame instanceof FrameStack && (this.flags & DELIVERED) !== 0 && this.waitingOn instanceof PromiseWait;   // unmodified code, by what it awaits
    if (this.frame !== undefined && this.state === BLOCKED && !isTold) { // whatever the frame waits for, ours or not: it is resumed by a throw
      this.#told(() => giveUp(this, error));
    }
  }
  #cancelWith(child: Cancellable): void {
    if ('promise' in child && child.isAwaited) this.expectTold();        // what waits for it is told by it; a thread's joiners are waits
    else if (!(child instanceof LocalThread) && child.isAwaited) this.#told(always);
    child.cancel(this.#extras?.reason);
  }
  /** Has a wait end. It is told by that, if not by somebody who may yet end well. */
  #told(ends: () => boolean): void {
    const { tellers } = this.#needed();
    if (!ends()) return;
    this.flags |= DELIVERED;
    if (this.#needed().tellers === tellers) this.#needed().tellers = Number.NEGATIVE_INFINITY;
  }
  /** @internal What it waits for has been cancelled with it, and will tell it by its own end. */
  expectTold(): void {
    this.flags |= DELIVERED;
    this.#needed().tellers++;
  }
  /** @internal That has ended well all the same. When nobody is left to tell it, its next wait does. */
  wasNotTold(): void { if (--this.#needed().tellers === 0) this.flags &= ~DELIVERED; }

  /** The error that cancellation throws in the thread: always the same one. */
  cancellation(): CapriccioError {
    const extras = this.#needed();
    const { reason } = extras;
    return extras.cancellation ??= reason instanceof CapriccioError ? noteCancellation(reason)
      : new CapriccioError('CAP_ERR_CANCELLED', `thread ${this.id} (${this.name}) was cancelled`, reason === undefined ? undefined : { cause: reason });
  }

  /** True once: the caller delivers the cancellation by throwing it. */
  takeCancellation(): boolean {
    if ((this.flags & (ASKED | DELIVERED | HELD)) !== ASKED) return false;
    this.flags |= DELIVERED;
    return true;
  }

  addChild(child: Cancellable | OpenCall): void { (this.#needed().calls ??= new Set()).add(child); }
  removeChild(child: Cancellable): void { this.#extras?.calls?.delete(child); }
  /** It has made calls that have not ended. */
  get hasCalls(): boolean { return (this.#extras?.calls?.size ?? 0) > 0; }
  /** Slots of those that have one. */
  get callSlots(): number[] { return Array.from(this.#extras?.calls ?? [], (call) => ('slot' in call ? call.slot : 0)).filter((slot) => slot !== 0); }
  /** The call that its frames await, if it is one. */
  get awaitedCall(): OpenCall | undefined {
    if (!(this.waitingOn instanceof PromiseWait) || !this.hasCalls) return undefined;
    for (const call of this.#extras?.calls ?? []) if ('promise' in call && call.promise === this.value) return call;
    return undefined;
  }

  // ---- waiting ----

  /** @internal a wait of ordinary async code on behalf of this thread begins */
  openWait(wait: PromiseWaiter): void {
    wait.elder = this.#needed().waits;
    if (wait.elder !== undefined) wait.elder.younger = wait;
    this.#needed().waits = wait;
  }
  /** @internal */
  closeWait(wait: PromiseWaiter): void {
    const { elder, younger } = wait;
    if (elder !== undefined) elder.younger = younger;
    if (younger !== undefined) younger.elder = elder;
    else if (this.#extras?.waits === wait) this.#extras.waits = elder;
    wait.elder = wait.younger = undefined;
  }
  /** Waits of ordinary code that are open, newest first. */
  * openWaits(): IterableIterator<PromiseWaiter> { for (let wait = this.#extras?.waits; wait !== undefined; wait = wait.elder) yield wait; }

  /** The one wait that must end before it goes on, if there is just one and it has no time limit. */
  get onlyWait(): Waitable | undefined {
    const wait = this.#extras?.waits;
    if (wait !== undefined) return wait.elder === undefined && wait.timer === undefined ? wait.waitingOn : undefined;
    return (this.flags & (STATE | TIMED)) === BLOCKED ? this.waitingOn : undefined;
  }
  /** What it has started and not detached, oldest first. */
  * children(): IterableIterator<LocalThread> { const head = this.#extras?.children; if (head !== undefined) yield* around(head); }

  /**
   * A wait of ordinary async code on one of our primitives: settles when `begin`'s callbacks are called, rejects when the thread is cancelled.
   * @param begin  starts waiting and returns how to stop
   * @param what  what it waits for, for listings
   */
  wait<V>(begin: (resolve: (value: V) => void, reject: (error: unknown) => void) => () => void, what = 'something'): Promise<V> {
    if (this.takeCancellation()) return rejectedQuietly(this.cancellation());
    const waiter = new PromiseWaiter(this, undefined, this.scheduler);
    let stop: (() => void) | undefined;
    const waitable: Waitable = { what, holders: () => [], abandon: () => { waiter.waitingOn = undefined; stop?.(); return 'left'; } };
    waiter.waitingOn = waitable;
    const settle = (value: unknown, byThrow: boolean): void => {
      if (waiter.waitingOn !== waitable) return;
      waiter.waitingOn = undefined;
      waiter.wake(value, byThrow);
    };
    stop = begin((value) => settle(value, false), (error) => settle(error, true));
    return waiter.promise as Promise<V>;
  }

  /** A frame's wait is over: it is resumed by the scheduler, in its turn. */
  wake(value: unknown, byThrow: boolean, isHanded: boolean = false): void {
    if ((this.flags & TIMED) !== 0) this.untime();
    this.flags |= byThrow ? WOKEN | BY_THROW : WOKEN;
    this.value = value;
    this.waitingOn = undefined;
    this.scheduler.ready(this as LocalThread, this.frame instanceof FrameStack ? numberOfPoint(this.frame.point) : 0, isHanded);
  }
  /** Bounds the wait that begins. */
  setTimer(timer: Timer, ms: number): void {
    this.#needed().timer = timer;
    this.flags |= TIMED;
    this.scheduler.timers.set(timer, ms);
  }
  untime(): void {
    if ((this.flags & TIMED) === 0) return;
    this.flags &= ~TIMED;
    this.#extras?.timer?.cancel();
  }
  /** Due time on the timer wheel, while it sleeps. */
  get due(): number { return this.value as number; }
  set due(tick: number) { this.value = tick; }
  /** Its sleep is over. */
  fire(): void { this.wake(undefined, false); }

  /** @internal What the frame is resumed with is about to be read: whether it is thrown. A cancellation is delivered here, unless a wait has just been served. */
  beginResume(): boolean {
    const { flags } = this;
    this.flags = flags & ~(BY_THROW | WOKEN);
    if ((flags & WOKEN) === 0 && this.takeCancellation()) { this.value = this.cancellation(); return true; }
    return (flags & BY_THROW) !== 0;
  }
  /** @internal It gives up the processor with this in hand. @param isServed  no cancellation is delivered when it goes on: that waits for its next wait */
  keepResume(value: unknown, byThrow: boolean, isServed: boolean = false): void {
    this.value = value;
    this.flags |= (byThrow ? BY_THROW : 0) | (isServed ? WOKEN : 0);
  }

  // ---- its end ----

  /** The thread has ended. */
  end(status: 'done' | 'failed' | 'cancelled', value: T | undefined, error: unknown): void {
    if (this.hasEnded) return;
    this.scheduler.recorder?.ended(this as LocalThread);
    const extras = this.#extras;
    extras?.atEnd?.();
    this.state = status === 'done' ? DONE : status === 'failed' ? DONE + 1 : DONE + 2;
    this.value = status === 'done' ? value : error;
    this.frame = undefined;
    this.#leaveSiblings();
    if (extras === undefined) {
      if (status === 'failed' && !this.isDetached) setImmediate(() => this.#reportUnjoined());
      return;
    }
    this.#endExtras(extras);
  }

  #endExtras(extras: Extras): void {
    if (extras.cell !== undefined) extras.cell.thread = undefined;
    if (extras.children !== undefined) for (const child of around(extras.children)) { child.#leaveSiblings(); child.#joinSiblings(this.scheduler.threads); }
    extras.children = extras.calls = extras.waits = extras.locals = extras.entered = undefined;
    const isDone = this.state === DONE;
    if (extras.joined !== undefined) this.scheduler.hop();
    if (isDone) extras.joined?.resolve(this.value);
    else extras.joined?.reject(this.value);
    for (let joiner = extras.joiners?.shift(); joiner !== undefined; joiner = extras.joiners?.shift()) {
      if (isDone && joiner.value === TELLS) joiner.thread?.wasNotTold();
      joiner.wake(this.value, !isDone);
    }
    extras.onEnd?.();
    if (this.status === 'failed' && !this.isAwaited && extras.onEnd === undefined && !this.isDetached) setImmediate(() => this.#reportUnjoined());
  }

  /** What it returned or threw; meaningful when it has ended. */
  get outcome(): { value: T | undefined; error: unknown } { return this.state === DONE ? { value: this.value as T, error: undefined } : { value: undefined, error: this.value }; }

  #reportUnjoined(): void {
    if (this.isAwaited || this.isDetached) return;
    const error = this.value instanceof Error ? this.value.stack ?? this.value.message : String(this.value);
    const site = this.origin.site === undefined ? '' : `, spawned ${this.origin.site},`;
    process.emitWarning(`thread ${this.id} (${this.name})${site} failed and nobody joined it: ${error}`, { code: 'CAP_WARN_UNJOINED' });
  }
}

/** Waits for the end of a thread that has been told to end. Rejects with its failure, if that is news, and when it was not by the cancellation. */
export async function endOf(thread: Thread, isNews: boolean): Promise<void> {
  try {
    await thread.join();
  } catch (error) {
    if (isNews && thread.status !== 'cancelled') throw error;
  }
}

/** What a joiner brings that has been cancelled, and is told by the end of what it joins. */
const TELLS: unique symbol = Symbol('tells');
const always = (): boolean => true;
const ignore = (): void => { /* whoever does await it is told all the same */ };
/** A wait that is cancelled rejects also where nobody awaits it any more: that must not end the process. */
function rejectedQuietly(error: unknown): Promise<never> {
  const promise = Promise.reject(error);
  promise.catch(ignore);
  return promise;
}

setDirect(LocalThread.prototype.join, function joinDirect(this: LocalThread) { return this.joinDirect(); });
