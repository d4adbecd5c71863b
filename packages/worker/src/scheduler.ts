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
import { FrameStack, nodeOf } from './compiled/frames.ts';
import { beginTwin, resumeCompiled, type CompiledOutcome, type ThreadFrames } from './compiled/threads.ts';
import { aside, machine } from './compiled/machine.ts';
import { NODE_WAIT } from './compiled/points.ts';
import { twinOf } from './compiled/twins.ts';
import { endByError, isGenerator, isThenable, runFrames } from './frame.ts';
import { contextFor, contextOfNow, currentThread, enterContext, inThisContext, isContextShared, leaveContext, runIn } from './context.ts';
import type { DeadlockReport } from './deadlock.ts';
import type { SchedulingRules } from './levels.ts';
import type { Owner } from './lanes/callback-starts.ts';
import type { LaneClock, RootLane } from './lanes/lane-clock.ts';
import type { Recorder } from './recorder.ts';
import { Roots } from './roots.ts';
import { Continuation, type Root } from './run-queues.ts';
import { Origin, traceOfNow } from './origin.ts';
import { circle } from './circle.ts';
import { OffTurn } from './off-turn.ts';
import { BLOCKED, LocalThread, QUEUED, READY, RUNNING } from './thread.ts';
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
  /** What becomes of a wait that closes a circle of waits: 'break' rejects it. Default 'report'. */
  deadlock?: 'report' | 'break';
  /** Who goes before whom inside a root. */
  rules?: SchedulingRules;
  /** Longest turn before the event loop has its own, ms. */
  sliceMs?: number;
  /** Whether sleeping threads keep the process alive. */
  timersRef?: boolean;
  /** Called after a batch of a root that took far too long, with the mean of its segments, ms. */
  onOverrun?: (root: Root, ms: number) => void;
}

/** Threads resumed, or entries begun, before the clock is read and roots are compared again. */
const BATCH_MAX = 128;
/** The same once native async code has been started or woken, whose continuations wait for the end of the batch. */
const HOP_BATCH_MAX = 8;
const HINT_BATCH_MAX = 16;
/** Threads that run inside of each other, and frames that their joiners may have on the native stack: it holds five hundred or so. */
const AHEAD_MAX = 2;
const AHEAD_DEPTH_MAX = 40;
/** In one run of a thread. */
const AHEAD_A_RUN = 128;
/** Batches are sized to take about this long. */
const BATCH_US = 100;
/** Pieces of one root that may run between two looks at the clock, each of a mean of so many microseconds at most: a look costs more than a switch. */
const UNREAD_MAX = 32;
const UNREAD_US_MAX = 5;
/** A segment that is longer is reported, ms: a hundred slices. Whatever else came has waited for it. */
const OVERRUN_MS = 100;
/** Of batches in which something begins, one in so many is sampled. */
const BATCHES_A_SAMPLE = 2;
/** Spawn sites that are noted: the first of an isolate, 2 us each; programs have few places that spawn. */
const SITES_MAX = 1000;
/** Nodes of the waits that are no blocking points of a compiled program. */
const NODE_START = 0;
export const NODE_YIELD = 1;

export class Scheduler {
  readonly roots: Roots;
  readonly timers: TimerWheel;
  /** Threads that have not ended: those of nobody, and by way of them their children. */
  readonly threads: ReturnType<typeof circle> = circle();
  readonly deadlock: 'report' | 'break';
  readonly #sliceMs: number;
  readonly #turn = inThisContext(() => { if (this.#beginTurn()) queueMicrotask(this.#goOn); });
  readonly #nestedTurn = inThisContext(() => { if (this.#beginTurn()) this.#run(); });
  readonly #goOn = (): void => this.#run();
  readonly #onOverrun: ((root: Root, ms: number) => void) | undefined;
  #outside: Outside | undefined;
  /** Of a worker: counts what its threads meet. */
  recorder: Recorder | undefined;
  /** Whether a thread has to wait at its node before it goes on, for it would take what is short: then `release` follows. Undefined while nothing is. */
  holdBack: ((thread: LocalThread, node: number) => boolean) | undefined;
  /** Pieces that have run since the clock was read, all of one root. */
  #unread = 0;
  #toSample = 1;
  /** Threads that run inside of those that join them. */
  #ahead = 0;
  /** How many more may before who joins them has to wait, and others have their turn. */
  #aheadLeft = 0;
  #toSampleBatch = 1;
  #isBatchSampled = false;
  #armed = false;
  #inTurn = false;
  #hop = false;
  #didWork = false;
  /** The root whose threads go on in this batch, until one of them is preempted. */
  #resuming: Root | undefined;
  #sliceEnd = 0;
  #clock = 0;
  /** Of the last spawn: the next is most likely like it. */
  #origin: Origin | undefined;
  #sites = 0;
  /** When something had last held everything else up for more than a tenth of a second, ms: the end of it. */
  stalledAt: number = -Infinity;
  /** Measures segments, where roots may go to back lanes. */
  lanes: LaneClock | undefined = undefined;
  /** Threads that go on outside of turns. */
  readonly offTurn: OffTurn;
  /** Threads that have started and not ended. */
  live = 0;
  /** Told of a circle of waits. */
  onDeadlock: (report: DeadlockReport, message: string) => void = (_, message) => { process.emitWarning(message, { code: 'CAP_WARN_DEADLOCK' }); };
  /** Told when a wait may close a circle that leaves this isolate by a call. */
  onSuspicion: (() => void) | undefined = undefined;
  /** Work begun since the start, threads and tasks. */
  begun = 0;
  /** Work whose turn came and that did not begin, too late or given up: what such a batch took says nothing of its root. */
  dropped = 0;
  #droppedBefore = 0;

  constructor(options: SchedulerOptions = {}) {
    this.roots = new Roots(options.rules);
    this.#sliceMs = options.sliceMs ?? 1;
    this.offTurn = new OffTurn(this, this.#sliceMs);
    this.#onOverrun = options.onOverrun;
    this.deadlock = options.deadlock ?? 'report';
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
  /** When the clock was last read, ms. */
  get clockMs(): number { return this.#clock; }
  /** A thread of a root is made. @returns its mark for the recorder */
  bear(root: Root, thread: LocalThread): number {
    root.threads++;
    root.live++;
    if (this.#isBatchSampled) this.recorder?.bears(thread);
    return (Math.floor(this.#clock) % 0x10_0000) * 2048;
  }
  /** What a thread has awaited natively has computed so long for it, ms: that is the thread's, and its root's. */
  chargeNative(thread: Owner, usedMs: number): void {
    this.roots.chargeBeside(thread.root, usedMs);
    thread.attainedUs += Math.ceil(usedMs * 1000);
  }
  /** Reads it. */
  now(): number { return sharedNow(); }
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
    this.offTurn.turnBegins();
    this.#clock = sharedNow();
    this.#sliceEnd = this.#clock + this.#sliceMs;
    this.timers.advance();
    this.timers.beLazy();
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
      const { lanes } = this;
      const cpuAt = lanes === undefined ? -1 : lanes.before(root.lane ??= lanes.of(root.name));
      const begunBefore = this.begun;
      const ran = this.#runBatch(root, cpuAt >= 0 ? 1 : BATCH_MAX);
      this.#outside?.afterBatch();
      const count = this.#unread + ran;
      if (count < UNREAD_MAX && cpuAt < 0 && this.#mayGoUnread(root, ran)) { this.#unread = count; mayLinger ||= ran > 0; lanes?.pause(); continue; }
      this.#unread = 0;
      const now = sharedNow();
      this.timers.settle(now, false);
      const wallMs = now - this.#clock;
      const usedMs = lanes === undefined ? -1 : lanes.used(cpuAt);
      const tells = this.dropped === this.#droppedBefore;
      this.#droppedBefore = this.dropped;
      this.#charge(root, usedMs >= 0 && count === ran ? usedMs : wallMs, wallMs, tells ? count : 0);
      if (tells) lanes?.after(root.lane as RootLane, usedMs, wallMs, this.begun > begunBefore, root.costUs, count);
      if (this.#isBatchSampled) { this.#isBatchSampled = false; this.recorder?.endBatch(root, count, wallMs); }
      this.#clock = now;
      if (now >= this.#sliceEnd) { this.#endTurn(true); return; }
      if (this.#hop) {
        this.#hop = false;
        queueMicrotask(this.#goOn);
        return;
      }
      mayLinger = ran > 0;
    }
  }

  /** Short batches of a light root, which is the only one with something to run, are measured together. */
  #mayGoUnread(root: Root, ran: number): boolean {
    return ran > 0 && !this.#hop && !this.#isBatchSampled && !root.hasRequeued && root.costUs < UNREAD_US_MAX && this.roots.active.length === 1 && root.canRun;
  }

  #endTurn(hasMore: boolean): void {
    this.timers.settle(hasMore ? this.#clock : sharedNow(), true);
    this.#inTurn = false;
    this.#hop = false;
    this.#outside?.endTurn(this.#clock, this.#didWork, hasMore || this.#armed);
    if (hasMore) this.arm();
    else if (!this.#armed) this.#outside?.idle(this.#didWork);
  }

  #charge(root: Root, usedMs: number, wallMs: number, count: number): void {
    this.roots.charge(root, usedMs);
    if (wallMs > OVERRUN_MS) this.stalledAt = this.#clock + wallMs;
    if (wallMs > OVERRUN_MS && count > 0 && wallMs / count > OVERRUN_MS) this.#onOverrun?.(root, wallMs / count);
    if (count > 0) root.costUs += (usedMs * 1000 / count - root.costUs) / 8;
  }

  /** Runs a few pieces of one root, at most `most`: what has begun before what has not. @returns how many */
  #runBatch(root: Root, most: number): number {
    this.#didWork = true;
    this.#outside?.runs(root);
    const max = Math.max(1, Math.min(most, Math.floor(BATCH_US / root.costUs)));
    let count = 0;
    if (root.draw() === 'resume') {
      this.#resuming = root;
      for (; count < max && this.#resuming === root && (!this.#hop || count < HOP_BATCH_MAX); count++) {
        const thread = root.shift();
        if (thread === undefined) break;
        if (thread instanceof Continuation) { thread.goOn(); this.hop(); }
        else this.#resume(thread);
      }
      this.#resuming = undefined;
      return count;
    }
    count = this.#beginBatch(root, root.promise === undefined ? max : 1);
    this.begun += count;
    root.started += count;
    return count;
  }

  /** Begins a few pieces of one root. @returns how many */
  #beginBatch(root: Root, most: number): number {
    let count = 0;
    let max = most;
    root.promise?.();
    if (this.recorder !== undefined && --this.#toSampleBatch <= 0) {
      this.#toSampleBatch = BATCHES_A_SAMPLE;
      this.#isBatchSampled = true;
      if (this.recorder.beginBatch(root)) max = 1;
    }
    if (root.children.length > 0) {
      for (; count < Math.min(max, HOP_BATCH_MAX) && !this.#hop; count++) {
        const entry = root.children.pop();
        if (entry === undefined) break;
        entry.begin();
      }
      return count;
    }
    if (root.entries.length > 0) {
      for (; count < Math.min(max, HOP_BATCH_MAX); count++) {
        const entry = root.takeEntry();
        if (entry === undefined) break;
        entry.begin();
      }
      return count;
    }
    return this.#outside?.begin(root, max === 1 ? 1 : Math.max(1, Math.min(HINT_BATCH_MAX, Math.floor(BATCH_US / root.costUs)))) ?? 0;
  }

  /** Native async code has been started or woken: its continuations are microtasks, let them run before the next batch. */
  hop(): void { this.#hop = true; }

  // ---- threads ----

  /** A thread may go on: it runs in its turn. `isHanded`: it holds from now on what others may wait for, so it goes before others of its root. */
  ready(thread: LocalThread, node: number = 0, isHanded: boolean = false): void {
    thread.state = READY;
    const at = node === 0 ? NODE_WAIT : node;
    this.recorder?.pass(thread, at);
    if (this.holdBack === undefined || !this.holdBack(thread, at)) this.release(thread, at, isHanded);
  }

  /** A thread that is ready, and was perhaps held back, gets its turn. */
  release(thread: LocalThread, node: number, isHanded: boolean = false): void {
    const { root } = thread;
    if (isHanded) root.hand(thread);
    else root.push(thread, node);
    this.roots.activate(root);
    this.arm();
  }

  /** The rest of a wait of ordinary async code goes on in its root's turn. */
  enqueue(root: Root, node: number, goOn: () => void): void {
    root.push(new Continuation(goOn), node);
    this.roots.activate(root);
    this.arm();
  }

  /** A new thread of this isolate. It begins in its turn, in the async context of its spawner, and is cancelled with it. */
  spawn<A extends unknown[], T>(fn: (...args: A) => T, args: A, root: Root, ...by: [parent?: LocalThread | undefined]): LocalThread<Awaited<T>> {
    const parent = by.length === 0 ? currentThread() : by[0];
    const origin = this.#originOf(fn as unknown as Origin['fn'] & {}, root, parent);
    const thread = new LocalThread<Awaited<T>>(this, root, '', origin);
    if (!isContextShared) thread.context = contextFor(thread);
    thread.value = args;
    root.push(thread as LocalThread, NODE_START);
    this.roots.activate(root);
    this.arm();
    return thread;
  }

  #originOf(fn: Origin['fn'] & {}, root: Root, parent: LocalThread | undefined): Origin {
    const context = isContextShared ? contextOfNow() : undefined;
    const last = this.#origin;
    if (last !== undefined && last.fn === fn && last.root === root && last.parent === parent && last.context === context && isContextShared) return last;
    const origin = this.#origin = new Origin(this, root, fn.name === '' ? 'anonymous' : fn.name, fn, parent, context);
    if (this.#sites < SITES_MAX) { this.#sites++; origin.trace = traceOfNow(); }
    return origin;
  }

  #resume(thread: LocalThread): void {
    if (thread.hasEnded) return;                                       // cancelled before it began
    const isNew = thread.state === QUEUED;
    if (isNew) { this.live++; this.begun++; thread.root.started++; }
    thread.state = RUNNING;
    this.#aheadLeft = AHEAD_A_RUN;
    if (this.recorder !== undefined && --this.#toSample <= 0) this.#resumeSampled(thread, isNew, this.recorder);
    else this.afterRun(thread, this.#enter(thread, isNew));
  }

  /**
   * A thread is joined that has not begun and stands last in its run queue: its joiner, which would wait for it, gives it the rest of its own turn. So what
   * is spawned and joined takes no wait, no wake and no turn unless it waits itself. Inside of the joiner, on its stack.
   */
  runAhead(thread: LocalThread): void {
    if (this.#ahead === AHEAD_MAX || this.#aheadLeft === 0 || machine.depth > AHEAD_DEPTH_MAX || thread.attainedUs > 0 || !thread.root.takeBack(thread, NODE_START)) return;
    this.live++;
    this.begun++;
    thread.root.started++;
    thread.state = RUNNING;
    this.#aheadLeft--;
    this.#ahead++;
    const resuming = this.#resuming;
    this.#resuming = undefined;                                          // if it is preempted, that is no batch's end
    this.afterRun(thread, aside(this.#beginAhead, thread));
    this.#resuming = resuming;
    this.#ahead--;
  }
  readonly #beginAhead = (thread: LocalThread): CompiledOutcome => this.#enter(thread, true);

  #resumeSampled(thread: LocalThread, isNew: boolean, recorder: Recorder): void {
    this.#toSample = recorder.period;
    recorder.beginSample(thread);
    const outcome = this.#enter(thread, isNew);
    recorder.endSample();
    this.afterRun(thread, outcome);
  }

  /** A thread that was begun or resumed has come back. */
  afterRun(thread: LocalThread, outcome: CompiledOutcome): void {
    switch (outcome) {
      case 'blocked': if (thread.state === RUNNING) thread.block(this.#clock); this.recorder?.onArrival?.(thread); break;
      case 'awaiting': if (thread.state === RUNNING) thread.block(this.#clock); this.hop(); break;
      case 'yielded': this.ready(thread, NODE_YIELD); break;
      case 'preempted': this.#preempted(thread); break;
      case 'native': { const { value } = thread; thread.value = undefined; this.follow(thread, value); break; }
      case 'answered': thread.state = BLOCKED; this.hop(); break;
      default: this.live--;
    }
  }

  /**
   * A thread's quantum is spent. If it went on in the batch that runs, it ends that, and waits where its level says when it is known what it has had;
   * one that has just begun, or went on outside of a turn, is charged a quantum here.
   */
  #preempted(thread: LocalThread): void {
    if (this.#resuming === thread.root) {
      this.#resuming = undefined;
      thread.state = READY;
      this.recorder?.pass(thread, NODE_YIELD);
      thread.root.requeue(thread);
      return;
    }
    thread.attainedUs += Math.ceil(machine.quantumMs * 1000);
    this.ready(thread, NODE_YIELD);
  }

  /** What it runs does not throw. */
  #enter(thread: LocalThread, isNew: boolean): CompiledOutcome {
    if (!isContextShared) return runIn(thread.entered, isNew ? begin : goOn, thread);
    const before = enterContext(thread.entered);
    const outcome = isNew ? begin(thread) : goOn(thread);            // each by its name: the engine inlines it
    leaveContext(before);
    return outcome;
  }

  /** A thread's frames give up the wait that they are in: what they await is still there, in its `value`. */
  abandons(thread: LocalThread): void { this.recorder?.abandons(thread, nodeOf(thread.frame), thread.value); }

  /** A started thread that runs natively: its result, or its promise, ends it. */
  follow(thread: LocalThread, result: unknown): void {
    if (!isThenable(result)) { thread.end('done', result, undefined); this.live--; return; }
    thread.block(this.#clock);
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

/** Resumes a thread, inside its context. Throws nothing. */
const goOn = (thread: LocalThread): CompiledOutcome => (thread.frame instanceof FrameStack ? resumeCompiled(thread, thread.frame as ThreadFrames) : runFrames(thread));

/** Begins a thread, inside its context. 'native': its result is in its `value`. Throws nothing. */
function begin(thread: LocalThread): CompiledOutcome {
  const args = thread.value as unknown[];
  thread.value = undefined;
  const twin = twinOf(thread.origin.fn);
  if (twin !== undefined) return beginTwin(thread, twin, args);
  let result: unknown;
  try {
    const fn = thread.origin.fn as NonNullable<Origin['fn']>;
    result = args.length === 0 ? fn() : fn(...args);
  } catch (error) {
    endByError(thread, error);
    return 'ended';
  }
  if (!thread.origin.isGenerator && !isGenerator(result)) { thread.value = result; return 'native'; }
  thread.frame = result as Generator;
  return runFrames(thread);
}
