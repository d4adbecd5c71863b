/**
 * A machine of many cores in virtual time: requests arrive at workers, run in slices, wait for time or for a station, take memory, end. What runs next,
 * what is refused and what waits is a policy's; the machine only keeps the time and the books. Same seed, same run.
 */
import { Events } from './events.ts';
import { random, type Random } from './random.ts';
import { Station } from './station.ts';
import type { RequestClass, Step, Workload } from './workloads.ts';

export interface SimThread {
  readonly id: number;
  readonly type: number;
  readonly request: RequestClass;
  readonly arrivedAt: number;
  readonly deadlineAt: number;
  readonly isMeasured: boolean;
  /** Of a call: who waits for it. */
  readonly caller: SimThread | undefined;
  worker: SimWorker;
  step: number;
  /** Processor time left in this step, ms. */
  left: number;
  attainedUs: number;
  bytes: number;
  startedAt: number;
  /** Processor time it has had, and cost. */
  work: number;
  cpu: number;
  hasEnded: boolean;
  readonly cpuMs: readonly number[];
  readonly waitMs: readonly number[];
  readonly bytesOf: readonly number[];
}

export interface SimWorker { readonly id: number; isIdle: boolean; isWaking: boolean; isStalled: boolean; inbox: SimThread[]; sliceEnd: number; busyMs: number }

export type Ending = 'ok' | 'late' | 'refused' | 'dropped' | 'lost';

export interface Policy {
  begin(machine: Machine): void;
  /** @returns false to refuse */
  arrive(worker: SimWorker, thread: SimThread): boolean;
  /** A thread that waited may go on. */
  ready(worker: SimWorker, thread: SimThread): void;
  pick(worker: SimWorker): SimThread | undefined;
  steal?(worker: SimWorker): SimThread | undefined;
  /** A thread has run for so long; when it is not at the end of its step, it has been preempted. */
  ran(worker: SimWorker, thread: SimThread, ms: number, isPreempted: boolean): void;
  /** @returns false when the thread has to wait before the station: the policy calls `toStation` */
  mayPass?(thread: SimThread): boolean;
  stationDone?(thread: SimThread): void;
  /** A step has taken its memory. */
  stepped?(thread: SimThread, step: Step): void;
  ended?(thread: SimThread, how: Ending): void;
  readonly quantumMs: number;
}

export interface MachineOptions {
  readonly workload: Workload;
  readonly cores?: number;
  readonly seed?: number;
  readonly load?: number;
  readonly seconds?: number;
  /** What ends or arrives before is not counted, seconds. */
  readonly warmUp?: number;
  readonly sliceMs?: number;
  /** Arrivals go to so many workers only. */
  readonly skew?: number;
  /** What changes, and when. */
  readonly shifts?: readonly { readonly at: number; readonly apply: (machine: Machine) => void }[];
  /** Keeps a trace of what ran. */
  readonly traces?: boolean;
}

export interface ClassCounts { name: string; offered: number; ok: number; late: number; refused: number; dropped: number; lost: number; work: number; wasted: number; refusalMs: number; readonly latencies: number[]; readonly delays: number[] }

const SWITCH_MS = 0.0003;
const LOOP_MS = 0.015;
const WAKE_MS = 0.02;
/** How much slower everything is when memory is twice the limit. */
const THRASH = 10;
/** Width of the buckets of `series`, ms. */
const BUCKET_MS = 50;
/** Victims that a worker with something to give looks at for a sleeper. */
const WAKES_MAX = 8;

export class Machine {
  readonly events = new Events();
  readonly options: Required<Omit<MachineOptions, 'workload'>> & { readonly workload: Workload };
  readonly workers: SimWorker[];
  readonly station: Station | undefined;
  readonly counts: ClassCounts[];
  /** Ended in time, by class, and bytes in use, a bucket of 50 ms each. */
  readonly series: { ok: number[]; bytes: number }[] = [];
  readonly trace: string[] = [];
  readonly random: Random;
  readonly #policy: Policy;
  readonly #streams: Random[];
  readonly #cpuTimes: number[];
  readonly #byteTimes: number[];
  #ids = 0;
  load: number;
  bytes = 0;
  bytesPeak = 0;
  bytesLimit: number;
  /** Threads that have started and not ended. */
  live = 0;

  constructor(policy: Policy, options: MachineOptions) {
    this.options = { cores: 2, seed: 1, load: 1, seconds: 5, warmUp: 1, sliceMs: 1, skew: 0, shifts: [], traces: false, ...options };
    const { workload, cores, seed } = this.options;
    this.#policy = policy;
    this.load = this.options.load;
    this.bytesLimit = workload.memoryLimit ?? Infinity;
    this.random = random(seed);
    this.#streams = workload.classes.map((_, type) => random(seed * 1_000_003 + type * 7919 + 1));   // one a class: every policy meets the same requests
    this.#cpuTimes = workload.classes.map(() => 1);
    this.#byteTimes = workload.classes.map(() => 1);
    this.workers = Array.from({ length: cores }, (_, id) => ({ id, isIdle: true, isWaking: false, isStalled: false, inbox: [], sliceEnd: 0, busyMs: 0 }));
    this.station = workload.station === undefined ? undefined : new Station(this.events, workload.station);
    this.counts = workload.classes.map(({ name }) => ({ name, offered: 0, ok: 0, late: 0, refused: 0, dropped: 0, lost: 0, work: 0, wasted: 0, refusalMs: 0, latencies: [], delays: [] }));
  }

  get now(): number { return this.events.now; }

  run(): this {
    const { workload, seconds, shifts } = this.options;
    this.#policy.begin(this);
    for (const type of workload.classes.keys()) this.#nextArrival(type);
    for (const { at, apply } of shifts) this.events.after(at * 1000, () => apply(this));
    this.events.runUntil(seconds * 1000);
    return this;
  }

  // ---- shifts ----

  /** From now on the processor time of a class, or its memory, is so many times as much. */
  scale(type: number, { cpu = 1, bytes = 1 }: { cpu?: number; bytes?: number }): void { this.#cpuTimes[type] = cpu; this.#byteTimes[type] = bytes; }
  /** A worker does nothing for so long, whatever it has. */
  stall(worker: SimWorker, ms: number): void {
    worker.isStalled = true;
    this.events.after(ms, () => { worker.isStalled = false; worker.isIdle = true; this.kick(worker); });
  }

  // ---- arrivals ----

  #nextArrival(type: number): void {
    const perMs = (this.options.workload.classes[type] as RequestClass).perMs * this.load;
    const next = this.#streams[type] as Random;
    this.events.after(perMs > 0 ? -Math.log(1 - next()) / perMs : Infinity, () => { this.#nextArrival(type); this.arrive(type); });
  }

  arrive(type: number): void {
    const { cores, skew } = this.options;
    const worker = this.workers[Math.floor(this.random() * (skew > 0 ? Math.min(skew, cores) : cores))] as SimWorker;
    const thread = this.#make(type, worker, undefined);
    if (thread.isMeasured) (this.counts[type] as ClassCounts).offered++;
    this.#offer(worker, thread);
  }

  #make(type: number, worker: SimWorker, caller: SimThread | undefined): SimThread {
    const { workload, warmUp } = this.options;
    const request = workload.classes[type] as RequestClass;
    const next = this.#streams[type] as Random;
    const cpuMs = request.steps.map((step) => step.cpuMs(next) * (this.#cpuTimes[type] as number));
    const waitMs = request.steps.map((step) => step.waitMs?.(next) ?? 0);
    const bytesOf = request.steps.map((step) => (step.bytes?.(next) ?? 0) * (this.#byteTimes[type] as number));
    return {
      id: this.#ids++, type, request, arrivedAt: this.now, deadlineAt: caller?.deadlineAt ?? this.now + request.deadlineMs, isMeasured: caller === undefined && this.now >= warmUp * 1000, caller,
      worker, step: 0, left: cpuMs[0] as number, attainedUs: 0, bytes: 0, startedAt: -1, work: 0, cpu: 0, hasEnded: false, cpuMs, waitMs, bytesOf,
    };
  }

  #offer(worker: SimWorker, thread: SimThread): void {
    if (this.#policy.arrive(worker, thread)) this.kick(worker);
    else this.end(thread, 'refused');
  }

  /** It calls what one worker alone may run, and goes on when that has ended. */
  #call(caller: SimThread, name: string): void {
    const type = this.options.workload.classes.findIndex((one) => one.name === name);
    const worker = this.workers[this.options.workload.classes[type]?.home ?? NaN] as SimWorker;
    this.#offer(worker, this.#make(type, worker, caller));
  }

  /** There is something for a worker: it wakes, or if it is busy another that may steal. */
  kick(worker: SimWorker): void {
    if (worker.isIdle) { this.#wake(worker); return; }
    if (this.#policy.steal === undefined) return;
    const first = Math.floor(this.random() * this.workers.length);
    for (let k = 0; k < Math.min(this.workers.length, WAKES_MAX); k++) {
      const other = this.workers[(first + k) % this.workers.length] as SimWorker;
      if (other.isIdle && !other.isWaking) { this.#wake(other); return; }
    }
  }

  #wake(worker: SimWorker): void {
    if (worker.isWaking) return;
    worker.isWaking = true;
    this.events.after(WAKE_MS, () => {
      worker.isWaking = false;
      if (!worker.isIdle || worker.isStalled) return;
      worker.isIdle = false;
      worker.sliceEnd = this.now + this.options.sliceMs;
      this.#takeInbox(worker);
      this.#next(worker);
    });
  }

  // ---- running ----

  #takeInbox(worker: SimWorker): void {
    for (const thread of worker.inbox.splice(0)) this.#policy.ready(worker, thread);
  }

  #next(worker: SimWorker): void {
    if (worker.isStalled) return;
    if (this.now >= worker.sliceEnd) {
      worker.sliceEnd = this.now + LOOP_MS + this.options.sliceMs;
      worker.busyMs += LOOP_MS;
      this.events.after(LOOP_MS, () => { this.#takeInbox(worker); this.#next(worker); });
      return;
    }
    const thread = this.#policy.pick(worker) ?? this.#pickAgain(worker) ?? this.#policy.steal?.(worker);
    if (thread === undefined) { worker.isIdle = true; return; }
    this.#run(worker, thread);
  }

  #pickAgain(worker: SimWorker): SimThread | undefined {
    if (worker.inbox.length === 0) return undefined;
    this.#takeInbox(worker);
    return this.#policy.pick(worker);
  }

  #run(worker: SimWorker, thread: SimThread): void {
    thread.worker = worker;
    if (thread.startedAt < 0) { thread.startedAt = this.now; this.live++; }
    const ms = Math.min(thread.left, this.#policy.quantumMs);
    const wall = ms * this.#slowness() + SWITCH_MS;
    worker.busyMs += wall;
    if (this.options.traces) this.trace.push(`${this.now.toFixed(6)} ${worker.id} ${thread.id}`);
    this.events.after(wall, () => {
      if (thread.hasEnded) { this.#next(worker); return; }               // its worker has died meanwhile
      thread.left -= ms;
      thread.work += ms;
      thread.cpu += wall;
      const isPreempted = thread.left > 1e-12;
      this.#policy.ran(worker, thread, wall, isPreempted);
      if (!isPreempted) this.#endStep(thread);
      this.#next(worker);
    });
  }

  #slowness(): number {
    const use = this.bytes / this.bytesLimit;
    return use <= 1 ? 1 : 1 + THRASH * (use - 1);
  }

  #endStep(thread: SimThread): void {
    const step = thread.request.steps[thread.step] as Step;
    const bytes = thread.bytesOf[thread.step] as number;
    thread.bytes += bytes;
    this.bytes += bytes;
    this.bytesPeak = Math.max(this.bytesPeak, this.bytes);
    this.#policy.stepped?.(thread, step);
    if (step.waitsFor === 'end') { this.end(thread, this.now <= thread.deadlineAt ? 'ok' : 'late'); return; }
    if (step.waitsFor === 'time') { this.events.after(thread.waitMs[thread.step] as number, () => this.#resume(thread)); return; }
    if (step.calls !== undefined) { this.#call(thread, step.calls); return; }
    if (this.#policy.mayPass === undefined || this.#policy.mayPass(thread)) this.toStation(thread);
  }

  toStation(thread: SimThread): void {
    (this.station as Station).add(thread.waitMs[thread.step] as number, () => {
      this.#policy.stationDone?.(thread);
      if (!thread.hasEnded) this.#resume(thread);
    });
  }

  #resume(thread: SimThread): void {
    if (thread.hasEnded) return;
    thread.step++;
    thread.left = thread.cpuMs[thread.step] as number;
    thread.worker.inbox.push(thread);
    if (thread.worker.isIdle) this.#wake(thread.worker);
  }

  end(thread: SimThread, how: Ending): void {
    if (thread.hasEnded) return;
    thread.hasEnded = true;
    this.bytes -= thread.bytes;
    thread.bytes = 0;
    if (thread.startedAt >= 0) this.live--;
    if (thread.isMeasured) this.#count(thread, how);
    if (thread.caller !== undefined) { this.#policy.ended?.(thread, how); this.#return(thread, thread.caller, how); return; }
    if (this.now >= this.options.warmUp * 1000) this.#countWork(thread, how);
    const bucket = this.series[Math.floor(this.now / BUCKET_MS)] ??= { ok: this.counts.map(() => 0), bytes: 0 };
    if (how === 'ok') bucket.ok[thread.type] = (bucket.ok[thread.type] as number) + 1;
    bucket.bytes = Math.max(bucket.bytes, this.bytes);
    this.#policy.ended?.(thread, how);
  }

  /** A call has ended: its caller goes on, or ends as it did. */
  #return(thread: SimThread, caller: SimThread, how: Ending): void {
    caller.work += thread.work;
    caller.cpu += thread.cpu;
    if (how === 'ok' || how === 'late') this.#resume(caller);
    else this.end(caller, how);
  }

  /** By the time of the end: at both ends of the run some that span it are cut. */
  #countWork(thread: SimThread, how: Ending): void {
    const counts = this.counts[thread.type] as ClassCounts;
    if (how === 'ok') counts.work += thread.work;
    else counts.wasted += thread.cpu;
  }

  #count(thread: SimThread, how: Ending): void {
    const counts = this.counts[thread.type] as ClassCounts;
    const ms = this.now - thread.arrivedAt;
    counts[how]++;
    if (how === 'ok') {
      counts.latencies.push(ms);
      counts.delays.push(Math.max(0, ms - thread.cpuMs.reduce((a, b) => a + b, 0) - thread.waitMs.reduce((a, b) => a + b, 0)));
    }
    if (how === 'refused' || how === 'dropped') counts.refusalMs += ms;
  }
}
