/**
 * One worker's runtime: the scheduler, what it knows of the other cores, and the wires between. Nothing here decides; it is the composition that
 * entry.ts starts in a worker thread, and a pool without cores in the main thread itself.
 */
import { readlinkSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import {
  CapriccioError, Participant, Tasks, board, conductorWord, lanes, mapGraph, mapMemory, markLive, parker, roles, type GraphMemory, type Memory,
} from '@capriccio/shared';
import type { Call } from './call.ts';
import { setQuantum } from './compiled/preemption.ts';
import { CarriedStores } from './carried.ts';
import { CallTimes } from './call-times.ts';
import { Caller, type CallerHost } from './caller.ts';
import { ChildCalls } from './children.ts';
import type { DeadlockReport } from './deadlock.ts';
import { Executor } from './executor.ts';
import { Functions } from './functions.ts';
import { Idle } from './idle.ts';
import { LaneClock } from './lanes/lane-clock.ts';
import { LaneHunger } from './lanes/lane-hunger.ts';
import { LaneRouter } from './lanes/lane-router.ts';
import { lowerPriority } from './lanes/low-priority.ts';
import { Mail } from './mail.ts';
import { SharedObjects } from './objects/shared-objects.ts';
import { SPARE_SEAT, chooseWorker } from './placement.ts';
import type { PortMessage } from './ports.ts';
import { PlanFollower, type FollowerRules } from './plan-follower.ts';
import { Recorder } from './recorder.ts';
import type { Root } from './run-queues.ts';
import { LANES, MEASURE, type DeadlockToBreak, type LaneMessage, type Overrun, type RuntimeStart } from './runtime-messages.ts';
import { Scheduler, type Outside } from './scheduler.ts';
import { sharedNow } from './clock.ts';
import { SharedBufferTable } from './shared-buffers.ts';
import { listThreads } from './thread-list.ts';
import { Taker } from './steal.ts';
import { breakWait, reportWaits } from './wait-report.ts';
import { StreamTable } from './streams.ts';

/** A root is reported when it has overrun so often: once may be a module's first run, or a machine that is busy elsewhere. */
const OVERRUNS_TOLD = 3;

/** How often a worker tells of a wait that may close a circle over several cores, ms. */
const SUSPECT_EVERY_MS = 100;
/** How often a worker asks for more back lanes, ms. */
const WANT_EVERY_MS = 20;

/** how often a worker asks for its processor time, ms. */
const CPU_EVERY_MS = 20;

export class Runtime {
  readonly me: Participant;
  readonly scheduler: Scheduler;
  readonly functions: Functions;
  readonly caller: Caller;
  readonly executor: Executor;
  readonly streams: StreamTable;
  readonly mail: Mail;
  readonly buffers: SharedBufferTable;
  readonly objects: SharedObjects;
  /** Stores of AsyncLocalStorage that follow calls. */
  readonly stores: CarriedStores = new CarriedStores();
  readonly idle: Idle;
  readonly memory: Memory;
  readonly lane: 'front' | 'back' | undefined;
  /** What requests for a URL take decides where they run. */
  readonly knowsUrls: boolean;
  /** Undefined where there are no lanes. */
  readonly laneClock: LaneClock | undefined;
  readonly laneRouter: LaneRouter | undefined;
  readonly #taker: Taker;
  readonly #children: ChildCalls;
  readonly #board: board.Board;
  readonly #mayBlock: boolean;
  readonly #graceMs: number;
  readonly #isSpare: boolean;
  /** Its seat is a spare's: it stands in for others now and then, where a successor that begins as a spare stays. */
  readonly isStandIn: boolean;
  readonly #roleListeners: ((role: number) => void)[] = [];
  #rolesSeen = 0;
  #role: number;
  #hasToldDrained = false;
  /** Main has answered that it had drained: what main had sent before has come, and there is no more. */
  #mayGo = false;
  readonly #services = new Map<string, (body: unknown) => void>();
  readonly #beforeHandOver: (() => void)[] = [];
  #plan: PlanFollower | undefined;
  readonly #whenDead: ((dead: number) => void)[] = [];
  #holds = 0;
  #wantedAt = 0;
  #suspectedAt = 0;
  #baseline = 0;
  #cpuAt = 0;
  #cpuMs = 0;
  #loopMs = 0;
  #heapBytes = 0;
  #externalBytes = 0;
  #tick = 0;
  /** It has work in this turn, and has told the conductor. */
  #hasRoused = false;
  /** Others may have relied on this worker to take what they published: it takes, and then offers the rest. */
  #hasSought = false;

  constructor(start: RuntimeStart) {
    this.memory = mapMemory(start.buffer, start.layout);
    this.me = new Participant(this.memory, start.id);
    this.#mayBlock = start.mayBlock;
    this.#graceMs = start.cancelGraceMs;
    this.#isSpare = start.isSpare;
    this.isStandIn = start.seat >= SPARE_SEAT;
    this.#role = start.isSpare ? roles.SPARE : roles.FRONT;
    this.#board = new board.Board(this.memory, start.id);
    this.#board.setSeat(start.seat);
    if (start.mayBlock) this.#board.setKernelId(kernelId());
    this.mail = new Mail(start.port, start.id, (message) => this.#receive(message));
    this.buffers = new SharedBufferTable(start.serial,
      (number, buffer) => this.mail.broadcast({ kind: 'buffer', number, buffer }),
      (number) => this.mail.broadcast({ kind: 'drop', number }));
    for (const [number, buffer] of start.sharedBuffers) this.buffers.learn(number, buffer);
    this.objects = new SharedObjects(this.memory, start.id, () => { /* threads that wait are threads: they keep this worker's loop alive */ }, () => this.scheduler.roots.areIdle);
    const tasks = new Tasks(this.me, this.buffers);
    setQuantum(start.quantumMs ?? 1);
    this.scheduler = new Scheduler({ sliceMs: start.sliceMs, onOverrun: (root, ms) => this.#overran(root, ms), deadlock: start.deadlock ?? 'report' });
    this.scheduler.onSuspicion = () => this.#suspect();
    this.serve('waits', (request) => this.mail.post(0, { kind: 'service', service: 'waits', body: { request, answer: reportWaits(this.objects, this.executor) } }));
    this.serve('break', (body) => this.#break(body as DeadlockToBreak));
    this.scheduler.onDeadlock = (report) => this.mail.post(0, { kind: 'service', service: 'deadlock', body: report });
    this.serve('threads', (request) => this.mail.post(0, { kind: 'service', service: 'threads', body: { request, answer: listThreads(this.scheduler) } }));
    this.lane = start.lane;
    this.knowsUrls = start.knowsUrls !== false;
    if (start.lane !== undefined) {
      const clock = new LaneClock(this.memory, start.lane === 'back', { onChange: (name) => this.#tellLanes({ event: 'changed', name }), onKept: (name, isKept) => this.#tellLanes({ event: 'kept', name, worker: start.id, isKept }), onFirstLong: () => { lowerPriority(); }, onNative: (thread, usedMs) => this.scheduler.chargeNative(thread, usedMs) });
      this.scheduler.lanes = this.laneClock = clock;
      this.laneRouter = new LaneRouter(this.memory, clock, () => this.#wantBackLane(), start.seesHunger === false ? undefined : new LaneHunger(this.memory));
    }
    const isBackLane = start.lane === 'back';
    this.streams = new StreamTable(this.scheduler, {
      copyOf: (value) => {
        const copied = tasks.clone(value, 'a value');
        return copied.byPort ? structuredClone(value) : copied.value;
      },
      closeMs: start.cancelGraceMs * 2,
      serial: start.serial,
    });
    this.functions = new Functions(this.scheduler.roots, this.streams.functions, (url) => this.mail.post(0, { kind: 'service', service: 'loaded', body: url }));
    this.serve(MEASURE, () => { this.caller.measured ??= new CallTimes((name, kind, histogram) => this.mail.post(0, { kind: 'service', service: MEASURE, body: { name, kind, histogram } })); });
    this.serve('leave', () => { this.#mayGo = true; this.#hasToldDrained = false; });
    this.serve('preload', (url) => { this.functions.preload(url as string); });
    const host: CallerHost = {
      publish: () => this.#publish(),
      runHere: (call) => this.#children.add(call),
      chooseWorker: (affinity, inBack) => chooseWorker(this.memory, affinity, inBack),
      isForBack: this.laneRouter?.isForBack,
      stores: this.stores,
      retriesMax: start.retriesMax,
      outstandingMax: Infinity,
      onBusy: () => { /* threads that wait for calls are threads: they keep this worker's loop alive */ },
      onCancelled: (call, claimer) => this.#watchCancelled(call, claimer),
    };
    this.caller = new Caller(this.me, tasks, host, this.mail, this.mail.results, this.buffers);
    this.executor = new Executor({ me: this.me, tasks, scheduler: this.scheduler, functions: this.functions, postman: this.mail, argumentsByPort: this.mail.arguments, buffers: this.buffers, streams: this.streams, caller: this.caller, stores: this.stores });
    this.#children = new ChildCalls(this.me, this.scheduler, this.executor, this.caller, this.functions);
    this.#taker = new Taker(this.memory, start.id, this.executor.rootOf, (root) => this.scheduler.roots.activate(root), isBackLane);
    this.#taker.setTakesWork(!start.isSpare);
    this.idle = new Idle({
      memory: this.memory, me: start.id,
      hasWork: () => parker.hasMail(this.memory, start.id) || roles.changes(this.memory) !== this.#rolesSeen || this.#taker.anyWork(),
      takesWork: () => this.#role === roles.FRONT,
      board: this.#board,
      mustTurn: () => this.#mustTurn(),
      onSought: () => { this.#hasSought = true; },
      turnNow: () => this.scheduler.turnNow(),
      arm: () => this.scheduler.arm(),
    });
    if (start.measures === true) this.#services.get(MEASURE)?.(undefined);
    this.scheduler.connect(this.#outside());
    if (start.graph !== undefined) this.#record(mapGraph(start.graph, start.layout.participantCount), start.id, { hasWindows: start.hasWindows === true, hasForecasts: start.hasForecasts !== false, hasBrake: start.hasBrake !== false });
  }

  /** Takes its number: from here on others may place work here. */
  start(): void {
    this.#baseline = process.getActiveResourcesInfo().length;
    const isBackLane = this.lane === 'back';
    if (isBackLane) {
      this.#role = roles.BACK;
      this.#taker.setTakesWork(false);
      this.serve('join', () => {
        lanes.joinBack(this.memory, this.me.id);
        this.#taker.setTakesWork(true);
        this.scheduler.arm();
      });
      this.hold();                                                       // it is told of servers by port
    }
    roles.begin(this.memory, this.me.id, isBackLane ? roles.BACK : this.#isSpare ? roles.SPARE : roles.FRONT, sharedNow());
    this.#rolesSeen = roles.changes(this.memory) - 1;                    // looked at in the first turn
    markLive(this.memory, this.me.id);
    this.mail.post(0, { kind: 'service', service: 'ready', body: undefined });
    this.scheduler.arm();
  }

  #record(graph: GraphMemory, id: number, rules: FollowerRules): void {
    const recorder = this.scheduler.recorder = new Recorder(graph, id, this.scheduler.roots, this.lane === 'back');
    this.#plan = new PlanFollower(graph, id, this.scheduler, recorder, rules);
  }

  /** A cancelled call: main sees to it that its worker reacts, and if the thread cannot, the call ends without it. */
  #watchCancelled(call: Call, claimer: number): void {
    if (claimer !== this.me.id) this.mail.post(0, { kind: 'service', service: 'watch', body: claimer });
    setTimeout(() => { if (call.state !== 'ended') this.caller.abandon(call); }, this.#graceMs * 2).unref();
  }

  /** A wait may close a circle that reaches other cores: main has a look. */
  #suspect(): void {
    const now = sharedNow();
    if (now - this.#suspectedAt < SUSPECT_EVERY_MS) return;
    this.#suspectedAt = now;
    this.mail.post(0, { kind: 'service', service: 'suspect', body: undefined });
  }
  /** main has found a circle, of which one wait of this isolate is to be rejected. */
  #break({ wait, threads, message }: DeadlockToBreak): void {
    const isBroken = breakWait(this.objects, this.executor, wait, new CapriccioError('CAP_ERR_DEADLOCK', message));
    this.mail.post(0, { kind: 'service', service: 'deadlock', body: { threads, isBroken, stack: `CapriccioError: ${message}` } satisfies DeadlockReport });
  }

  /** A plug-in takes messages of a name. */
  serve(service: string, receive: (body: unknown) => void): void { this.#services.set(service, receive); }
  /** While held, this worker sleeps in its event loop: a server listens here. @returns how to let go */
  hold(): () => void { this.#holds++; return () => { this.#holds--; }; }
  /** Called between batches and at the end of each turn: what a plug-in has gathered leaves. */
  beforeHandOver(flush: () => void): void { this.#beforeHandOver.push(flush); }
  /** Called for each worker that has died, when what it held of ours has been recovered. */
  whenDead(tell: (dead: number) => void): void { this.#whenDead.push(tell); }
  /** Connections of a server here, for main's acceptor. */
  setConnections(count: number): void {
    this.#connections = count;
    this.#board.setConnections(count);
    if (count === 0 && this.#isDraining()) this.scheduler.arm();
  }
  #connections = 0;
  /** One that main has handed over has come. */
  countTaken(): void { this.#board.countTaken(); }

  /** Nothing here could go on by itself, or is waited for from elsewhere, but so many threads. */
  isAtRest(threads: number): boolean {
    return this.scheduler.live <= threads && this.scheduler.timers.count === 0 && this.streams.size === 0 && !this.functions.isLoading && this.caller.outstanding === 0 && this.#holds === 0
      && process.getActiveResourcesInfo().length <= this.#baseline;
  }

  // ---- roles ----

  /** SPARE, FRONT, … of roles.ts, as last looked at. */
  get role(): number { return this.#role; }
  /** Called when the role has changed, in a turn. */
  onRole(listener: (role: number) => void): void { this.#roleListeners.push(listener); }

  #lookAtRoles(): void {
    this.#rolesSeen = roles.changes(this.memory);
    const now = sharedNow();
    if (roles.roleOf(this.memory, this.me.id) === roles.BLOCKED && roles.comeBack(this.memory, this.me.id, now)) roles.retireSurplus(this.memory, now);
    this.caller.leaveBusy();
    const role = roles.roleOf(this.memory, this.me.id);
    if (role === this.#role) return;
    this.#role = role;
    this.#taker.setTakesWork(role === roles.FRONT || role === roles.BACK);
    if (role !== roles.FRONT) parker.offer(this.memory);                 // it may have been woken for work that it leaves to others (parker.ts, P3)
    for (const listener of this.#roleListeners) listener(role);
  }

  #isDraining(): boolean { return this.#role === roles.RETIRING || this.#role === roles.LEAVING; }
  #isDrained(): boolean {
    return this.scheduler.live === 0 && this.scheduler.roots.isEmpty && this.streams.size === 0 && this.#connections === 0
      && this.caller.outstanding === 0 && !this.functions.isLoading && !this.me.hasEnded;
  }

  /** What was begun here has ended: it is a spare from now on, or main may end it. */
  #idle(didWork: boolean): void {
    if (this.#isDraining() && this.#isDrained()) {
      if (this.#role === roles.RETIRING) roles.rest(this.memory, this.me.id, sharedNow());
      else if (!this.#hasToldDrained) {
        this.#hasToldDrained = true;
        this.mail.post(0, { kind: 'service', service: 'drained', body: this.#mayGo });
      }
    }
    this.idle.sleep(didWork);
  }

  #mustTurn(): boolean {
    return !this.#mayBlock || this.#role !== roles.FRONT || this.#holds > 0 || this.functions.isLoading || this.scheduler.live > this.objects.threadsWaiting || this.scheduler.timers.count > 0 || this.streams.size > 0
      || process.getActiveResourcesInfo().length > this.#baseline;
  }

  #outside(): Outside {
    return {
      beginTurn: (now) => this.#beginTurn(now),
      look: () => this.#taker.look(),
      runs: (root) => this.#runs(root),
      begin: (root, max) => this.#begin(root, max),
      afterBatch: () => this.#afterBatch(),
      endTurn: (now, didWork, hasMore) => this.#endTurn(now, didWork, hasMore),
      linger: () => this.idle.linger(),
      ended: () => this.#ended(),
      idle: (didWork) => this.#idle(didWork),
    };
  }

  #beginTurn(now: number): void {
    this.idle.wakeUp();
    this.#hasRoused = false;
    this.#board.beginTurn(++this.#tick, now);
    if (this.me.deaths.isDue) this.#recover();
    if (roles.changes(this.memory) !== this.#rolesSeen) this.#lookAtRoles();
    this.#plan?.beginTurn(now);
    if (this.me.mustLook) this.executor.look();
    this.#takePlaced();
    this.caller.collect();
    if (this.objects.collect() > 0) {
      this.idle.foundWork();
      this.scheduler.arm();                                              // what has been granted goes on as microtasks, before the next sleep
    }
    this.#taker.look();
    if (this.#hasSought && this.scheduler.roots.runnable > 0) this.#offerRest();   // what is woken here may run before what is to be taken
  }

  #runs(root: Root): void {
    if (root.number === 0) root.number = this.me.names.intern(`R${root.name}`) + 1 || -1;
    this.#board.setRoot(root.number);
    if (this.#hasRoused) return;
    this.#hasRoused = true;
    conductorWord.rouse(this.memory);                                    // after idle.wakeUp retracted the park word
  }

  /** A segment of a root has kept everything else here waiting: main warns, once a root. */
  #overran(root: Root, ms: number): void {
    if (this.lane === 'back' || ++root.overruns !== OVERRUNS_TOLD) return;
    this.mail.post(0, { kind: 'service', service: 'overrun', body: { root: root.name, ms } satisfies Overrun });
  }

  #offerRest(): void {
    this.#hasSought = false;
    this.#passOn();
  }

  /** What is published and not taken here: one wake for a burst, who was woken passes it on. */
  #passOn(): void {
    if (!this.#taker.anyWork()) return;
    if (this.lane !== 'back') parker.offer(this.memory);
    else if (!lanes.offerBack(this.memory)) this.#wantBackLane();
  }

  #wantBackLane(): void {
    const now = sharedNow();
    if (now - this.#wantedAt < WANT_EVERY_MS) return;
    this.#wantedAt = now;
    this.#tellLanes({ event: 'want' });
  }
  #tellLanes(body: LaneMessage): void { this.mail.post(0, { kind: 'service', service: LANES, body }); }

  #takePlaced(): void {
    for (let slot = this.me.takePlaced(); slot !== 0;) {
      const next = this.me.nextInChain(slot);
      this.executor.accept(slot);
      slot = next;
    }
  }

  #recover(): void {
    this.me.deaths.acknowledge(
      () => { this.#takePlaced(); this.me.handOver(); },
      (dead) => {
        this.caller.recover(dead);
        this.me.blocks.releaseHeldFor(dead);
        this.streams.closeOf(dead);
        this.objects.recover(dead);
        this.me.forget(dead);
        this.executor.forget(dead);
        this.caller.forget(dead);
        for (const tell of this.#whenDead) tell(dead);
      },
    );
  }

  #begin(root: Root, max: number): number {
    const isBack = this.lane === 'back';
    const { count, slots, claimed } = this.#taker.take(root, isBack ? 1 : max);   // the others can take the rest meanwhile
    if (this.#hasSought) this.#offerRest();
    if (isBack && count > 0 && this.executor.rootOf(slots[0] as number) !== root) { this.executor.beginInTurn(slots[0] as number, claimed[0] as number); return 0; }
    for (let k = 0; k < count; k++) this.executor.begin(slots[k] as number, claimed[k] as number);
    return count;
  }

  #afterBatch(): void {
    for (const flush of this.#beforeHandOver) flush();
    if (this.me.hasEnded && this.me.handOver()) this.idle.hasWoken();
    this.#children.share();
  }

  #publish(): void {
    this.me.publish();
  }

  #endTurn(now: number, didWork: boolean, hasMore: boolean): void {
    for (const flush of this.#beforeHandOver) flush();
    if (this.me.hasEnded && this.me.handOver()) this.idle.hasWoken();
    if (this.me.rings.isOverflowing) this.#publish();
    if (didWork) {
      this.idle.foundWork();
      this.#passOn();
    }
    this.#board.endTurn({ runnable: this.scheduler.roots.runnable, threads: this.scheduler.live, queued: this.scheduler.roots.queued });
    this.scheduler.recorder?.endTurn(now, hasMore);
    const isDue = now - this.#cpuAt >= CPU_EVERY_MS;
    if (isDue) this.#measureTime(now);
    if (isDue || !hasMore) this.#writeStatistics();
  }

  #ended(): void {
    this.#board.setThreads(this.scheduler.live);
    if (this.#isDraining() || !this.#mustTurn()) this.scheduler.arm();                         // it need not wait in its event loop any more
  }

  #measureTime(now: number): void {
    this.#cpuAt = now;
    const { user, system } = process.threadCpuUsage();
    this.#cpuMs = (user + system) / 1000;
    this.#loopMs = performance.eventLoopUtilization().active;
    const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
    this.#heapBytes = heap;
    this.#externalBytes = external;
  }

  #writeStatistics(): void {
    this.#board.writeStatistics({
      cpuMs: this.#cpuMs, begun: this.scheduler.begun, finished: this.executor.finished, failed: this.executor.failed,
      calls: this.caller.made, sleeps: this.idle.sleeps, sleptMs: this.idle.sleptMs, loopMs: this.#loopMs,
      heapBytes: this.#heapBytes, externalBytes: this.#externalBytes,
    });
  }

  #receive(message: PortMessage): void {
    switch (message.kind) {
      case 'arguments': this.mail.arguments.arrive(message.slot, message.generation, message.values); break;
      case 'result': this.mail.results.arrive(message.slot, message.generation, message.value); break;
      case 'buffer': this.buffers.learn(message.number, message.buffer); break;
      case 'drop': this.buffers.forget(message.number); break;
      case 'service': this.#services.get(message.service)?.(message.body); break;
      default: throw new Error(`unknown message ${JSON.stringify(message)}`);
    }
    this.scheduler.arm();
  }
}

/** This thread's number in /proc/self/task; 0 where there is none. */
function kernelId(): number {
  try { return Number(readlinkSync('/proc/thread-self').split('/').pop()) || 0; } catch { return 0; }
}
