/**
 * `serve` on the machine of the simulation: connections belong to workers, so what has come to one waits there, and is judged by that worker's queue alone.
 * Who is admitted (RouteAdmission), whose turn it is (Roots) and when clients give up (Patience) are the product's; here are only the wires, as
 * serve/request-threads.ts has them. What arrives while something runs is read when that has ended, as an event loop does; a request that has been read
 * and has not begun costs nothing.
 */
import { STALE_AT_ONCE } from '../../packages/core/src/conductor/admission.ts';
import { Patiences } from '../../packages/core/src/conductor/patience.ts';
import { RouteAdmission, type Refusals } from '../../packages/core/src/serve/route-admission.ts';
import { schedulingRules, type SchedulingRules } from '../../packages/worker/src/levels.ts';
import { Roots } from '../../packages/worker/src/roots.ts';
import type { Entry, Root } from '../../packages/worker/src/run-queues.ts';
import type { Ending, Machine, Policy, SimThread, SimWorker } from './machine.ts';
import { takeTurn, type Desk } from './turns.ts';
import type { Step } from './workloads.ts';

/** The server's deadline; a request class's own is when its clients give up, ms. */
const DEADLINE_MS = 1000;

/** What the ablations switch off. */
export interface WeakenedServing {
  readonly rules?: Partial<SchedulingRules>;
  readonly refusesStale?: boolean;
  readonly takesNewest?: boolean;
  readonly keepsClaims?: boolean;
}

interface Queue { readonly root: Root<SimThread>; readonly admission: RouteAdmission }
interface Waiting extends Entry<SimThread> { readonly thread: SimThread; readonly queue: Queue; readAt: number; waits: boolean; isGone: boolean; isTaken: boolean; begunAt: number; prepaidMs: number }
interface Front extends Desk { readonly clients: Patiences; readonly refusals: Refusals; readonly queues: Map<number, Queue>; readonly arrived: SimThread[] }

export class Serving implements Policy {
  readonly quantumMs = Infinity;
  readonly #rules: SchedulingRules;
  readonly #weakened: WeakenedServing;
  #machine!: Machine;
  #desks!: Front[];
  readonly #waiting = new Map<SimThread, Waiting>();
  #begun: SimThread | undefined;

  constructor(weakened: WeakenedServing = {}) {
    this.#weakened = weakened;
    this.#rules = { ...schedulingRules, ...weakened.rules };
  }

  begin(machine: Machine): void {
    this.#machine = machine;
    this.#desks = machine.workers.map(() => ({ roots: new Roots<SimThread>(this.#rules), clients: new Patiences(), refusals: { atMs: -Infinity }, queues: new Map(), arrived: [], current: undefined }));
  }

  arrive(worker: SimWorker, thread: SimThread): boolean {
    this.#desk(worker).arrived.push(thread);
    return true;
  }

  #desk(worker: SimWorker): Front { return this.#desks[worker.id] as Front; }
  #queueOf(desk: Front, { type, request: { name, tickets } }: SimThread): Queue {
    let queue = desk.queues.get(type);
    if (queue === undefined) {
      const root = desk.roots.named(name);
      if (tickets !== undefined) root.give(tickets);
      desk.queues.set(type, queue = { root, admission: new RouteAdmission(root, desk.roots.active, desk.clients, undefined, desk.refusals, this.#machine.now) });
    }
    return queue;
  }

  /** It has been read. */
  #add(desk: Front, thread: SimThread): void {
    const nowMs = this.#machine.now;
    const queue = this.#queueOf(desk, thread);
    const { root, admission } = queue;
    if (this.#weakened.refusesStale !== false) this.#shedStale(queue, nowMs);
    const waits = admission.isWaitedFor;
    const isRefused = admission.arrives(nowMs, DEADLINE_MS) !== undefined;
    if (this.#weakened.takesNewest === false) root.isNewestFirst = false;
    if (this.#weakened.keepsClaims === false) root.claimMs = 0;
    if (isRefused && !this.#shedFirst(queue, nowMs)) { this.#machine.end(thread, 'refused'); return; }
    const entry: Waiting = { root, thread, queue, readAt: nowMs, waits, isGone: false, isTaken: false, begunAt: 0, prepaidMs: 0, mayLeave: true, begin: () => this.#start(entry) };
    this.#waiting.set(thread, entry);
    this.#machine.events.after(thread.deadlineAt - nowMs, () => this.#giveUp(entry));
    root.entries.push(entry);
    desk.roots.activate(root);
  }

  /** Its client has waited for long enough. */
  #giveUp(entry: Waiting): void {
    const { thread, queue: { admission } } = entry;
    if (thread.hasEnded || !entry.waits) return;
    admission.gaveUp(this.#machine.now - entry.readAt);
    if (entry.isTaken) return;
    entry.isGone = true;
    admission.gone++;
  }

  #frontOf({ root, admission }: Queue, nowMs: number): Waiting | undefined {
    for (let first = root.entries.first as Waiting | undefined; first !== undefined; first = root.entries.first as Waiting | undefined) {
      if (!first.isGone) return first;
      root.entries.shift();
      first.isTaken = true;
      admission.gone--;
      admission.left(nowMs);
      this.#machine.end(first.thread, 'dropped');
    }
    return undefined;
  }
  #shedFirst(queue: Queue, nowMs: number): boolean {
    const first = this.#frontOf(queue, nowMs);
    if (first === undefined || !queue.admission.leavesInstead(nowMs, first.readAt, DEADLINE_MS)) return false;
    this.#takeOut(queue, first);
    return true;
  }
  #shedStale(queue: Queue, nowMs: number): void {
    if (!queue.admission.shedsStale(nowMs)) return;
    for (let left = STALE_AT_ONCE; left > 0; left--) {
      const first = this.#frontOf(queue, nowMs);
      if (first === undefined || !queue.admission.isStale(nowMs, first.readAt, DEADLINE_MS)) return;
      this.#takeOut(queue, first);
      queue.admission.takesBack(nowMs, first.readAt);
    }
  }
  #takeOut({ root }: Queue, { thread }: Waiting): void {
    root.entries.shift();
    this.#machine.end(thread, 'refused');
  }

  pick(worker: SimWorker): SimThread | undefined {
    const desk = this.#desk(worker);
    for (const thread of desk.arrived.splice(0)) this.#add(desk, thread);
    return takeTurn(desk, (root) => this.#beginOne(root));
  }
  #beginOne(root: Root<SimThread>): SimThread | undefined {
    this.#begun = undefined;
    root.takeEntry()?.begin();
    return this.#begun;
  }
  #start(entry: Waiting): void {
    const { thread, queue: { admission } } = entry;
    const nowMs = this.#machine.now;
    entry.isTaken = true;
    if (entry.isGone) admission.gone--;
    admission.left(nowMs);
    if (entry.isGone || this.#isPast(entry, nowMs)) { this.#machine.end(thread, 'dropped'); return; }
    admission.begins();
    entry.begunAt = nowMs;
    this.#begun = thread;
  }
  #isPast({ queue: { admission }, readAt }: Waiting, nowMs: number): boolean { return nowMs - readAt > DEADLINE_MS || admission.isTooLate(nowMs - readAt, DEADLINE_MS); }

  ran(worker: SimWorker, _thread: SimThread, ms: number): void {
    const desk = this.#desk(worker);
    const root = desk.current as Root<SimThread>;
    desk.roots.charge(root, ms);
    root.costUs += (ms * 1000 - root.costUs) / 8;
  }

  stepped(thread: SimThread, step: Step): void {
    const entry = this.#waiting.get(thread) as Waiting;
    if (step.waitsFor === 'end') return;
    const { root, admission } = entry.queue;
    entry.prepaidMs = admission.prepaidMs;
    if (entry.prepaidMs > 0) this.#desk(thread.worker).roots.prepay(root, entry.prepaidMs);
  }
  ready(worker: SimWorker, thread: SimThread): void {
    const { queue: { root } } = this.#waiting.get(thread) as Waiting;
    root.push(thread, thread.step);
    this.#desk(worker).roots.activate(root);
  }

  ended(thread: SimThread, how: Ending): void {
    const entry = this.#waiting.get(thread);
    if (entry === undefined) return;
    this.#waiting.delete(thread);
    if (how !== 'ok' && how !== 'late') return;
    const { root, admission } = entry.queue;
    if (entry.prepaidMs > 0) this.#desk(thread.worker).roots.repay(root, entry.prepaidMs);
    if (thread.step > 0) { admission.usedLater(thread.attainedUs / 1000); admission.ended(entry.begunAt, this.#machine.now); } else admission.endedAtOnce(entry.begunAt, this.#machine.now);
  }
}
