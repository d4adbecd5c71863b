/**
 * Which thread is running, across every `await` of ordinary async functions: a store of AsyncLocalStorage whose value is a context frame, and the
 * frame names the thread.
 *
 * Node keeps one object as the async context of whatever runs (AsyncContextFrame, a map of stores to values), and V8 hands it on over every await.
 * Entering a store copies that map: 160 to 500 ns and some 300 bytes. Nobody asks more of the object than `has`, `get` and to be iterated over, so
 * a thread *is* its context frame: it answers for our store itself and passes the rest on to the frame of its spawner. Entering it is one
 * assignment (1 ns), whatever stores there are, and takes no memory of its own. The setter is found through a public AsyncResource and is tried
 * out when this module is loaded; where it is not to be had (--no-async-context-frame) each frame keeps an AsyncResource that was made in its context.
 *
 * A task of a remote function begins in a Cell, which names its thread only once it has one: most tasks end at once and never make the object.
 * Rejected: one frame for all threads, whose name the scheduler changes at each switch: what a thread left behind would find itself in another.
 * Measured: docs/decisions/0004-cells.md, docs/decisions/0015-a-thread-is-its-context.md.
 */
import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import type { LocalThread } from './thread.ts';

/** What Node asks of an async context. */
interface Stores extends Iterable<[unknown, unknown]> {
  has(store: unknown): boolean;
  get(store: unknown): unknown;
  disable(store: unknown): void;
}

const store = new AsyncLocalStorage<ContextFrame>({ name: 'capriccio.thread' });
/** Most main threads have no threads of ours: they need not look into the store at each call. */
let hasFrames = false;

/** An async context that names a thread, and has all other stores of the context in which it was made. */
export abstract class ContextFrame implements Stores {
  /** The context in which it was made: its stores, or an AsyncResource made in this frame. */
  abstract readonly context: unknown;
  /** The thread that runs in it, if it has not ended. */
  abstract owner(): LocalThread | undefined;

  has(key: unknown): boolean { return key === store || ((this.context as Stores | undefined)?.has(key) ?? false); }
  get(key: unknown): unknown { return key === store ? this : (this.context as Stores | undefined)?.get(key); }
  disable(key: unknown): void { (this.context as Stores | undefined)?.disable(key); }
  * [Symbol.iterator](): IterableIterator<[unknown, unknown]> {
    for (const entry of (this.context as Stores | undefined) ?? []) if (entry[0] !== store) yield entry;
    yield [store, this];
  }
}

interface Switch {
  current(): unknown;
  set(frame: unknown): void;
  exchange(frame: unknown): unknown;
}

/** A frame of our own, to try the switch on. */
class Probe extends ContextFrame {
  readonly context: unknown;
  constructor(context: unknown) { super(); this.context = context; }
  owner(): undefined { return undefined; }
}

/** Node's own switch of async contexts, if it is there and does with our frames what it does with its own. Throws nothing. */
function findSwitch(): Switch | undefined {
  try {
    const other = new AsyncLocalStorage<number>();
    const resource = other.run(1, () => new AsyncResource('CAPRICCIO_PROBE')) as unknown as Record<symbol, { constructor: Switch } | undefined>;
    const symbol = Object.getOwnPropertySymbols(resource).find(({ description }) => description === 'context_frame');
    const own = symbol === undefined ? undefined : resource[symbol];
    const found = own?.constructor;
    if (typeof found?.current !== 'function' || typeof found.set !== 'function' || typeof found.exchange !== 'function') return undefined;
    const probe = new Probe(own);
    const before = found.exchange(probe);
    let does: boolean;
    try {
      const sees = (one: number): boolean => store.getStore() === probe && other.getStore() === one;
      does = found.current() === probe && sees(1) && other.run(2, () => sees(2)) && AsyncLocalStorage.snapshot()(() => sees(1));
    } finally {
      found.set(before);
    }
    return does && found.current() === before && store.getStore() === undefined ? found : undefined;
  } catch {
    return undefined;
  }
}
const native = findSwitch();

/** Whether a store may have been entered for good (`enterWith`) since a thread began to run. Where nobody watches, always. */
let isUnwatched = true;
let mayHaveChanged = true;

/** The context of now, for a new frame. */
export function contextFor(frame: ContextFrame): unknown {
  hasFrames = true;
  return native === undefined ? store.run(frame, () => new AsyncResource('CAPRICCIO_THREAD')) : contextOfNow();
}
/** What a frame that is made now inherits: not the frame that it is made in, for then each would keep all its ancestors. Only where contexts are shared. */
export function contextOfNow(): unknown {
  hasFrames = true;
  const now = (native as Switch).current();
  return now instanceof ContextFrame ? now.context : now;
}
/** One context may serve all frames that are made in it. */
export const isContextShared: boolean = native !== undefined;

/** Enters a context, where contexts are shared. @returns what to enter afterwards */
export const enterContext = (entered: unknown): unknown => (native as Switch).exchange(entered);
/** Enters it again. */
export const leaveContext = (before: unknown): void => { (native as Switch).set(before); };

/** Runs `fn` in a context that `keptContext` gave, or in a frame; on the stack of the caller. */
export function runIn<A, R>(entered: unknown, fn: (argument: A) => R, argument: A): R {
  if (native === undefined) return ((entered as ContextFrame).context as AsyncResource).runInAsyncScope(fn, undefined, argument);
  const before = native.exchange(entered);
  try {
    return fn(argument);
  } finally {
    native.set(before);
  }
}

/**
 * Called inside `runIn`, before it ends: stores that were entered there and not left belong to the thread, and are there again in its next run.
 * @returns what to enter then
 */
export function keptContext(entered: unknown): unknown {
  if (native !== undefined) return native.current();
  if (mayHaveChanged) {
    mayHaveChanged = isUnwatched;
    (entered as { context: unknown }).context = new AsyncResource('CAPRICCIO_THREAD');
  }
  return entered;
}

/** Makes the thread object of a task when somebody asks for it, from what was given to the cell with it. */
export interface ThreadMaker<W> { makeThread(work: W, cell: Cell): LocalThread }

/** Whoever asked for a task, from outside of the pool. */
export interface Asker { readonly isSlow: boolean }

/** A place for the name of a thread, for what may end before it needs one. */
export class Cell extends ContextFrame {
  thread: LocalThread | undefined = undefined;
  #maker: ThreadMaker<unknown> | undefined = undefined;
  #work: unknown = undefined;
  /** While it is slow, what the thread awaits may be it: a client that is slow to send or to read is no service that needs a window. */
  asker: Asker | undefined = undefined;
  readonly context: unknown;

  /** Inherits the stores of the context in which it is made. */
  constructor() {
    super();
    this.context = contextFor(this);
  }

  /**
   * A task that runs in it from now on has a thread if somebody asks for one. No closure of each task: V8 keeps one that is put in a cell and never called,
   * with all that it holds, until its next full collection; requests left 2.7 KB each (test/unit/core/survivors.test.ts).
   */
  prepare<W>(maker: ThreadMaker<W>, work: W): void {
    this.#maker = maker as ThreadMaker<unknown>;
    this.#work = work;
  }
  /** Nobody has asked, or need ask any more. */
  settle(): void { this.#maker = this.#work = undefined; }
  /** It has a thread, or makes one when it is asked. */
  get isTaken(): boolean { return this.thread !== undefined || this.#maker !== undefined; }

  override owner(): LocalThread | undefined {
    if (this.thread === undefined && this.#maker !== undefined) {
      this.thread = this.#maker.makeThread(this.#work, this);
      this.settle();
    }
    return this.thread;
  }

  /** Runs `fn` with this cell as the current one, on the stack of the caller. */
  run<A extends unknown[], R>(fn: (...args: A) => R, ...args: A): R {
    if (native === undefined) return (this.context as AsyncResource).runInAsyncScope(fn, undefined, ...args);
    const before = native.exchange(this);
    try {
      return fn(...args);
    } finally {
      native.set(before);
    }
  }
}

/**
 * Notes when a store is entered for good, so that a thread's context is captured (30 ns) only then. For isolates that are ours, where contexts
 * cannot be compared: it wraps three methods of AsyncLocalStorage.
 */
export function watchContext(): void {
  if (native !== undefined) return;
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

/** The thread that runs, in whatever isolate and async context; undefined outside of any. About 3 ns. */
export function currentThread(): LocalThread | undefined {
  if (!hasFrames) return undefined;
  if (native !== undefined) {
    const frame = native.current();
    if (frame instanceof ContextFrame) return frame.owner();
  }
  return store.getStore()?.owner();
}

/** What runs now runs in this context; undefined where contexts cannot be compared. */
export const contextNow = (): unknown => native?.current();
/** From here to the end of the present run: the context that `contextNow` gave before. */
export function restoreContext(context: unknown): void {
  if (native !== undefined && native.current() !== context) native.set(context);
}

/** There is a thread here, or can be, and it has no frames yet: compiled code may run as its frames. */
export function mayHoldFrames(): boolean {
  const frame = hasFrames ? store.getStore() : undefined;
  if (frame === undefined || (frame instanceof Cell && !frame.isTaken)) return false;
  const thread = frame instanceof Cell ? frame.thread : frame.owner();
  return thread === undefined ? frame instanceof Cell : thread.frame === undefined && !thread.hasEnded;
}

/** Binds a callback to the async context of now, so that the scheduler's own turns never run in a thread's context. */
export const inThisContext = <A extends unknown[]>(callback: (...args: A) => void): ((...args: A) => void) => AsyncResource.bind(callback);
