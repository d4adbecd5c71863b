/**
 * A variable of which each thread has its own: it follows the thread over every switch and await. Code outside of any thread has one, too.
 * Unlike an AsyncLocalStorage it is not inherited: a thread begins with the initial value.
 */
import { CapriccioError } from '@capriccio/shared';
import { currentThread, runIn } from '../context.ts';
import type { LocalThread } from '../thread.ts';

/** Rounds in which destructors may set new values, as in POSIX. */
const DESTRUCTOR_ITERATIONS = 4;

export interface ThreadLocalOptions<T> {
  /** Called with the value when a thread ends, however it does. What it throws is reported as a warning. */
  destructor?: (value: T) => void;
}

export class ThreadLocal<T> {
  readonly #initial: (() => T) | undefined;
  readonly #destructor: ((value: T) => void) | undefined;
  /** Of code outside of any thread. */
  readonly #outside = new Map<unknown, unknown>();

  /** @param initial  gives a thread its value the first time that it asks; without it, undefined. Throws CAP_ERR_OPTION for what is no function. */
  constructor(initial?: () => T, options?: ThreadLocalOptions<T>) {
    for (const [name, fn] of [['initial value', initial], ['destructor', options?.destructor]] as const) {
      if (fn !== undefined && typeof fn !== 'function') throw new CapriccioError('CAP_ERR_OPTION', `the ${name} of a ThreadLocal must be a function, not ${fn === null ? 'null' : typeof fn}`);
    }
    this.#initial = initial;
    this.#destructor = options?.destructor;
  }

  get(): T {
    const thread = currentThread()?.principal;
    const values = thread === undefined ? this.#outside : thread.locals;
    const value = values?.get(this);
    if (value !== undefined || values?.has(this) === true || this.#initial === undefined) return value as T;
    const made = this.#initial();
    this.set(made);
    return made;
  }

  set(value: T): void {
    const thread = currentThread()?.principal;
    if (thread === undefined) { this.#outside.set(this, value); return; }
    if (this.#destructor !== undefined && !watched.has(thread)) {
      watched.add(thread);
      thread.beforeEnd(() => runIn(thread.entered, destroyAll, thread));
    }
    thread.neededLocals().set(this, value);
  }

  /** Forgets this thread's value, without its destructor: the next `get` begins anew. */
  delete(): void { const thread = currentThread()?.principal; (thread === undefined ? this.#outside : thread.locals)?.delete(this); }

  /** @internal */
  destroy(value: T): void { this.#destructor?.(value); }
}

/** Threads whose values have destructors to be called. */
const watched = new WeakSet<LocalThread>();

function destroyAll(thread: LocalThread): void {
  const { locals } = thread;
  for (let round = 0; locals !== undefined && locals.size > 0 && round < DESTRUCTOR_ITERATIONS; round++) {
    for (const [key, value] of Array.from(locals)) {                     // what destructors set comes in the next round
      locals.delete(key);
      try {
        (key as ThreadLocal<unknown>).destroy(value);
      } catch (error) {
        process.emitWarning(`a destructor of thread ${thread.id} (${thread.name}) threw: ${error instanceof Error ? error.stack ?? error.message : String(error)}`, { code: 'CAP_WARN_DESTRUCTOR' });
      }
    }
  }
}
