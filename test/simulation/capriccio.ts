/**
 * The product's policy on the machine of the simulation. Everything that decides is imported from packages/: run queues, levels, gates, admission, the
 * conductor's `decide`. Here are only the wires: what the workers' tables would hold is counted, what the conductor's words would say is obeyed. What
 * has not begun may be stolen, as calls may; requests, which belong to the worker that has their connection, are in serving.ts.
 */
import { Admission, forecastWait } from '../../packages/core/src/conductor/admission.ts';
import { Standing } from '../../packages/core/src/conductor/standing.ts';
import { decide, firstState, isYoungAt, periodMsAt, type ConductorState, type DecideRules } from '../../packages/core/src/conductor/decide.ts';
import { dueAt, lookedAt, type Looked, type Sums } from '../../packages/core/src/conductor/quiet.ts';
import type { EdgeReading, Plan, RootPlan, Snapshot } from '../../packages/core/src/conductor/snapshot.ts';
import { schedulingRules, type SchedulingRules } from '../../packages/worker/src/levels.ts';
import { NOTHING } from '../../packages/worker/src/moments.ts';
import { ResourceGate, type Reservation } from '../../packages/worker/src/resource-gate.ts';
import { Roots } from '../../packages/worker/src/roots.ts';
import type { Entry, Root } from '../../packages/worker/src/run-queues.ts';
import { LocalCredits, WindowGate } from '../../packages/worker/src/window-gate.ts';
import type { Ending, Machine, Policy, SimThread, SimWorker } from './machine.ts';
import { takeTurn, type Desk } from './turns.ts';
import type { Step } from './workloads.ts';

/** What the ablations switch off. */
export interface Weakened {
  readonly rules?: Partial<SchedulingRules>;
  readonly decide?: Partial<DecideRules>;
  /** When what cannot be in time is refused: at its arrival, or when its turn comes, or never. */
  readonly shedding?: 'arrival' | 'head' | 'none';
  /** Who has waited longest is refused instead of who comes. */
  readonly refusesFront?: boolean;
  readonly steals?: boolean;
  readonly gatesMemory?: boolean;
  /** The conductor is dead in this span, seconds. */
  readonly dead?: { readonly from: number; readonly to: number };
  readonly quantumMs?: number;
}

const END = 0;
const STATION_NODE = 1;
/** Start node of the first root; the workloads' nodes are below. */
const STARTS = 100_000;
const READ_MS = 10;
const VICTIMS_MAX = 16;
const WINDOW_FIRST = 16;

const ticketed = ({ request: { name, tickets = 1 } }: SimThread): { name: string; tickets: number } => ({ name, tickets });

interface Tally { count: number; sum: number; squares: number }
const tally = (): Tally => ({ count: 0, sum: 0, squares: 0 });
const add = (sums: Tally, value: number): void => { sums.count++; sums.sum += value; sums.squares += value * value; };

interface RootBooks { readonly admission: Admission; readonly standing: Standing; queued: number; started: number; live: number; readonly own: Tally; readonly usedMs: number[] }
interface EdgeBooks { readonly from: number; readonly to: number; count: number; readonly time: Tally; readonly bytes: Tally }
interface Notes { node: number; since: number; gateMs: number; gateSince: number; promise: Reservation | undefined; isInside: boolean }
interface Waiting extends Entry<SimThread> { readonly thread: SimThread }

export class Capriccio implements Policy {
  readonly quantumMs: number;
  readonly steal: ((worker: SimWorker) => SimThread | undefined) | undefined;
  readonly #weakened: Weakened;
  #machine!: Machine;
  #desks!: Desk[];
  #books!: RootBooks[];
  readonly #edges = new Map<number, EdgeBooks>();
  readonly #notes = new Map<SimThread, Notes>();
  #memory: ResourceGate<SimThread> | undefined;
  readonly #credits = new LocalCredits();
  readonly #window = new WindowGate<SimThread>(WINDOW_FIRST, this.#credits);
  #areaMs = 0;
  #areaAt = 0;
  #state!: ConductorState;
  #looked: Looked | undefined;
  /** Looks at everything, and those that were spared. */
  looks = 0;
  spared = 0;
  plan: Plan | undefined;
  readonly windows: number[] = [];
  /** Of what has a worker of its own: nobody else may take it. */
  #homes!: ReadonlySet<string>;
  /** The thread that an entry has just begun. */
  #begun: SimThread | undefined;

  constructor(weakened: Weakened = {}) {
    this.#weakened = weakened;
    this.quantumMs = weakened.quantumMs ?? 1;
    this.steal = weakened.steals === false ? undefined : (worker) => this.#steal(worker);
  }

  begin(machine: Machine): void {
    this.#machine = machine;
    const { workload, cores } = machine.options;
    this.#homes = new Set(workload.classes.filter(({ home }) => home !== undefined).map(({ name }) => name));
    const rules = { ...schedulingRules, ...this.#weakened.rules };
    this.#desks = machine.workers.map(() => ({ roots: new Roots<SimThread>(rules), current: undefined }));
    this.#books = workload.classes.map(() => ({ admission: new Admission(), standing: new Standing(), queued: 0, started: 0, live: 0, own: tally(), usedMs: Array.from({ length: cores }, () => 0) }));
    this.#state = firstState(machine.now);
    if (Number.isFinite(machine.bytesLimit) && this.#weakened.gatesMemory !== false) {
      this.#memory = new ResourceGate(machine.bytesLimit);
      const read = (): void => { this.#read(); machine.events.after(READ_MS, read); };
      machine.events.after(READ_MS, read);
    }
    const look = (): void => { this.#look(); machine.events.after(periodMsAt(machine.now), look); };
    machine.events.after(periodMsAt(0), look);
  }

  // ---- arrival ----

  arrive(worker: SimWorker, thread: SimThread): boolean {
    const books = this.#books[thread.type] as RootBooks;
    const root = this.#rootOf(worker, thread);
    books.standing.note(this.#machine.now, true);
    if (this.#weakened.shedding === undefined || this.#weakened.shedding === 'arrival') {
      const isRefused = this.#judge(books, thread) !== undefined;
      if (isRefused && (this.#weakened.refusesFront === false || !this.#refuseFront(books, root))) return false;
    }
    books.queued++;
    const { roots } = this.#desk(worker);
    const waiting: Waiting = { root, thread, mayLeave: true, begin: () => this.#start(thread) };
    root.entries.push(waiting);
    roots.activate(root);
    return true;
  }

  /** Who has waited longest leaves instead of the newcomer. */
  #refuseFront(books: RootBooks, { entries }: Root<SimThread>): boolean {
    const first = entries.first as Waiting | undefined;
    if (first === undefined || !books.admission.leavesInstead(this.#machine.now, this.#ageOf(first), first.thread.request.deadlineMs, entries.length)) return false;
    this.#refuse(books, entries, first);
    return true;
  }
  #ageOf({ thread }: Waiting): number { return this.#machine.now - thread.arrivedAt; }
  #refuse(books: RootBooks, entries: Root<SimThread>['entries'], { thread }: Waiting): void {
    entries.shift();
    books.queued--;
    this.#machine.end(thread, 'refused');
  }

  #judge(books: RootBooks, thread: SimThread): number | undefined {
    const plan = this.#planOf(thread);
    const gates = (plan?.gates ?? []).map(({ visits, ratePerMs }) => {
      const { waiting, share } = this.#window.standingOf(ticketed(thread));
      return { visits, waiting, ratePerMs: ratePerMs * share };
    });
    const waitMs = forecastWait(books.queued, plan?.drainPerMs ?? 0, gates);
    return books.admission.judge({
      queue: { stands: books.standing.stands, isAway: false, isGated: gates.length > 0, share: 1, ofOwn: 1, fairWaitMs: waitMs },
      nowMs: this.#machine.now, arrivedAtMs: thread.arrivedAt, deadlineMs: thread.request.deadlineMs, ownMs: plan?.ownMs ?? NOTHING, workers: this.#machine.workers.length,
      waitMs, waiting: books.queued + gates.reduce((sum, { waiting }) => sum + waiting, 0),
    });
  }

  #planOf(thread: SimThread): RootPlan | undefined { return this.plan?.roots.get(thread.request.name); }
  #desk(worker: SimWorker): Desk { return this.#desks[worker.id] as Desk; }
  #rootOf(worker: SimWorker, thread: SimThread): Root<SimThread> {
    const root = this.#desk(worker).roots.named(thread.request.name);
    if (thread.request.tickets !== undefined && this.plan === undefined) root.tickets = thread.request.tickets;
    return root;
  }

  // ---- whose turn it is ----

  pick(worker: SimWorker): SimThread | undefined {
    return takeTurn(this.#desk(worker), (root) => this.#beginOne(root), (thread) => {
      if (!this.#isPast(thread)) return true;
      this.#machine.end(thread, 'dropped');
      return false;
    });
  }

  #beginOne(root: Root<SimThread>): SimThread | undefined {
    this.#begun = undefined;
    root.takeEntry()?.begin();
    return this.#begun;
  }

  /** It asked to be cancelled once its deadline has passed. */
  #isPast(thread: SimThread): boolean { return thread.request.onDeadline === 'cancel' && this.#machine.now > thread.deadlineAt; }

  #start(thread: SimThread): void {
    const books = this.#books[thread.type] as RootBooks;
    books.queued--;
    books.standing.note(this.#machine.now, books.queued > 0 || (this.#planOf(thread)?.gates.length ?? 0) > 0 && this.#window.standingOf(ticketed(thread)).waiting > 0);
    const { now } = this.#machine;
    books.started++;
    if (this.#weakened.shedding !== 'none' && now > thread.deadlineAt) {
      this.#machine.end(thread, 'dropped');
      return;
    }
    books.live++;
    const notes: Notes = { node: STARTS + thread.type, since: now, gateMs: 0, gateSince: 0, promise: undefined, isInside: false };
    this.#notes.set(thread, notes);
    this.#promise(notes, this.#planOf(thread)?.growth.bytes ?? NOTHING);
    this.#begun = thread;
  }

  ran(worker: SimWorker, thread: SimThread, ms: number, isPreempted: boolean): void {
    const desk = this.#desk(worker);
    const root = desk.current as Root<SimThread>;
    if (isPreempted) { root.requeue(thread); desk.roots.activate(root); }
    desk.roots.charge(root, ms);
    root.costUs += (ms * 1000 - root.costUs) / 8;
    const { usedMs } = this.#books[thread.type] as RootBooks;
    usedMs[worker.id] = (usedMs[worker.id] as number) + ms;
  }

  #steal(thief: SimWorker): SimThread | undefined {
    const { workers } = this.#machine;
    const first = Math.floor(this.#machine.random() * workers.length);
    for (let k = 0; k < Math.min(workers.length, VICTIMS_MAX); k++) {
      const victim = workers[(first + k) % workers.length] as SimWorker;
      if (victim === thief) continue;
      let best: Root<SimThread> | undefined;
      for (const root of this.#desk(victim).roots.active) if (root.entries.length > 0 && !this.#homes.has(root.name) && (root.hasRoom === undefined || root.hasRoom()) && (best === undefined || root.pass < best.pass)) best = root;
      const thread = best === undefined ? undefined : this.#beginOne(best);
      if (thread === undefined) continue;
      const desk = this.#desk(thief);
      desk.current = desk.roots.named(thread.request.name);
      desk.current.draw();
      return thread;
    }
    return undefined;
  }

  // ---- waits ----

  ready(worker: SimWorker, thread: SimThread): void {
    const notes = this.#notes.get(thread) as Notes;
    const growth = this.plan?.nodes.get(notes.node)?.growth.bytes ?? NOTHING;
    if (this.#memory !== undefined && !this.#memory.hasRoom(growth)) { this.#memory.hold(thread, growth); return; }
    this.#promise(notes, growth);
    this.#push(worker, thread, notes);
  }

  #push(worker: SimWorker, thread: SimThread, notes: Notes): void {
    notes.since = this.#machine.now;
    const root = this.#rootOf(worker, thread);
    root.push(thread, notes.node);
    this.#desk(worker).roots.activate(root);
  }

  #promise(notes: Notes, growth: { mean: number; variance: number }): void {
    if (this.#memory === undefined || this.#memory.isMinor(growth)) return;
    if (!notes.isInside) { notes.isInside = true; this.#memory.inside++; }
    notes.promise = this.#memory.reserve(growth);
  }

  #read(): void {
    const memory = this.#memory as ResourceGate<SimThread>;
    memory.limit = this.#machine.bytesLimit;
    memory.read(this.#machine.bytes);
    for (let thread = memory.release(); thread !== undefined; thread = memory.release()) {
      const notes = this.#notes.get(thread) as Notes;
      if (this.#isPast(thread)) { this.#machine.end(thread, 'dropped'); continue; }
      this.#promise(notes, this.plan?.nodes.get(notes.node)?.growth.bytes ?? NOTHING);
      this.#push(thread.worker, thread, notes);
      this.#machine.kick(thread.worker);
    }
    for (const worker of this.#machine.workers) if (worker.isIdle) this.#machine.kick(worker);
  }

  stepped(thread: SimThread, step: Step): void {
    const notes = this.#notes.get(thread) as Notes;
    const to = step.waitsFor === 'end' ? END : step.node;
    const bytes = (thread.bytesOf[thread.step] as number) - (to === END ? thread.bytes : 0);
    const key = notes.node * 1_000_000 + to;
    let edge = this.#edges.get(key);
    if (edge === undefined) this.#edges.set(key, edge = { from: notes.node, to, count: 0, time: tally(), bytes: tally() });
    edge.count++;
    add(edge.time, this.#machine.now - notes.since);
    add(edge.bytes, bytes);
    if (notes.promise !== undefined) this.#memory?.keep(notes.promise);
    notes.promise = undefined;
    notes.node = to;
  }

  // ---- the station ----

  #countArea(): void {
    this.#areaMs += this.#credits.inUse * (this.#machine.now - this.#areaAt);
    this.#areaAt = this.#machine.now;
  }

  mayPass(thread: SimThread): boolean {
    if (this.#weakened.decide?.hasWindows === false) return true;
    this.#countArea();
    (this.#notes.get(thread) as Notes).gateSince = this.#machine.now;
    return this.#window.enter(thread, ticketed(thread));
  }

  stationDone(): void {
    if (this.#weakened.decide?.hasWindows === false) return;
    this.#countArea();
    this.#window.leave();
    this.#letIn();
  }

  #letIn(): void {
    for (let thread = this.#window.next(); thread !== undefined; thread = this.#window.next()) {
      const notes = this.#notes.get(thread);
      if (notes === undefined) { this.#window.giveBack(); continue; }
      if (this.#isPast(thread)) { this.#window.giveBack(); this.#machine.end(thread, 'dropped'); continue; }
      notes.gateMs += this.#machine.now - notes.gateSince;
      this.#machine.toStation(thread);
    }
  }

  ended(thread: SimThread, how: Ending): void {
    const notes = this.#notes.get(thread);
    if (notes === undefined) return;
    this.#notes.delete(thread);
    const books = this.#books[thread.type] as RootBooks;
    books.live--;
    if (how === 'ok' || how === 'late') add(books.own, this.#machine.now - thread.startedAt - notes.gateMs);
    if (notes.promise !== undefined) this.#memory?.keep(notes.promise);
    if (notes.isInside && this.#memory !== undefined) this.#memory.inside--;
    this.#memory?.forget(thread);
  }

  /** A worker has died with what it ran and what it had not begun. */
  killWorker(worker: SimWorker): void {
    worker.isStalled = true;
    for (const [thread] of this.#notes) if (thread.worker === worker) this.#machine.end(thread, 'lost');
  }

  // ---- the conductor ----

  #look(): void {
    const { dead } = this.#weakened;
    const seconds = this.#machine.now / 1000;
    if (dead !== undefined && seconds >= dead.from && seconds < dead.to) return;
    const sums = this.#sums();
    const due = this.#looked === undefined || isYoungAt(this.#machine.now) ? 'decide' : dueAt(this.#machine.now, sums, this.#looked);
    if (due !== 'decide') {
      this.spared++;
      if (due === 'look') this.#looked = lookedAt(this.#machine.now, sums, this.#looked);
      return;
    }
    this.looks++;
    const rules: DecideRules = { hasWindows: true, hasTickets: true, hasForecasts: true, ...this.#weakened.decide };
    const { plan, state } = decide(this.#snapshot(), this.#state, rules);
    this.#state = state;
    this.#looked = lookedAt(this.#machine.now, sums, this.#looked, plan);
    this.#obey(plan);
  }

  #sums(): Sums {
    const { bytes, bytesLimit, workers } = this.#machine;
    const competing = Math.max(...this.#desks.map(({ roots }) => [...roots.all].filter((root) => root.runnable > 0 || root.entries.length > 0).length));
    return {
      tables: workers.length, rows: this.#edges.size, queued: this.#books.reduce((sum, { queued }) => sum + queued, 0), started: this.#books.reduce((sum, { started }) => sum + started, 0),
      outside: this.#credits.inUse + this.#window.waitingCount, competing, use: Number.isFinite(bytesLimit) ? bytes / bytesLimit : 0,
    };
  }

  #snapshot(): Snapshot {
    this.#countArea();
    const { workload } = this.#machine.options;
    const nodes = new Set([...this.#edges.values()].map(({ to }) => to).filter((node) => node !== END));
    return {
      atMs: this.#machine.now, workers: this.#machine.workers.length,
      edges: [...this.#edges.values()].map(({ from, to, count, time, bytes }): EdgeReading => ({ from, to, count, timeMs: { ...time }, growth: { bytes: { ...bytes } } })),
      nodes: [...nodes].map((node) => {
        const isDownstream = node === STATION_NODE && workload.station !== undefined;
        const gate = isDownstream ? this.#window : undefined;
        return { node, isDownstream, done: gate?.done ?? 0, waits: gate?.waits ?? 0, waiting: gate?.waitingCount ?? 0, inUse: isDownstream ? this.#credits.inUse : 0, areaMs: isDownstream ? this.#areaMs : 0 };
      }),
      roots: this.#books.map(({ queued, started, live, own, usedMs }, type) => {
        const { name, tickets = 1 } = workload.classes[type] as { name: string; tickets?: number };
        const isRunnable = this.#desks.map(({ roots }) => roots.named(name)).map((root) => root.runnable > 0 || root.entries.length > 0);
        return { name, start: STARTS + type, tickets, queued, started, live, ownMs: { ...own }, usedMs: [...usedMs], isRunnable };
      }),
      resources: Number.isFinite(this.#machine.bytesLimit) ? [{ resource: 'bytes', used: this.#machine.bytes, limit: this.#machine.bytesLimit }] : [],
    };
  }

  #obey(plan: Plan): void {
    this.plan = plan;
    for (const { roots } of this.#desks) {
      for (const [name, { tickets, growth }] of plan.roots) {
        const root = roots.named(name);
        root.tickets = tickets;
        const { bytes } = growth;
        const gate = this.#memory;
        root.hasRoom = gate === undefined || bytes === undefined || gate.isMinor(bytes) ? undefined : () => gate.hasRoom(bytes);
        for (const [node, { tickets: nodeTickets }] of plan.nodes) root.setTickets(node, nodeTickets);
      }
    }
    const mark = plan.marks.get('bytes');
    if (mark !== undefined && this.#memory !== undefined) this.#memory.mark = mark;
    const window = plan.nodes.get(STATION_NODE)?.window;
    if (window === undefined) return;
    this.#window.window = window;
    this.windows.push(window);
    this.#letIn();
  }
}
