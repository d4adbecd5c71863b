/**
 * Structured concurrency: a piece of work ends when all threads that were started for it have ended, and fails when one of them fails. A scope's body
 * is a thread of its own, so that it can be cancelled with its children while whoever called `scope` waits until the last `finally` block is
 * over. It does a part of the caller's work: the caller's ThreadLocals and locks are its own.
 * Source: Smith, Notes on structured concurrency, 2018 (Trio's nurseries); Java's StructuredTaskScope.
 */
import { CapriccioError } from '@capriccio/shared';
import { currentThread } from './context.ts';
import { currentScheduler } from './current.ts';
import { setDirect } from './suspended.ts';
import { byPromise, byThread, checkMs, promised, type Block } from './sync/block.ts';
import { callingThread, WaitQueue, type Abandoned, type QueueOwner, type Waiter } from './sync/waiting.ts';
import { Timer } from './timers.ts';
import type { LocalThread, Thread, ThreadResult } from './thread.ts';

export interface ScopeOptions {
  /** Time for all of it, milliseconds from 0 to 2^31 - 1; then what still runs is cancelled, and the scope rejects with CAP_ERR_DEADLINE. */
  deadlineMs?: number;
}

/** What the body of a scope gets. */
export interface Scope {
  /** Starts a thread that the scope waits for. Throws CAP_ERR_CLOSED when the scope has ended, CAP_ERR_OPTION for what is no function. */
  spawn<A extends unknown[], T>(fn: (...args: A) => T, ...args: A): Thread<ThreadResult<T>>;
  /** Cancels the body and all threads of the scope. */
  cancel(reason?: unknown): void;
}

class ThreadScope implements Scope, QueueOwner {
  readonly what: string;
  readonly #threads = new Set<LocalThread>();
  readonly #end = new WaitQueue(this);
  #owner: LocalThread | undefined;
  #body: LocalThread | undefined;
  #timer: Timer | undefined;
  /** Why it was cancelled. */
  #reason: unknown = undefined;
  #isCancelled = false;
  /** What threads threw, in order, but for their cancellations. */
  readonly #failures: unknown[] = [];
  /** Its caller has been cancelled, and is told by its end. */
  #tells = false;
  /** Somebody did not finish what he had to do, because of the cancellation. */
  #isCut = false;
  readonly #isShield: boolean;

  constructor(what: string, isShield: boolean) {
    this.what = what;
    this.#isShield = isShield;
  }

  /** Begins, and waits for the end. */
  run(block: Block, body: (scope: Scope) => unknown, deadlineMs: number | undefined): unknown {
    const caller = this.#isShield ? currentThread() : callingThread();
    this.#owner = caller;
    this.#body = this.#start(body as (...args: unknown[]) => unknown, [this]);
    this.#body.principal = caller?.principal;
    if (deadlineMs !== undefined) {
      this.#timer = new Timer(() => this.cancel(new CapriccioError('CAP_ERR_DEADLINE', `${this.what} did not end within ${deadlineMs} ms`)));
      currentScheduler().timers.set(this.#timer, deadlineMs);
    }
    return block(this.#end, caller, undefined, undefined);
  }

  spawn<A extends unknown[], T>(fn: (...args: A) => T, ...args: A): Thread<ThreadResult<T>> {
    if (typeof fn !== 'function') throw new CapriccioError('CAP_ERR_OPTION', `spawn takes a function, not ${fn === null ? 'null' : typeof fn}`);
    if (this.#threads.size === 0) throw new CapriccioError('CAP_ERR_CLOSED', `${this.what} has ended`);
    const thread = this.#start(fn as (...args: never[]) => unknown as (...args: unknown[]) => unknown, args);
    if (this.#isCancelled) thread.cancel(this.#reason);
    return thread as unknown as Thread<ThreadResult<T>>;
  }

  #start(fn: (...args: unknown[]) => unknown, args: unknown[]): LocalThread {
    const scheduler = currentScheduler();
    const thread = scheduler.spawn(fn, args, currentThread()?.root ?? scheduler.roots.named('spawn'), undefined) as LocalThread;
    thread.scopeOwner = this.#owner;
    this.#threads.add(thread);
    thread.onEnd = () => this.#ended(thread);
    return thread;
  }

  cancel(reason?: unknown): void {
    if (this.#isCancelled) return;
    this.#isCancelled = true;
    this.#reason = reason;
    for (const thread of Array.from(this.#threads)) thread.cancel(reason);   // those that have not begun end at once
  }

  #ended(thread: LocalThread): void {
    this.#threads.delete(thread);
    if (thread.status === 'failed') {
      this.#failures.push(thread.outcome.error);
      this.cancel();
    } else if (thread.status === 'cancelled' && this.#isCancelled) this.#isCut = true;
    else if (thread.status === 'cancelled' && thread === this.#body) this.#failures.push(thread.outcome.error);
    if (this.#threads.size > 0) return;
    this.#timer?.cancel();
    const waiter = this.#end.shift();
    if (waiter === undefined) return;
    if (this.#failures.length > 0) waiter.wake(this.#failure(), true);
    else if (this.#isCut) waiter.wake(this.#reason instanceof CapriccioError ? this.#reason : new CapriccioError('CAP_ERR_CANCELLED', `${this.what} was cancelled`, this.#reason === undefined ? undefined : { cause: this.#reason }), true);
    else {
      if (this.#tells) waiter.thread?.wasNotTold();
      waiter.wake(this.#body?.outcome.value, false);
    }
  }

  /** The first failure, with the others as its `others` where there are some. */
  #failure(): unknown {
    const [first, ...others] = this.#failures;
    if (others.length > 0 && typeof first === 'object' && first !== null && Object.isExtensible(first)) Object.defineProperty(first, 'others', { value: others, configurable: true, writable: true });
    return first;
  }

  /** @internal Its caller is cancelled, and waits for the end all the same. */
  abandoned(waiter: Waiter, queue: WaitQueue, error: unknown): Abandoned {
    queue.push(waiter);
    if (this.#isShield) return 'kept';
    waiter.thread?.expectTold();
    this.#tells = true;
    this.cancel(error);
    return 'later';
  }
  /** @internal */
  holders(): Iterable<LocalThread> { return this.#threads; }
}

function checkFunction(fn: unknown, name: string): void {
  if (typeof fn !== 'function') throw new CapriccioError('CAP_ERR_OPTION', `${name} takes a function, not ${fn === null ? 'null' : typeof fn}`);
}

function runScope(block: Block, body: (scope: Scope) => unknown, options: ScopeOptions | undefined): unknown {
  checkFunction(body, 'scope');
  if (options !== undefined && (typeof options !== 'object' || options === null)) throw new CapriccioError('CAP_ERR_OPTION', 'scope takes options as an object');
  if (options?.deadlineMs !== undefined) checkMs(options.deadlineMs, 'deadlineMs of scope');
  return new ThreadScope('a scope', false).run(block, body, options?.deadlineMs);
}
/**
 * Runs `body` and the threads that it starts by `scope.spawn`; resolves with the body's result when all have ended. The first that fails cancels
 * the rest, and the scope rejects with its error, once the last has ended; what others threw besides is in the array `others` of that error.
 * Rejects with CAP_ERR_DEADLINE, or when the calling thread is cancelled, which reaches all of them. The body is a thread: `current()` is another in it.
 *
 * ```ts
 * const both = await scope(async (s) => {
 *   const [a, b] = [s.spawn(load, 'a'), s.spawn(load, 'b')];
 *   return [await a.join(), await b.join()];
 * }, { deadlineMs: 500 });
 * ```
 */
export function scope<R>(body: (scope: Scope) => R, options?: ScopeOptions): Promise<ThreadResult<R>> { return promised(() => runScope(byPromise, body, options)); }
setDirect(scope as (body: (scope: Scope) => unknown, options?: ScopeOptions) => Promise<unknown>, (body, options) => runScope(byThread, body, options));

function runWithin(block: Block, ms: number, fn: () => unknown): unknown {
  checkMs(ms, 'the time of withDeadline');
  checkFunction(fn, 'withDeadline');
  return new ThreadScope(`what ${fn.name === '' ? 'a function' : fn.name} does`, false).run(block, () => fn(), ms);
}
/**
 * The result of `fn`, which is cancelled when it has not ended within `ms` milliseconds: every wait in it, the threads that it has started, its calls to
 * other cores, and whatever took its `current().signal`. Rejects with CAP_ERR_DEADLINE once its `finally` blocks are over. What no cancellation reaches, a
 * promise of Node's that was not given the signal in code that is not compiled, goes on: if it ends well its value is the result.
 */
export function withDeadline<R>(ms: number, fn: () => R): Promise<ThreadResult<R>> { return promised(() => runWithin(byPromise, ms, fn)); }
setDirect(withDeadline as (ms: number, fn: () => unknown) => Promise<unknown>, (ms, fn) => runWithin(byThread, ms, fn));

function runShielded(block: Block, fn: () => unknown): unknown {
  checkFunction(fn, 'shield');
  return new ThreadScope(`what ${fn.name === '' ? 'a function' : fn.name} does behind a shield`, true).run(block, () => fn(), undefined);
}
/** The result of `fn`, which no cancellation of the caller reaches: it runs to its end, and the caller is told at its next wait. */
export function shield<R>(fn: () => R): Promise<ThreadResult<R>> { return promised(() => runShielded(byPromise, fn)); }
setDirect(shield as (fn: () => unknown) => Promise<unknown>, (fn) => runShielded(byThread, fn));
