/**
 * The user-level scheduler of one isolate: pick a root, run a batch of it, hand over what has ended, let microtasks and the event loop have
 * their turn, sleep when there is nothing. All control flow is here and no arithmetic (stride.ts), no queue (run-queues.ts), no shared
 * memory (the Outside that a worker gives it; a scheduler on a main thread has none).
 *
 * A turn is one callback of the event loop (`setImmediate`, not a MessagePort: a port drains a thousand messages before I/O is looked at) and
 * lasts at most a slice. Inside a turn the loop goes on as a microtask after each batch that started or woke native async code, so that its
 * continuations run in between; the first batch is one too, so that what all of them leave to the next tick (writes of answers) comes after the last.
 *
 * Next: idle.ts for how it sleeps, executor.ts for tasks from other cores.
 */
import { endByError, isGenerator, isThenable, runFrames } from './frame.ts';
import { Cell, currentThread, inThisContext } from './context.ts';
import { Roots, type Root } from './run-queues.ts';
import { LocalThread } from './thread.ts';
import { TimerWheel } from './timers.ts';
import { sharedNow } from './clock.ts';

/** What a worker's scheduler has besides its own threads: work that other cores have published, and their answers. */
export interface Outside {
  /** Start of a turn: takes mail, answers deaths and requests. */
  beginTurn(nowMs: number): void;
  /** Looks for published work and activates the roots it is of. */
  look(): void;
  /** There is nothing left to run, and nothing of this isolate is about to go on: waits a few microseconds for more. @returns true when it came */
  linger(): boolean;
  /** A batch of a root begins. */
  runs(root: Root): void;
  /** Begins up to `max` published tasks of a root. @returns how many began */
  begin(root: Root, max: number): number;
  /** After each batch: results leave, and surplus is shown to who is idle. */
  afterBatch(): void;
  /** End of a turn. `didWork`: it has run something; `hasMore`: there is more, so another turn follows at once. */
  endTurn(nowMs: number, didWork: boolean, hasMore: boolean): void;
  /** A thread has ended, outside of a turn perhaps. */
  ended(): void;
  /** There is nothing to do. Must see to it that `arm` is called when there is. `didWork`: the turn had some, and the event loop has not had its own since. */
  idle(didWork: boolean): void;
}

export interface SchedulerOptions {
  /** Longest turn before the event loop has its own, ms. */
  sliceMs?: number;
  /** Whether sleeping threads keep the process alive. */
  timersRef?: boolean;
  /** Called after a batch of a root that took far too long, with the mean of its segments, ms. */
  onOverrun?: (root: Root, ms: number) => void;
}

/** Threads resumed, or entries begun, before the clock is read and roots are compared again. */
const BATCH_MAX = 8;
const HINT_BATCH_MAX = 16;
/** Batches are sized to take about this long. */
const BATCH_US = 100;
/** A segment that is longer is reported, ms: a hundred slices. */
const OVERRUN_MS = 100;
/** Nodes of the waits that are not a program's own: more come with the compiler. */
const NODE_START = 0;
export const NODE_YIELD = 1;
const NODE_WAIT = 2;

export class Scheduler {
  readonly roots: Roots = new Roots();
  readonly timers: TimerWheel;
  readonly #sliceMs: number;
  readonly #turn = inThisContext(() => { if (this.#beginTurn()) queueMicrotask(this.#goOn); });
  readonly #nestedTurn = inThisContext(() => { if (this.#beginTurn()) this.#run(); });
  readonly #goOn = (): void => this.#run();
  readonly #onOverrun: ((root: Root, ms: number) => void) | undefined;
  #outside: Outside | undefined;
  #armed = false;
  #inTurn = false;
  #hop = false;
  #didWork = false;
  #sliceEnd = 0;
  #clock = 0;
  /** Threads that have started and not ended. */
  live = 0;
  /** Work begun since the start, threads and tasks. */
  begun = 0;

  constructor(options: SchedulerOptions = {}) {
    this.#sliceMs = options.sliceMs ?? 1;
    this.#onOverrun = options.onOverrun;
    this.timers = new TimerWheel(() => this.arm(), options.timersRef ?? true);
  }

  /** A worker connects its shared memory before the first turn. */
  connect(outside: Outside): void { this.#outside = outside; }

  /** Makes sure that a turn will come. */
  arm(): void {
    if (this.#armed) return;
    this.#armed = true;
    setImmediate(this.#turn);
  }
  get isArmed(): boolean { return this.#armed; }

  /** Runs a turn on this stack: for an outside that has just been woken. */
  turnNow(): void {
    this.#armed = true;
    this.#nestedTurn();
  }

  // ---- the loop ----
  /** @returns false when the turn before is going on as a microtask */
  #beginTurn(): boolean {
    this.#armed = false;
    if (this.#inTurn) return false;
    this.#inTurn = true;
    this.#didWork = false;
    this.#clock = sharedNow();
    this.#sliceEnd = this.#clock + this.#sliceMs;
    this.timers.advance();
    this.#outside?.beginTurn(this.#clock);
    return true;
  }

  #run(): void {
    let mayLinger = false;                                             // not when continuations of native code are due
    for (;;) {
      let root = this.roots.pick();
      if (root === undefined) {
        this.#outside?.look();
        root = this.roots.pick();
        if (root === undefined && mayLinger && this.#outside?.linger() === true) {
          this.#clock = sharedNow();
          this.#outside.beginTurn(this.#clock);
          mayLinger = false;                                           // what came may need the event loop: a module to load, a message
          continue;
        }
        if (root === undefined) { this.#endTurn(false); return; }
      }
      const count = this.#runBatch(root);
      this.#outside?.afterBatch();
      const now = sharedNow();
      this.#charge(root, now - this.#clock, count);
      this.#clock = now;
      if (now >= this.#sliceEnd) { this.#endTurn(true); return; }
      if (this.#hop) {
        this.#hop = false;
        queueMicrotask(this.#goOn);
        return;
      }
      mayLinger = count > 0;
    }
  }

  #endTurn(hasMore: boolean): void {
    this.#inTurn = false;
    this.#hop = false;
    this.#outside?.endTurn(this.#clock, this.#didWork, hasMore || this.#armed);
    if (hasMore) this.arm();
    else if (!this.#armed) this.#outside?.idle(this.#didWork);
  }

  #charge(root: Root, usedMs: number, count: number): void {
    this.roots.charge(root, usedMs);
    if (usedMs > OVERRUN_MS && count > 0 && usedMs / count > OVERRUN_MS) this.#onOverrun?.(root, usedMs / count);
    if (count > 0) root.costUs += (usedMs * 1000 / count - root.costUs) / 8;
  }

  /** Runs a few pieces of one root: what has begun before what has not. @returns how many */
  #runBatch(root: Root): number {
    this.#didWork = true;
    this.#outside?.runs(root);
    const max = Math.max(1, Math.min(BATCH_MAX, Math.floor(BATCH_US / root.costUs)));
    let count = 0;
    if (root.runnable > 0 && !root.mustStart()) {
      for (; count < max; count++) {
        const thread = root.shift();
        if (thread === undefined) break;
        if (thread instanceof LocalThread) this.#resume(thread);
        else { thread.goOn(); this.hop(); }
      }
      return count;
    }
    if (root.children.length > 0) {
      for (; count < max && !this.#hop; count++) {
        const entry = root.children.pop();
        if (entry === undefined) break;
        this.begun++;
        entry.begin();
      }
      return count;
    }
    if (root.entries.length > 0) {
      for (; count < max; count++) {
        const entry = root.entries.shift();
        if (entry === undefined) break;
        this.begun++;
        entry.begin();
      }
      return count;
    }
    count = this.#outside?.begin(root, Math.max(1, Math.min(HINT_BATCH_MAX, Math.floor(BATCH_US / root.costUs)))) ?? 0;
    this.begun += count;
    return count;
  }

  /** Native async code has been started or woken: its continuations are microtasks, let them run before the next batch. */
  hop(): void { this.#hop = true; }

  // ---- threads ----

  /** A thread may go on: it runs in its turn. */
  ready(thread: LocalThread, node: number = NODE_WAIT): void {
    thread.status = 'ready';
    thread.root.push(thread, node);
    this.roots.activate(thread.root);
    this.arm();
  }

  /** The rest of a wait of ordinary async code goes on in its root's turn. */
  enqueue(root: Root, node: number, goOn: () => void): void {
    root.push({ goOn }, node);
    this.roots.activate(root);
    this.arm();
  }

  /** A new thread of this isolate. It begins in its turn, in the async context of its spawner, and is cancelled with it. */
  spawn<A extends unknown[], T>(fn: (...args: A) => T, args: A, root: Root): LocalThread<Awaited<T>> {
    const parent = currentThread();
    const thread = new LocalThread<Awaited<T>>(this, root, fn.name === '' ? 'anonymous' : fn.name);
    thread.cell = new Cell();
    thread.resumeWith = { fn: fn as unknown as Start['fn'], args } satisfies Start;
    if (parent !== undefined) {
      thread.parent = parent;
      parent.addChild(thread);
    }
    root.push(thread as LocalThread, NODE_START);
    this.roots.activate(root);
    this.arm();
    return thread;
  }

  #resume(thread: LocalThread): void {
    if (thread.hasEnded) return;                                       // cancelled before it began
    const cell = thread.cell as Cell;
    if (thread.status === 'queued') { this.#begin(thread, cell); return; }
    thread.status = 'running';
    this.#afterFrames(thread, cell.run(runFrames, thread));
  }

  #begin(thread: LocalThread, cell: Cell): void {
    const { fn, args } = thread.resumeWith as Start;
    thread.resumeWith = undefined;
    thread.status = 'running';
    cell.thread = thread;
    this.live++;
    this.begun++;
    let result: unknown;
    try {
      result = cell.run(fn, ...args);
    } catch (error) {
      endByError(thread, error);
      this.live--;
      return;
    }
    if (isGenerator(result)) {
      thread.frame = { generator: result, parent: undefined };
      this.#afterFrames(thread, cell.run(runFrames, thread));
    } else this.follow(thread, result);
  }

  #afterFrames(thread: LocalThread, outcome: ReturnType<typeof runFrames>): void {
    if (outcome === 'yielded') this.ready(thread, NODE_YIELD);
    else if (outcome === 'blocked') { if (thread.status === 'running') thread.status = 'blocked'; this.hop(); }
    else { this.live--; this.hop(); }
  }

  /** A started thread that runs natively: its result, or its promise, ends it. */
  follow(thread: LocalThread, result: unknown): void {
    if (!isThenable(result)) { thread.end('done', result, undefined); this.live--; this.hop(); return; }
    thread.status = 'blocked';
    this.hop();
    Promise.resolve(result).then(                                      // a foreign thenable may throw, or answer twice
      (value) => { thread.end('done', value, undefined); this.hasEnded(); },
      (error: unknown) => { endByError(thread, error); this.hasEnded(); },
    );
  }

  /** A started thread has ended, outside of a turn perhaps. */
  hasEnded(): void {
    this.live--;
    this.#outside?.ended();
  }
}

interface Start { readonly fn: (...args: unknown[]) => unknown; readonly args: unknown[] }
