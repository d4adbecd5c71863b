/**
 * Which thread is running, across every `await` of ordinary async functions: a store of AsyncLocalStorage whose value is a cell, and the cell
 * names the thread.
 *
 * Entering a new store costs about 400 ns, entering one that was captured before 17. So a task begins in a cell that is kept for the purpose.
 * If it ends at once, the cell is emptied and serves the next: whatever the task left behind (a timer, a promise) runs later, outside that
 * stretch, and finds the cell empty, which is right, for its thread has ended. If it blocks, the cell stays with its thread for good and a
 * new one is made; what earlier tasks left in that cell would then find itself in this thread, so functions that are declared async, or have
 * blocked before, begin in unused cells. Measured: docs/decisions/0004-cells.md.
 */
import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import type { LocalThread } from './thread.ts';

const store = new AsyncLocalStorage<Cell>({ name: 'capriccio.thread' });
/** Most main threads have no threads of ours: they need not look into the store at each call. */
let hasCells = false;

/** A place for the name of a thread, and the async context in which that place is the current one. */
export class Cell {
  thread: LocalThread | undefined = undefined;
  /** Makes the thread object of a task the first time somebody asks for it. */
  lazily: (() => LocalThread) | undefined = undefined;
  #resource: AsyncResource;

  /** Inherits the stores of the context in which it is made. */
  constructor() {
    hasCells = true;
    this.#resource = store.run(this, () => new AsyncResource('CAPRICCIO_THREAD'));
  }

  /**
   * Called inside `run`, before it ends: stores that were entered there and not left belong to the thread, and are there again in its next `run`.
   * @returns the context that is kept, to be compared and given to `switchTo`
   */
  keepContext(): AsyncResource {
    if (mayHaveChanged) {
      mayHaveChanged = isUnwatched;
      this.#resource = new AsyncResource('CAPRICCIO_THREAD');
    }
    return this.#resource;
  }

  /** The next `run` is in a context that was kept before. @returns whether it is another than the one that this `run` is in; always false where nobody watches */
  switchTo(context: AsyncResource): boolean {
    if (isUnwatched || (!mayHaveChanged && context === this.#resource)) return false;
    mayHaveChanged = false;
    this.#resource = context;
    return true;
  }

  /** Runs `fn` with this cell as the current one, on the stack of the caller. */
  run<A extends unknown[], R>(fn: (...args: A) => R, ...args: A): R { return this.#resource.runInAsyncScope(fn, undefined, ...args); }
}

/** Whether a store may have been entered for good (`enterWith`) since a thread began to run. Where nobody watches, always. */
let isUnwatched = true;
let mayHaveChanged = true;

/**
 * Notes when a store is entered for good, so that a thread's context is captured (30 ns) only then. For isolates that are ours: it wraps three
 * methods of AsyncLocalStorage.
 */
export function watchContext(): void {
  isUnwatched = mayHaveChanged = false;
  const prototype = AsyncLocalStorage.prototype as unknown as Record<string, ((...args: unknown[]) => unknown) | undefined>;
  for (const name of ['enterWith', 'withScope', 'disable']) {
    const original = prototype[name];
    if (original === undefined) continue;
    Object.defineProperty(prototype, name, {
      configurable: true, writable: true,
      value: { [name](this: unknown, ...args: unknown[]) { mayHaveChanged = true; return original.apply(this, args); } }[name],
    });
  }
}

/** The thread that runs, in whatever isolate and async context; undefined outside of any. About 14 ns. */
export function currentThread(): LocalThread | undefined {
  const cell = hasCells ? store.getStore() : undefined;
  if (cell === undefined) return undefined;
  if (cell.thread === undefined && cell.lazily !== undefined) {
    cell.thread = cell.lazily();
    cell.lazily = undefined;
  }
  return cell.thread;
}

/** There is a thread here, or can be, and it has no frames yet: compiled code may run as its frames. */
export function mayHoldFrames(): boolean {
  const cell = hasCells ? store.getStore() : undefined;
  return cell !== undefined && (cell.thread === undefined ? cell.lazily !== undefined : cell.thread.frame === undefined && !cell.thread.hasEnded);
}

/** Binds a callback to the async context of now, so that the scheduler's own turns never run in a thread's context. */
export const inThisContext = <A extends unknown[]>(callback: (...args: A) => void): ((...args: A) => void) => AsyncResource.bind(callback);
