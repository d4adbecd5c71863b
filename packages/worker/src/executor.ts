/**
 * Runs tasks that other participants, or threads of this worker, have called: resolves the function, reads the arguments, begins it in a cell
 * (context.ts), and when it ends writes the result where its caller will find it. A task that ends at once never becomes a thread object.
 */
import {
  CapriccioError, MissingBufferError, describeFailure, extrasOf, ownerOf, slots as slotStates,
  type Extras, type FailureRecord, type Participant, type Tasks,
} from '@capriccio/shared';
import { Call } from './call.ts';
import type { Carried, CarriedStores } from './carried.ts';
import type { Caller } from './caller.ts';
import { Cell } from './context.ts';
import { sharedNow } from './clock.ts';
import { adoptFrame, runUntilWait, type CompiledOutcome } from './compiled/threads.ts';
import type { Twin } from './compiled/twins.ts';
import { isThenable } from './frame.ts';
import type { AnyFunction, FunctionRecord, Functions } from './functions.ts';
import type { Arrivals, Postman } from './ports.ts';
import type { Entry, Root } from './run-queues.ts';
import { NODE_YIELD, type Scheduler } from './scheduler.ts';
import type { SharedBufferTable } from './shared-buffers.ts';
import { LocalThread } from './thread.ts';
import { GENERATOR, sourceOf } from './stream-kinds.ts';
import type { StreamTable } from './streams.ts';

export interface ExecutorParts {
  readonly me: Participant;
  readonly tasks: Tasks;
  readonly scheduler: Scheduler;
  readonly functions: Functions;
  readonly postman: Postman;
  readonly argumentsByPort: Arrivals;
  readonly buffers: SharedBufferTable;
  readonly streams: StreamTable;
  readonly caller: Caller;
  readonly stores: CarriedStores;
}

/** Where a task came from: a slot of somebody's, or a private call of this isolate. */
interface SlotOrigin { readonly slot: number; readonly running: number }
type Origin = SlotOrigin | Call;
const isSlot = (origin: Origin): origin is SlotOrigin => !(origin instanceof Call);

export class Executor {
  readonly #parts: ExecutorParts;
  readonly #records: FunctionRecord[][] = [];
  /** Slots whose tasks have begun here and not ended. */
  readonly #running = new Map<number, LocalThread>();
  /** Serves one task after the other, as long as none blocks. */
  #cell = new Cell();
  /** For functions that may block: unused, for what an ended task left behind in a cell would find itself in the thread that keeps it. */
  #freshCell = new Cell();
  #willHandOver = false;
  /** Tasks that ended here, for stats(). */
  finished = 0;
  failed = 0;

  constructor(parts: ExecutorParts) { this.#parts = parts; }

  /** The record of the task in a slot. */
  recordOf(slot: number): FunctionRecord {
    const { me, tasks, functions } = this.#parts;
    const owner = ownerOf(me.memory.layout, slot);
    const number = tasks.functionNumberOf(slot);
    const records = this.#records[owner] ??= [];
    return records[number] ??= functions.named(me.namesOf(owner).text(number));
  }
  /** The root of a published task; a stale hint may name a function that is gone. */
  readonly rootOf = (slot: number): Root => {
    try { return this.recordOf(slot).root; } catch { return this.#parts.scheduler.roots.named('stale'); }
  };
  /** A participant's number may pass to a new worker. */
  forget(dead: number): void { this.#records[dead] = []; }

  // ---- beginning ----

  /** Takes a slot that was placed on this worker: it begins in its root's turn. */
  accept(slot: number): void {
    const { me } = this.#parts;
    const claimed = slotStates.claimPlaced(me.memory.words, slot, me.id);
    if (claimed === 0) me.letGo(slot);
    else this.#enqueueClaimed(this.recordOf(slot), slot, claimed);
  }

  /** Begins a claimed task, now if its module is loaded. */
  begin(slot: number, claimed: number): void {
    const record = this.recordOf(slot);
    if (record.fn === undefined && !this.#parts.functions.isThere(record)) { this.#beginWhenLoaded(record, slot, claimed); return; }
    const { tasks } = this.#parts;
    if (tasks.hasArgumentsByPort(slot)) { record.root.started--; this.#parts.argumentsByPort.claim(slot, slotStates.generationOf(claimed), (values) => this.#enqueue(record, slot, claimed, values as unknown[])); this.#parts.postman.receiveNow(); return; }
    let values: unknown[];
    try {
      values = tasks.readArguments(slot);
    } catch (error) {
      this.#failUnread(record, slot, claimed, error);
      return;
    }
    this.#start(record, slot, claimed, values, tasks.hasExtras(slot));
  }

  #beginWhenLoaded(record: FunctionRecord, slot: number, claimed: number): void {
    if (record.failure !== undefined) { this.#refuse(slot, claimed, record.failure); return; }
    record.root.started--;                                              // it begins when the module is there
    void this.#parts.functions.load(record).then(() => {
      if (record.failure !== undefined) this.#refuse(slot, claimed, record.failure);
      else this.#enqueueClaimed(record, slot, claimed);
    });
  }

  /** Arguments could not be read: a shared buffer is on its way, or the bytes are wrong. */
  #failUnread(record: FunctionRecord, slot: number, claimed: number, error: unknown): void {
    if (!(error instanceof MissingBufferError)) { this.#refuse(slot, claimed, error); return; }
    record.root.started--;
    this.#parts.buffers.whenKnown(error.number, () => this.#enqueueClaimed(record, slot, claimed));
    this.#parts.postman.receiveNow();
  }

  /** A task that never runs: its failure is its result. */
  #refuse(slot: number, claimed: number, error: unknown): void {
    const { me } = this.#parts;
    const running = slotStates.start(me.memory.words, slot, claimed);
    if (running === 0) me.letGo(slot);
    else this.#fail({ slot, running }, error);
    this.#handOverSoon();
  }

  /** A claimed task of another root than the one whose turn it is: it begins in its own, whose share pays for it. */
  beginInTurn(slot: number, claimed: number): void { this.#enqueueClaimed(this.recordOf(slot), slot, claimed); }

  #enqueueClaimed(record: FunctionRecord, slot: number, claimed: number): void {
    this.enqueue(record.root, () => this.begin(slot, claimed));
  }
  #enqueue(record: FunctionRecord, slot: number, claimed: number, values: unknown[]): void {
    this.enqueue(record.root, () => this.#start(record, slot, claimed, values, this.#parts.tasks.hasExtras(slot)));
  }
  /** Work that is this worker's already: it begins in its root's turn. */
  enqueue(root: Root, begin: () => void): void {
    root.entries.push({ root, begin } satisfies Entry);
    this.#parts.scheduler.roots.activate(root);
    this.#parts.scheduler.arm();
  }

  #start(record: FunctionRecord, slot: number, claimed: number, read: unknown[], hasExtras: boolean): void {
    const { me } = this.#parts;
    const running = slotStates.start(me.memory.words, slot, claimed);
    if (running === 0) { me.letGo(slot); return; }
    if (!hasExtras) { this.#run(record, { slot, running }, read, NO_EXTRAS); return; }
    const [deadlineAt, tickets, asThread, values, carried] = read as [number | undefined, number | undefined, boolean | undefined, unknown[], Carried | undefined];
    if (deadlineAt !== undefined && sharedNow() > deadlineAt) {
      this.#fail({ slot, running }, new CapriccioError('CAP_ERR_DEADLINE', `${record.exportName} did not begin before its deadline; raise deadlineMs, or let the load shrink`));
      return;
    }
    if (tickets !== undefined) record.root.give(tickets);
    this.#run(record, { slot, running }, values, { asThread, carried });
  }

  /** Runs a private call of this isolate. */
  async beginHere(call: Call): Promise<void> {
    const { functions, tasks } = this.#parts;
    const record = functions.named(call.target.name);
    if (record.fn === undefined && record.failure === undefined) await functions.load(record);
    if (call.state !== 'private') return;                               // cancelled meanwhile
    this.#runHere(record, call, tasks.unpack(call.packed as NonNullable<Call['packed']>));
  }
  /** The same when the module is loaded, without a promise. @returns false when it is not */
  tryBeginHere(call: Call): boolean {
    const { functions, tasks } = this.#parts;
    const record = functions.named(call.target.name);
    if (!functions.isThere(record) && record.failure === undefined) return false;
    this.#runHere(record, call, tasks.unpack(call.packed as NonNullable<Call['packed']>));
    return true;
  }
  #runHere(record: FunctionRecord, call: Call, values: unknown[]): void {
    const extras = call.packed === undefined ? undefined : extrasOf(call.packed);
    call.state = 'running-here';
    if (record.failure !== undefined) { this.#fail(call, record.failure); return; }
    if (extras?.deadlineAt !== undefined && sharedNow() > extras.deadlineAt) { this.#fail(call, new CapriccioError('CAP_ERR_DEADLINE', `${call.target.label} did not begin before its deadline`)); return; }
    if (extras?.tickets !== undefined) record.root.give(extras.tickets);
    this.#run(record, call, values, extras ?? NO_EXTRAS);
  }

  // ---- running ----

  #run(record: FunctionRecord, origin: Origin, values: unknown[], { asThread, carried }: Extras): void {
    let cell = record.mayBlock ? this.#freshCell : this.#cell;
    if (carried !== undefined) {
      try { cell = this.#parts.stores.within(carried, () => new Cell()); } catch (error) { this.#fail(origin, error); return; }
    }
    cell.prepare(this, origin);
    if (record.twin !== undefined) { this.#runTwin(record, record.twin, origin, cell, values); return; }
    let result: unknown;
    try {
      result = cell.run(record.fn as AnyFunction, ...values);
    } catch (error) {
      this.#emptyCell(cell);
      this.#fail(origin, error);
      return;
    }
    if (record.kind === 'generator') { this.#runGenerator(record, origin, cell, result, asThread === true); return; }
    if (!isThenable(result)) {
      this.#emptyCell(cell);
      this.#succeed(origin, result);
      return;
    }
    const thread = this.#keepCell(record, origin, cell);
    this.#parts.scheduler.follow(thread, result);
    if (thread.cancelRequested) return;
    this.#lookOnce(origin, thread);
  }

  /** A compiled function runs as frames, with no wrapper and no promise; if it does not wait, without a thread object. */
  #runTwin(record: FunctionRecord, twin: Twin, origin: Origin, cell: Cell, values: unknown[]): void {
    let thread: LocalThread | undefined;
    let outcome: CompiledOutcome = 'native';
    const run = (): unknown => {
      const { isDone, value } = runUntilWait(twin, undefined, values);
      if (isDone) return value;
      thread = this.#keepCell(record, origin, cell);
      outcome = adoptFrame(thread, value as Generator);
      return undefined;
    };
    let result: unknown;
    try {
      result = cell.run(run);
    } catch (error) {
      this.#emptyCell(cell);
      this.#fail(origin, error);
      return;
    }
    if (thread === undefined) {
      if (!isThenable(result)) { this.#emptyCell(cell); this.#succeed(origin, result); return; }
      thread = this.#keepCell(record, origin, cell);
      thread.value = result;
    }
    this.#parts.scheduler.afterRun(thread, outcome);
    if (!thread.cancelRequested && !thread.hasEnded) this.#lookOnce(origin, thread);
  }

  /** A generator opens a stream, or runs to its end as frames of one thread. */
  #runGenerator(record: FunctionRecord, origin: Origin, cell: Cell, result: unknown, asThread: boolean): void {
    if (!asThread) {
      this.#emptyCell(cell);
      this.#openStream(record, origin, result as AsyncGenerator, cell);
      return;
    }
    const thread = this.#keepCell(record, origin, cell);
    if (Symbol.asyncIterator in (result as object)) this.#parts.scheduler.follow(thread, drain(result as AsyncGenerator, thread, cell));
    else { thread.frame = result as Generator; thread.wake(undefined, false); }
  }

  /** @param cell  it was made for this call */
  #openStream(record: FunctionRecord, origin: Origin, generator: AsyncGenerator, cell: Cell, kind = GENERATOR): void {
    const { me, tasks, streams, caller } = this.#parts;
    this.finished++;
    if (!isSlot(origin)) { caller.endHere(origin, { stream: streams.open(generator, me.id, record, cell), kind }); return; }
    tasks.writeStream(origin.slot, streams.open(generator, ownerOf(me.memory.layout, origin.slot), record, cell), kind);
    me.finish(origin.slot, origin.running, slotStates.DONE);
  }

  #emptyCell(cell: Cell): void {
    if (cell === this.#freshCell) this.#freshCell = new Cell();
    cell.settle();
    const { thread } = cell;
    cell.thread = undefined;
    if (thread !== undefined) { this.#running.delete(thread.slot); thread.onEnd = undefined; thread.end('done', undefined, undefined); }
  }

  /** The task blocks: the cell stays with its thread. */
  #keepCell(record: FunctionRecord, origin: Origin, cell: Cell): LocalThread {
    const thread = cell.thread ?? this.makeThread(origin, cell);
    cell.settle();
    cell.thread = thread;
    record.mayBlock = true;
    if (cell === this.#cell) this.#cell = new Cell();
    else if (cell === this.#freshCell) this.#freshCell = new Cell();
    this.#parts.scheduler.live++;
    return thread;
  }

  /** @internal for its cells */
  makeThread(origin: Origin, cell: Cell): LocalThread {
    const record = this.#recordOf(origin);
    const thread = new LocalThread(this.#parts.scheduler, record.root, record.exportName);
    thread.status = 'running';
    thread.cell = cell;
    if (isSlot(origin)) { thread.slot = origin.slot; this.#running.set(origin.slot, thread); }
    else origin.thread = thread;
    thread.onEnd = () => this.#ended(thread, origin);
    return thread;
  }

  #recordOf(origin: Origin): FunctionRecord { return isSlot(origin) ? this.recordOf(origin.slot) : this.#parts.functions.named(origin.target.name); }

  #ended(thread: LocalThread, origin: Origin): void {
    if (isSlot(origin)) this.#running.delete(origin.slot);
    const { value, error } = thread.outcome;
    if (thread.status === 'done') this.#succeed(origin, value);
    else this.#fail(origin, error);
    this.#handOverSoon();
  }

  #succeed(origin: Origin, value: unknown): void {
    const { me, tasks, postman } = this.#parts;
    const found = typeof value === 'object' && value !== null ? sourceOf(value) : undefined;
    if (found !== undefined) {
      this.#openStream(this.#recordOf(origin), origin, found.source, new Cell(), found.kind);
      return;
    }
    this.finished++;
    try {
      if (!isSlot(origin)) {
        const cloned = tasks.clone(value, 'the result');
        this.#parts.caller.endHere(origin, { value: cloned.byPort ? structuredClone(value) : cloned.value });
        return;
      }
      const { slot, running } = origin;
      if (tasks.writeResult(slot, value) === 'by-port') postman.post(ownerOf(me.memory.layout, slot), { kind: 'result', slot, generation: slotStates.generationOf(running), value });
      me.finish(slot, running, slotStates.DONE);
    } catch (error) {
      const isOurs = error instanceof CapriccioError;
      this.#fail(origin, isOurs ? error : new CapriccioError('CAP_ERR_NOT_CLONEABLE', `the result cannot be cloned: ${(error as Error).message}`, { cause: error }));
    }
  }

  #fail(origin: Origin, error: unknown): void {
    const { me, tasks } = this.#parts;
    this.failed++;
    const record = withoutRuntimeFrames(describeFailure(error));
    if (!isSlot(origin)) { this.#parts.caller.endHere(origin, { failure: record }); return; }
    const { slot, running } = origin;
    if (tasks.writeResult(slot, record) === 'by-port') this.#parts.postman.post(ownerOf(me.memory.layout, slot), { kind: 'result', slot, generation: slotStates.generationOf(running), value: record });
    me.finish(slot, running, slotStates.FAILED);
  }

  /** Ended outside of a turn: many may end in one callback, so they leave together. */
  #handOverSoon(): void {
    if (this.#willHandOver) return;
    this.#willHandOver = true;
    queueMicrotask(() => {
      this.#willHandOver = false;
      this.#parts.me.handOver();
    });
  }

  // ---- cancelling ----

  /** Somebody asked to look: threads whose slots say CANCELLING are cancelled. */
  look(): void {
    const { me } = this.#parts;
    me.looked();
    for (const [slot, thread] of this.#running) {
      if (slotStates.stateOf(slotStates.loadState(me.memory.words, slot)) === slotStates.CANCELLING) thread.cancel();
    }
  }
  /** It may have been asked to stop before it was in the table. */
  #lookOnce(origin: Origin, thread: LocalThread): void {
    if (isSlot(origin) && slotStates.stateOf(slotStates.loadState(this.#parts.me.memory.words, origin.slot)) === slotStates.CANCELLING) thread.cancel();
  }
  /** Slots whose tasks run here, and their threads. */
  running(): Iterable<[number, LocalThread]> { return this.#running; }
  get runningCount(): number { return this.#running.size; }
}

/** Runs an async generator to its end as a thread: each `yield` gives up the processor, and is where a cancellation is thrown. */
async function drain(generator: AsyncGenerator, thread: LocalThread, cell: Cell): Promise<unknown> {
  const pause = (resolve: () => void): (() => void) => { thread.scheduler.enqueue(thread.root, NODE_YIELD, resolve); return ignore; };
  let step = await cell.run(() => generator.next());
  while (step.done !== true) {
    const cancelled: unknown = await thread.wait<void>(pause).catch((error: unknown) => error);
    step = await cell.run(() => (cancelled === undefined ? generator.next() : generator.throw(cancelled)));
  }
  return step.value;
}
const NO_EXTRAS: Extras = {};
const ignore = (): void => { /* a wait that was given up is not resolved a second time */ };

/** A task's stack ends where the runtime began it: what is below tells its reader nothing. The record is fresh, and may refer to itself. */
function withoutRuntimeFrames(record: FailureRecord, seen = new Set<FailureRecord>()): FailureRecord {
  if (seen.has(record)) return record;
  seen.add(record);
  const begin = record.stack?.search(/\n {4}at (?:AsyncResource\.runInAsyncScope [^\n]*\n {4}at )?Cell\.run /) ?? -1;
  if (begin >= 0) (record as { stack?: string }).stack = (record.stack as string).slice(0, begin);
  for (const { failure, failures } of record.fields) for (const inner of failures ?? (failure === undefined ? [] : [failure])) withoutRuntimeFrames(inner, seen);
  return record;
}
