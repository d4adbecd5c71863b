/**
 * The calling side of one isolate: every remote call from here is a Call with a promise, and ends exactly once. On main a call goes straight into
 * a slot and a ring; in a worker it is private until somebody is hungry (children.ts), for most are run by the worker that spawned them.
 *
 *   waiting ──slot and block free──► published ──came home──► ended          main; or exported from a worker
 *   private ──begin──► running-here ──► ended                                  a worker's own
 *
 * Nothing is lost: what finds no slot or block waits here in arrival order; what was claimed by a worker that died is looked through by `recover`.
 */
import {
  CapriccioError, ResultPendingError, inspect, slots as slotStates,
  type FailureRecord, type Packed, type Participant, type Tasks, type WriteOutcome, MissingBufferError,
} from '@capriccio/shared';
import { Call, RemoteThread, cancelledError, type CallOptions, type Target } from './call.ts';
import { currentThread } from './context.ts';
import { sharedNow } from './clock.ts';
import type { Arrivals, Postman } from './ports.ts';
import type { SharedBufferTable } from './shared-buffers.ts';
import type { ThreadStatus } from './thread.ts';
import { RemoteStream } from './streams.ts';
import { nameOfFunction } from './functions.ts';

/** What an isolate gives its caller. */
export interface CallerHost {
  /** Work has been published after `schedulePublish`: called in a microtask, or when many have gathered. */
  publish(): void;
  /** A worker's own: takes a call that is private for now; main publishes at once. */
  readonly runHere?: (call: Call) => void;
  /** Worker for calls that name none: the least loaded. Undefined when none lives. */
  chooseWorker(affinity: string | number | undefined): number | undefined;
  /** How often a task that had begun is run again when its worker dies, if it is idempotent. */
  readonly retriesMax: number;
  /** Calls that may be outstanding at a time. */
  readonly outstandingMax: number;
  /** The number of calls that have not ended has left or reached zero. */
  onBusy(isBusy: boolean): void;
  /** A cancelled call has not ended: main looks after it (a deaf worker is replaced). */
  onCancelled(call: Call, claimer: number): void;
}

/** Calls written before the ring is published without waiting for the microtask. */
const PUBLISH_EVERY = 64;
/** A target may hold this many times what is free: a lone one gets four fifths of all slots, and never the last. */
const SHARE_OF_FREE = 4;

export class Caller {
  readonly #me: Participant;
  readonly #tasks: Tasks;
  readonly #host: CallerHost;
  readonly #postman: Postman;
  readonly #results: Arrivals;
  readonly #buffers: SharedBufferTable;
  readonly #calls: (Call | undefined)[] = [];
  readonly #targets = new Map<string, Target>();
  readonly #hungryTargets: Target[] = [];
  /** Calls for one worker while none lives. */
  readonly #unplaced: Call[] = [];
  readonly #keep: SharedArrayBuffer[] = [];
  readonly #publishSoon = (): void => this.#publish();
  #isPublishing = false;
  #unpublished = 0;
  #outstanding = 0;
  #closed: CapriccioError | undefined;
  /** Calls ever made and ended, for stats(). */
  calls = 0;
  ended = 0;

  constructor(me: Participant, tasks: Tasks, host: CallerHost, postman: Postman, results: Arrivals, buffers: SharedBufferTable) {
    this.#me = me;
    this.#tasks = tasks;
    this.#host = host;
    this.#postman = postman;
    this.#results = results;
    this.#buffers = buffers;
  }

  /** Calls that have not ended. */
  get outstanding(): number { return this.#outstanding; }
  /** Calls that wait for a slot, a block or a worker. */
  get waiting(): number { return this.#hungryTargets.reduce((sum, { surplus }) => sum + surplus.length, this.#unplaced.length); }

  /** The remote function of a name. */
  target(name: string, label: string): Target {
    let target = this.#targets.get(name);
    if (target === undefined) {
      target = { name, label, kind: 'unknown', number: -1, slotsHeld: 0, surplus: [] };
      this.#targets.set(name, target);
    }
    return target;
  }

  // ---- making calls ----

  /** Calls a remote function. Never throws: what is wrong rejects. Cost on main about 200 ns with small arguments, promise included. */
  call(target: Target, values: unknown[], options?: CallOptions): Promise<unknown> {
    return new Promise((resolve, reject) => { this.#begin(new Call(target, options, resolve, reject), values); });
  }

  /** The same as a thread. */
  spawn(target: Target, values: unknown[], options?: CallOptions): RemoteThread {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const call = new Call(target, { ...options, asThread: true }, resolve, reject);
    this.#begin(call, values);
    return new RemoteThread(this, call, promise);
  }

  #begin(call: Call, values: unknown[]): void {
    this.calls++;
    if (++this.#outstanding === 1) this.#host.onBusy(true);
    if (this.#closed !== undefined) { this.#fail(call, this.#closed); return; }
    if (this.#outstanding > this.#host.outstandingMax) {
      this.#fail(call, new CapriccioError('CAP_ERR_QUEUE_FULL', `${this.#host.outstandingMax} calls are outstanding, as many as limits.queued allows; await some, or raise it`));
      return;
    }
    try {
      if (call.options !== undefined) this.#beginWithOptions(call, values);
      else if (this.#host.runHere !== undefined) this.#beginPrivate(call, values);
      else this.#beginPublished(call, values);
      const parent = call.state === 'ended' ? undefined : currentThread();
      if (parent !== undefined) this.#watchParent(call, parent);
    } catch (error) {
      this.#fail(call, error);
    }
  }

  /** The fast path of main: arguments go straight into a slot. */
  #beginPublished(call: Call, values: unknown[]): void {
    const { target } = call;
    const slot = target.surplus.length > 0 || target.slotsHeld > SHARE_OF_FREE * this.#me.slots.available ? 0 : this.#me.slots.allocate();
    if (slot === 0) { this.#pack(call, values); this.#wait(call); return; }
    let outcome: WriteOutcome;
    try {
      outcome = this.#tasks.writeCall(slot, this.#numberOf(target), values, this.#keep);
    } catch (error) {
      this.#me.slots.release(slot);
      throw error;
    }
    if (outcome === 'written') { if (this.#keep.length > 0) call.keep = this.#keep.splice(0); this.#publishSlot(call, slot); return; }
    this.#me.slots.release(slot);
    this.#keep.length = 0;
    this.#pack(call, values);
    if (outcome === 'by-port') this.#place(call);
    else this.#wait(call);
  }

  #beginPrivate(call: Call, values: unknown[]): void {
    this.#pack(call, values);
    if (call.packed === undefined) { this.#place(call); return; }
    call.state = 'private';
    (this.#host.runHere as (call: Call) => void)(call);
  }

  #beginWithOptions(call: Call, values: unknown[]): void {
    const options = call.options as CallOptions;
    if (options.signal?.aborted === true) { this.#fail(call, cancelledError(call.target, options.signal.reason)); return; }
    if (options.transfer !== undefined && options.transfer.length > 0) call.values = values;
    else this.#pack(call, values, options);
    this.#watch(call, options);
    if (call.packed === undefined || options.affinity !== undefined || options.on !== undefined) this.#place(call);
    else if (this.#host.runHere !== undefined) { call.state = 'private'; this.#host.runHere(call); }
    else this.#publishPacked(call);
  }

  #pack(call: Call, values: unknown[], options?: CallOptions): void {
    const deadlineAt = options?.deadlineMs === undefined ? undefined : sharedNow() + options.deadlineMs;
    const extras = deadlineAt === undefined && options?.tickets === undefined && options?.asThread !== true ? undefined : { deadlineAt, tickets: options?.tickets, asThread: options?.asThread };
    call.packed = this.#tasks.pack(values, extras);
    if (call.packed === undefined) call.values = values;
  }

  #numberOf(target: Target): number {
    if (target.number < 0) {
      target.number = this.#me.names.intern(target.name);
      if (target.number < 0) throw new CapriccioError('CAP_ERR_MEMORY', `the table of names is full; ${target.label} cannot be named: use fewer distinct functions, or fewer object shapes`);
    }
    return target.number;
  }

  // ---- publishing ----

  #publishSlot(call: Call, slot: number): void {
    const { target } = call;
    call.slot = slot;
    call.state = 'published';
    this.#calls[this.#me.slots.numberOf(slot)] = call;
    target.slotsHeld++;
    this.#me.makeReady(slot, target.number % this.#me.memory.layout.ringCount);
    if (!this.#isPublishing) { this.#isPublishing = true; queueMicrotask(this.#publishSoon); }
    else if (++this.#unpublished >= PUBLISH_EVERY) this.#publish();
  }

  #publish(): void {
    this.#isPublishing = false;
    this.#unpublished = 0;
    this.#host.publish();
  }

  /** Publishes a packed call, or lets it wait. Also how a worker exports a private one. */
  #publishPacked(call: Call): void {
    if (!this.tryPublish(call)) this.#wait(call);
  }

  /** Publishes a packed call if a slot and a block are free. */
  tryPublish(call: Call): boolean {
    const slot = this.#me.slots.allocate();
    if (slot === 0) return false;
    const packed = call.packed as Packed;
    const outcome = this.#tasks.writePacked(slot, this.#numberOf(call.target), packed);
    if (outcome !== 'written') {
      this.#me.slots.release(slot);
      if (outcome === 'full') return false;
      call.values = this.#tasks.unpack(packed);
      this.#place(call);
      return true;
    }
    call.keep = packed.buffers;
    if (call.options?.idempotent !== true) call.packed = undefined;
    this.#publishSlot(call, slot);
    return true;
  }

  #wait(call: Call): void {
    call.state = 'waiting';
    if (call.target.surplus.length === 0) this.#hungryTargets.push(call.target);
    call.target.surplus.push(call);
  }

  /** Slots or blocks have become free: waiting calls go out, one target after the other. */
  #refill(): void {
    for (let turn = 0; this.#hungryTargets.length > 0 && this.#me.slots.available > 0; turn++) {
      const target = this.#hungryTargets[turn % this.#hungryTargets.length] as Target;
      const call = target.surplus[0] as Call;
      if (call.state === 'waiting' && !this.tryPublish(call)) return;
      target.surplus.shift();
      if (target.surplus.length === 0) this.#hungryTargets.splice(this.#hungryTargets.indexOf(target), 1);
    }
  }

  // ---- placing on one worker ----

  #place(call: Call): void {
    const worker = call.options?.on ?? this.#host.chooseWorker(call.options?.affinity);
    if (worker === undefined) { call.state = 'waiting'; this.#unplaced.push(call); return; }
    const slot = this.#me.slots.allocate();
    if (slot === 0) { call.state = 'waiting'; this.#unplaced.push(call); return; }
    const number = this.#numberOf(call.target);
    if (call.values !== undefined) {
      try {
        this.#tasks.writeByPort(slot, number);
        this.#postman.post(worker, { kind: 'arguments', slot, generation: slotStates.generationOf(slotStates.loadState(this.#me.memory.words, slot)), values: call.values }, call.options?.transfer);
      } catch (error) {
        this.#me.slots.release(slot);
        this.#fail(call, new CapriccioError('CAP_ERR_NOT_CLONEABLE', `an argument of ${call.target.label} cannot be cloned: ${(error as Error).message}`, { cause: error }));
        return;
      }
      call.values = undefined;
    } else {
      const outcome = this.#tasks.writePacked(slot, number, call.packed as Packed);
      if (outcome !== 'written') {
        this.#me.slots.release(slot);
        if (outcome === 'by-port') call.values = this.#tasks.unpack(call.packed as Packed);
        call.state = 'waiting';
        this.#unplaced.push(call);
        return;
      }
      call.keep = call.packed?.buffers;
      if (call.options?.idempotent !== true) call.packed = undefined;
    }
    call.slot = slot;
    call.state = 'published';
    call.target.slotsHeld++;
    this.#calls[this.#me.slots.numberOf(slot)] = call;
    this.#me.place(slot, worker);
  }

  /** A worker has come to life, or slots have become free. */
  placeWaiting(): void {
    for (let left = this.#unplaced.length; left > 0; left--) {
      const call = this.#unplaced.shift() as Call;
      if (call.state === 'waiting') this.#place(call);
      if (this.#unplaced.at(-1) === call) break;                        // still no room
    }
  }

  // ---- ending ----

  /** Takes what has come home. @returns how many calls ended */
  collect(): number {
    const { slots } = this.#me;
    let count = 0;
    for (let slot = this.#me.takeCompleted(); slot !== 0; count++) {
      const next = this.#me.nextInChain(slot);
      this.#end(slot, slots.numberOf(slot));
      slot = next;
    }
    if (count > 0) this.#afterRelease();
    return count;
  }

  #afterRelease(): void {
    if (this.#unplaced.length > 0) this.placeWaiting();
    if (this.#hungryTargets.length > 0) this.#refill();
  }

  /** One slot has come home, or been found by recovery: settles its call and frees it. */
  #end(slot: number, number: number): void {
    const call = this.#calls[number];
    const word = slotStates.loadState(this.#me.memory.words, slot);
    if (call === undefined) throw new Error(`slot ${slot} came home without a call (state word ${word}): the arena is corrupt`);
    if (call.state === 'ended') {                                       // abandoned: nobody waits for the result
      if (slotStates.stateOf(word) === slotStates.DONE || slotStates.stateOf(word) === slotStates.FAILED) this.#tasks.discardResult(slot);
      this.#results.drop(slot);
      this.#release(call, slot, number);
      return;
    }
    if (slotStates.stateOf(word) === slotStates.DONE && this.#tasks.hasInlineResult(slot) && call.stoppedBy === undefined) {
      const value = this.#tasks.readInlineResult(slot);
      this.#release(call, slot, number);
      this.#succeed(call, value);
      return;
    }
    this.#endSlowly(call, slot, number, word);
  }

  #endSlowly(call: Call, slot: number, number: number, word: number): void {
    const state = slotStates.stateOf(word);
    const worker = slotStates.claimerOf(word);
    if (state === slotStates.REVOKED || state === slotStates.CANCELLED) {
      this.#release(call, slot, number);
      this.#fail(call, call.stoppedBy ?? cancelledError(call.target, undefined));
      return;
    }
    const stream = this.#tasks.streamOf(slot);
    if (state === slotStates.DONE && stream !== 0) {
      this.#release(call, slot, number);
      this.#succeed(call, this.#openStream(call, worker, stream));
      return;
    }
    const settle = state === slotStates.DONE
      ? (value: unknown): void => this.#succeed(call, value)
      : (record: unknown): void => this.#failAs(call, record as FailureRecord, worker);
    if (this.#tasks.isResultByPort(slot)) {
      this.#results.claim(slot, slotStates.generationOf(word), settle);
      if (call.state !== 'ended') this.#postman.receiveNow();
      this.#release(call, slot, number);
      return;
    }
    try {
      const value = this.#tasks.readResult(slot, worker);
      this.#release(call, slot, number);
      settle(value);
    } catch (error) {
      this.#release(call, slot, number);
      if (error instanceof ResultPendingError) this.#readLater(call, error.retry, settle);
      else this.#fail(call, error);
    }
  }

  #openStream(call: Call, worker: number, number: number): RemoteStream {
    call.target.kind = 'stream';
    return new RemoteStream({ worker, number, label: call.target.label, signal: call.options?.signal, call: (name, values) => this.call(this.target(nameOfFunction('', name), name), values, { on: worker }) });
  }

  #readLater(call: Call, retry: () => unknown, settle: (value: unknown) => void): void {
    this.#postman.receiveNow();
    try {
      settle(retry());
    } catch (error) {
      if (!(error instanceof MissingBufferError)) { this.#fail(call, error); return; }
      this.#buffers.whenKnown(error.number, () => this.#readLater(call, retry, settle));
    }
  }

  #release(call: Call, slot: number, number: number): void {
    this.#calls[number] = undefined;
    call.slot = 0;
    call.target.slotsHeld--;
    this.#tasks.releaseArguments(slot);
    this.#me.slots.release(slot);
  }

  #succeed(call: Call, value: unknown): void {
    if (call.state === 'ended') return;
    if (call.target.kind === 'unknown') call.target.kind = 'plain';
    call.succeed(value);
    this.#count();
  }
  #failAs(call: Call, record: FailureRecord, worker: number): void {
    if (call.state === 'ended') return;
    if (call.stoppedBy !== undefined && record.fields.some(({ key, value }) => key === 'code' && value === 'CAP_ERR_CANCELLED')) call.fail(call.stoppedBy);
    else call.failAs(record, `worker ${worker}`);
    this.#count();
  }
  #fail(call: Call, error: unknown): void {
    if (call.state === 'ended') return;
    call.fail(error);
    this.#count();
  }
  #count(): void {
    this.ended++;
    if (--this.#outstanding === 0) this.#host.onBusy(false);
  }

  /** A private call has ended in this isolate. */
  endHere(call: Call, outcome: { value: unknown } | { failure: FailureRecord } | { stream: number }): void {
    if ('value' in outcome) this.#succeed(call, outcome.value);
    else if ('stream' in outcome) this.#succeed(call, this.#openStream(call, this.#me.id, outcome.stream));
    else this.#failAs(call, outcome.failure, this.#me.id);
  }

  // ---- stopping ----

  #watch(call: Call, options: CallOptions): void {
    const undo: (() => void)[] = [];
    const { signal, deadlineMs, onDeadline } = options;
    if (signal !== undefined) {
      const abort = (): void => this.cancel(call, signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      undo.push(() => signal.removeEventListener('abort', abort));
    }
    if (deadlineMs !== undefined) {
      const timer = setTimeout(() => this.#expire(call, deadlineMs, onDeadline ?? 'admission'), deadlineMs);
      undo.push(() => clearTimeout(timer));
    }
    if (undo.length > 0) call.unwatch = () => { for (const step of undo) step(); };
  }

  #watchParent(call: Call, parent: NonNullable<ReturnType<typeof currentThread>>): void {
    const child = { cancel: (reason?: unknown): void => this.cancel(call, reason) };
    parent.addChild(child);
    const before = call.unwatch;
    call.unwatch = () => { parent.removeChild(child); before?.(); };
  }

  #expire(call: Call, deadlineMs: number, mode: 'admission' | 'cancel'): void {
    if (call.state === 'ended') return;
    const error = new CapriccioError('CAP_ERR_DEADLINE', `the call of ${call.target.label} did not ${mode === 'cancel' ? 'end' : 'begin'} within ${deadlineMs} ms; raise deadlineMs, or let the load shrink`);
    if (mode === 'cancel') { this.cancel(call, error); return; }
    if (this.#hasBegun(call)) return;
    this.cancel(call, error);
  }

  #hasBegun(call: Call): boolean {
    if (call.state === 'running-here') return true;
    if (call.slot === 0) return false;
    const state = slotStates.stateOf(slotStates.loadState(this.#me.memory.words, call.slot));
    return state >= slotStates.RUNNING && state !== slotStates.CANCELLED && state !== slotStates.REVOKED;
  }

  /** Stops a call: at once if it has not begun; else its thread is asked, and the call ends with it. */
  cancel(call: Call, reason: unknown): void {
    if (call.state === 'ended' || call.stoppedBy !== undefined) return;
    const error = cancelledError(call.target, reason);
    call.stoppedBy = error;
    if (call.state === 'waiting' || call.state === 'private') { this.#fail(call, error); return; }
    if (call.state === 'running-here') { call.thread?.cancel(error); this.#host.onCancelled(call, this.#me.id); return; }
    const { slot } = call;
    if (slot === 0) { this.#fail(call, error); return; }                 // home, and only its result still to arrive
    switch (slotStates.cancel(this.#me.memory.words, slot)) {
      case 'withdrawn': {
        this.#calls[this.#me.slots.numberOf(slot)] = undefined;
        call.target.slotsHeld--;
        this.#tasks.releaseArguments(slot);
        this.#me.slots.recycle(slot);
        this.#fail(call, error);
        break;
      }
      case 'asked': {
        const claimer = slotStates.claimerOf(slotStates.loadState(this.#me.memory.words, slot));
        this.#me.askToLook(claimer);
        this.#host.onCancelled(call, claimer);
        break;
      }
      default:                                                          // revoked: it comes home; ended: it is on its way
    }
  }

  /** A cancelled call whose thread waits for something that nobody can interrupt: the call ends, the thread goes on alone. */
  abandon(call: Call): void { this.#settleEarly(call, call.stoppedBy ?? cancelledError(call.target, undefined)); }

  /** Ends the promise now; the slot stays until it comes home. */
  #settleEarly(call: Call, error: unknown): void {
    if (call.state === 'ended') return;
    const { slot } = call;
    const number = slot === 0 ? -1 : this.#me.slots.numberOf(slot);
    this.#fail(call, error);
    if (number >= 0) {                                                  // a nameless call takes its place in the table
      const rest = new Call(call.target, undefined, ignore, ignore);
      rest.slot = slot;
      rest.state = 'ended';
      this.#calls[number] = rest;
    }
  }

  statusOf(call: Call): ThreadStatus {
    if (call.thread !== undefined) return call.thread.status;
    if (call.state === 'waiting' || call.state === 'private' || !this.#hasBegun(call)) return 'queued';
    return 'running';
  }

  // ---- deaths and the end ----

  /** A worker has died: what it held of ours is opened again, tried again, taken, or lost. `collect` first. */
  recover(dead: number): void {
    this.collect();
    const { slots, memory } = this.#me;
    for (let number = 0; number < slots.touched; number++) {
      const call = this.#calls[number];
      if (call !== undefined) this.#recoverSlot(call, slots.slotOf(number), number, inspect(memory.words, slots.slotOf(number), dead), dead);
    }
    this.#afterRelease();
    this.#publish();
  }

  #recoverSlot(call: Call, slot: number, number: number, finding: ReturnType<typeof inspect>, dead: number): void {
    const { target } = call;
    switch (finding) {
      case 'none': return;
      case 'reopened': this.#me.hint(slot, target.number % this.#me.memory.layout.ringCount); return;
      case 'ended': this.#end(slot, number); return;
      case 'placed': {
        const again = call.packed;
        this.#results.drop(slot);
        this.#release(call, slot, number);
        if (call.state === 'ended') return;
        if (call.stoppedBy !== undefined) this.#fail(call, call.stoppedBy);
        else if (again !== undefined && call.options?.on === undefined) this.#publishPacked(call);
        else this.#fail(call, this.#lost(call, dead, false));
        return;
      }
      case 'begun': {
        this.#results.drop(slot);
        if (call.stoppedBy === undefined && call.options?.idempotent === true && call.options.on === undefined && ++call.attempts <= this.#host.retriesMax && call.packed !== undefined) {
          this.#release(call, slot, number);
          this.#publishPacked(call);
          return;
        }
        this.#release(call, slot, number);
        this.#fail(call, call.stoppedBy ?? this.#lost(call, dead, true));
        return;
      }
      default: throw new Error(`unknown finding ${String(finding)}`);
    }
  }

  #lost(call: Call, dead: number, started: boolean): CapriccioError {
    const again = call.options?.idempotent === true ? ` (it was tried ${call.attempts} times)` : started ? '; declare it idempotent to have it run again' : '; it had not begun, so it is safe to call again';
    return new CapriccioError('CAP_ERR_WORKER_LOST', `worker ${dead} died ${started ? 'while it ran' : 'before it began'} ${call.target.label}${again}`, { started });
  }

  /** A participant's number may pass to a new worker. */
  forget(dead: number): void { this.#tasks.forget(dead); }

  /** Nothing new is accepted; `error` is what new calls reject with. */
  close(error: CapriccioError): void { this.#closed = error; }

  /** Every call that has not ended rejects with `error`. The workers are gone. */
  failAll(error: CapriccioError): void {
    for (const target of this.#hungryTargets.splice(0)) for (const call of target.surplus.splice(0)) this.#fail(call, error);
    for (const call of this.#unplaced.splice(0)) this.#fail(call, error);
    for (const call of this.#calls) if (call !== undefined) this.#fail(call, error);
    this.#calls.length = 0;
  }
}

const ignore = (): void => { /* its promise has settled before */ };
