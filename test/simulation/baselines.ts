/** What others do, on the same machine: to compare with, and to show that the workloads tell good from bad. */
import { Deque } from '../../packages/worker/src/deque.ts';
import type { Ending, Machine, Policy, SimThread, SimWorker } from './machine.ts';

const VICTIMS_MAX = 16;

/** Queues a worker by some order of its own; idle workers steal what has not begun. */
abstract class Queued implements Policy {
  readonly quantumMs: number;
  readonly #dropsLate: boolean;
  protected machine!: Machine;
  protected queues!: Deque<SimThread>[][];

  /** @param dropsLate  what is past its deadline is dropped when its turn comes */
  constructor({ quantumMs, dropsLate }: { quantumMs: number; dropsLate: boolean }) { this.quantumMs = quantumMs; this.#dropsLate = dropsLate; }

  protected abstract queueOf(thread: SimThread): number;
  protected abstract readonly queueCount: number;

  begin(machine: Machine): void {
    this.machine = machine;
    this.queues = machine.workers.map(() => Array.from({ length: this.queueCount }, () => new Deque<SimThread>()));
  }
  arrive(worker: SimWorker, thread: SimThread): boolean { this.ready(worker, thread); return true; }
  ready(worker: SimWorker, thread: SimThread): void { this.queues[worker.id]?.[this.queueOf(thread)]?.push(thread); }
  ran(worker: SimWorker, thread: SimThread, _ms: number, isPreempted: boolean): void { if (isPreempted) this.ready(worker, thread); }

  pick(worker: SimWorker): SimThread | undefined {
    for (const queue of this.queues[worker.id] ?? []) {
      for (let thread = queue.shift(); thread !== undefined; thread = queue.shift()) if (this.#isWorthIt(thread)) return thread;
    }
    return undefined;
  }

  steal(thief: SimWorker): SimThread | undefined {
    const { workers } = this.machine;
    const first = Math.floor(this.machine.random() * workers.length);
    for (let k = 0; k < Math.min(workers.length, VICTIMS_MAX); k++) {
      const victim = workers[(first + k) % workers.length] as SimWorker;
      if (victim === thief) continue;
      for (const queue of this.queues[victim.id] ?? []) {
        if (queue.first === undefined || queue.first.startedAt >= 0) continue;
        const thread = queue.shift() as SimThread;
        if (this.#isWorthIt(thread)) return thread;
      }
    }
    return undefined;
  }

  #isWorthIt(thread: SimThread): boolean {
    if (!this.#dropsLate || this.machine.now <= thread.deadlineAt) return true;
    this.machine.end(thread, 'dropped');
    return false;
  }
}

/** First come, first served, to the end: an event loop a core. */
export class Fifo extends Queued {
  protected readonly queueCount = 1;
  constructor() { super({ quantumMs: Infinity, dropsLate: false }); }
  protected queueOf(): number { return 0; }
}

/** Least attained service first, what is late dropped. */
export class LeastAttained extends Queued {
  protected readonly queueCount = 8;
  constructor() { super({ quantumMs: 1, dropsLate: true }); }
  protected queueOf({ work }: SimThread): number {
    let level = 0;
    for (let bound = 1; work >= bound && level < 7; bound *= 2) level++;
    return level;
  }
}

/** One limit on requests in flight, by the gradient of latency. Source: Netflix concurrency-limits, Gradient2. */
export class Gradient2 extends Queued {
  protected readonly queueCount = 1;
  #limit = 20;
  #inFlight = 0;
  #longMs = 0;
  #sumMs = 0;
  #ended = 0;
  constructor() { super({ quantumMs: 1, dropsLate: false }); }
  protected queueOf(): number { return 0; }

  override begin(machine: Machine): void {
    super.begin(machine);
    const look = (): void => { this.#adjust(); machine.events.after(50, look); };
    machine.events.after(50, look);
  }
  override arrive(worker: SimWorker, thread: SimThread): boolean {
    if (this.#inFlight >= this.#limit) return false;
    this.#inFlight++;
    return super.arrive(worker, thread);
  }
  ended(thread: SimThread, how: Ending): void {
    if (how === 'refused') return;
    this.#inFlight--;
    this.#sumMs += this.machine.now - thread.arrivedAt;
    this.#ended++;
  }
  #adjust(): void {
    if (this.#ended < 10) return;
    const shortMs = this.#sumMs / this.#ended;
    this.#sumMs = this.#ended = 0;
    this.#longMs = this.#longMs === 0 ? shortMs : this.#longMs + (shortMs - this.#longMs) * 20 / 601;
    if (this.#longMs / shortMs > 2) this.#longMs *= 0.95;
    if (this.#inFlight < this.#limit / 2) return;
    const gradient = Math.max(0.5, Math.min(1, 1.5 * this.#longMs / shortMs));
    this.#limit = Math.max(4, this.#limit * 0.8 + (this.#limit * gradient + 4) * 0.2);
  }
}

interface Desk { readonly queues: Map<number, NodeQueue>; pass: number; current: NodeQueue | undefined }
interface NodeQueue { readonly node: number; readonly threads: Deque<SimThread>; pass: number }

/** Our reading of the scheduler of 2003 on each core: a queue a node, stride among them, priorities moved by the pressure of memory, nothing refused. */
export class Capriccio2003 implements Policy {
  readonly quantumMs = Infinity;
  #machine!: Machine;
  #nodes!: Desk[];
  readonly #tickets = new Map<number, number>();
  readonly #takes = new Map<number, boolean>();

  begin(machine: Machine): void {
    this.#machine = machine;
    this.#nodes = machine.workers.map(() => ({ queues: new Map(), pass: 0, current: undefined }));
    for (const { steps } of machine.options.workload.classes) for (const { node, bytes } of steps) this.#takes.set(node, bytes !== undefined);
    const look = (): void => { this.#adjust(); machine.events.after(50, look); };
    machine.events.after(50, look);
  }
  arrive(worker: SimWorker, thread: SimThread): boolean { this.ready(worker, thread); return true; }
  ready(worker: SimWorker, thread: SimThread): void {
    const mine = this.#nodes[worker.id] as Desk;
    const { node } = thread.request.steps[thread.step] as { node: number };
    const queue = mine.queues.get(node) ?? { node, threads: new Deque<SimThread>(), pass: 0 };
    mine.queues.set(node, queue);
    if (queue.threads.length === 0) queue.pass = Math.max(queue.pass, mine.pass);
    queue.threads.push(thread);
  }
  pick(worker: SimWorker): SimThread | undefined {
    const mine = this.#nodes[worker.id] as Desk;
    let best: NodeQueue | undefined;
    for (const queue of mine.queues.values()) if (queue.threads.length > 0 && (best === undefined || queue.pass < best.pass)) best = queue;
    if (best === undefined) return undefined;
    mine.pass = best.pass;
    mine.current = best;
    return best.threads.shift();
  }
  ran(worker: SimWorker, _thread: SimThread, ms: number): void {
    const { current } = this.#nodes[worker.id] as Desk;
    if (current !== undefined) current.pass += ms / (this.#tickets.get(current.node) ?? 1);
  }
  steal(thief: SimWorker): SimThread | undefined {
    for (const victim of this.#machine.workers) {
      if (victim === thief) continue;
      for (const { threads } of this.#nodes[victim.id]?.queues.values() ?? []) if (threads.first !== undefined && threads.first.startedAt < 0) return threads.shift();
    }
    return undefined;
  }
  #adjust(): void {
    const isShort = this.#machine.bytes > 0.9 * this.#machine.bytesLimit;
    for (const [node, takes] of this.#takes) {
      const tickets = this.#tickets.get(node) ?? 1;
      this.#tickets.set(node, Math.max(0.01, Math.min(100, isShort ? tickets * (takes ? 0.5 : 2) : tickets + (1 - tickets) * 0.25)));
    }
  }
}
