/**
 * The calling side of one isolate: every remote call from here is a Call with a promise, and ends exactly once. On main a call goes straight into
 * a slot and a ring; in a worker it is private until somebody is hungry (children.ts), for most are run by the worker that spawned them.
 *
 *   waiting ──slot and block free──► published ──comes home──► ended        main; or exported from a worker
 *   private ──begins──► running-here ──► ended                              a worker's own
 *
 * Nothing is lost: what finds no slot or block waits here in order of arrival; what a worker held when it died is looked through by `recover`.
 * Next: settling.ts for how calls end, stopping.ts for how they are stopped.
 */
import type { Transferable } from 'node:worker_threads';
import {
  CapriccioError, OWNER_NOTE, board, buffersOf, inspect, isLive, lanes, roles, slots as slotStates,
  type FailureRecord, type Finding, type Packed, type Participant, type Tasks, type WriteOutcome,
} from '@capriccio/shared';
import { RemoteThread, cancelledError, type Call, type CallOptions, type Target } from './call.ts';
import { callOf, type CallTimes } from './call-times.ts';
import type { Carried, CarriedStores } from './carried.ts';
import { sharedNow } from './clock.ts';
import { rootNameOf } from './functions.ts';
import { Deque } from './deque.ts';
import { LONG_TURN_MS } from './placement.ts';
import type { Arrivals, Postman } from './ports.ts';
import { Settler } from './settling.ts';
import type { SharedBufferTable } from './shared-buffers.ts';
import { lostError, survives, wasRunning } from './toll.ts';
import { Stopper, type StopperHost } from './stopping.ts';
import type { ThreadStatus } from './thread.ts';

/** What an isolate gives its caller. */
export interface CallerHost extends StopperHost {
  /** Hints have been pushed: makes them visible. Called in a microtask, or when many have gathered. */
  publish(): void;
  /** A worker's own: takes a call that is private for now. Absent on main, which publishes at once. */
  readonly runHere?: (call: Call) => void;
  /** The worker for a call that is for one worker. Undefined when none lives. */
  chooseWorker(affinity: string | number | undefined, inBack: boolean): number | undefined;
  /** Why a worker has died, where that is known. */
  deathOf?(worker: number): string | undefined;
  /** Judges a call with a deadline before anything is done for it: throws CAP_ERR_OVERLOADED when it would come too late. */
  readonly admit?: (call: Call, deadlineMs: number) => void;
  /** Whether a call goes to a back lane. Absent where there are no lanes. */
  readonly isForBack?: ((call: Call) => boolean) | undefined;
  /** Stores of this isolate that follow its calls. */
  readonly stores: CarriedStores;
  /** How often a task that had begun is run again when its worker dies, if it is idempotent. */
  readonly retriesMax: number;
  /** Calls that may be outstanding at a time. */
  readonly outstandingMax: number;
  /** The number of calls that have not ended has left or reached zero. */
  onBusy(isBusy: boolean): void;
}

/** Calls written before the ring is published without waiting for the microtask. */
const PUBLISH_EVERY = 64;
/** How often waiting calls are looked at when nothing else makes it happen, ms. */
const RETRY_MS = 5;
/** A target may hold this many times the slots that are free: a lone one gets four fifths of all, and never the last (Choudhury and Hahne's dynamic threshold, 1998). */
const SHARE_OF_FREE = 4;

export class Caller {
  /** Once it is there, calls are measured. */
  measured: CallTimes | undefined = undefined;
  readonly #me: Participant;
  readonly #tasks: Tasks;
  readonly #host: CallerHost;
  readonly #postman: Postman;
  readonly #results: Arrivals;
  readonly #settler: Settler;
  readonly #stopper: Stopper;
  readonly #targets = new Map<string, Target>();
  /** Targets with calls that wait for a slot or a block. */
  readonly #starved: Target[] = [];
  /** Calls for one worker that found no worker, slot or block. */
  readonly #unplaced: Call[] = [];
  readonly #keep: SharedArrayBuffer[] = [];
  readonly #publishSoon = (): void => this.#publish();
  /** One executor for all promises: a closure a call would be as much garbage as the call. */
  readonly #takeResolve = (resolve: (value: unknown) => void): void => { this.#resolve = resolve; };
  #resolve: ((value: unknown) => void) | undefined;
  #willRetry = false;
  #isPublishing = false;
  #unpublished = 0;
  #closed: CapriccioError | undefined;
  #isOver = false;

  constructor(me: Participant, tasks: Tasks, host: CallerHost, postman: Postman, results: Arrivals, buffers: SharedBufferTable) {
    this.#me = me;
    this.#tasks = tasks;
    this.#host = host;
    this.#postman = postman;
    this.#results = results;
    this.#settler = new Settler({
      me, tasks, postman, results, buffers,
      callOn: (worker, name, values, signal) => this.call(this.target(name, name.trim()), values, { on: worker, ...signal === undefined ? {} : { signal } }),
      onBusy: (isBusy) => host.onBusy(isBusy),
    });
    this.#stopper = new Stopper(me, this.#settler, host);
  }

  /** Calls that have not ended; ever made; ever ended. */
  get outstanding(): number { return this.#settler.outstanding; }
  get made(): number { return this.#settler.made; }
  get ended(): number { return this.#settler.ended; }
  /** Calls that wait for a slot, a block or a worker. */
  get waiting(): number { return this.#starved.reduce((sum, { surplus }) => sum + surplus.length, this.#unplaced.length); }

  /** The remote function of a name. */
  target(name: string, label: string): Target {
    let target = this.#targets.get(name);
    if (target === undefined) {
      target = { name, label, kind: 'unknown', number: -1, rootName: rootNameOf(name), lane: undefined, slotsHeld: 0, slotsReleased: 0, surplus: new Deque() };
      this.#targets.set(name, target);
    }
    return target;
  }

  // ---- making calls ----

  /** Calls a remote function. Never throws: what is wrong rejects. About 200 ns on main with small arguments, promise included. */
  call(target: Target, values: unknown[], options?: CallOptions): Promise<unknown> {
    const promise = new Promise<unknown>(this.#takeResolve);
    this.#begin(callOf(this.measured, target, options, this.#resolve as (value: unknown) => void), values, promise);
    return promise;
  }

  /** The same as a thread. */
  spawn(target: Target, values: unknown[], options?: CallOptions): RemoteThread {
    const thread = new RemoteThread(this, target, { ...options, asThread: true }, this.measured);
    thread.leaveParent = this.#begin(thread.call, values, thread.result, () => thread.isJoined);
    return thread;
  }

  /** @returns how to take it from the thread that made it, if one did */
  #begin(call: Call, values: unknown[], promise: Promise<unknown>, isAwaited = always): (() => void) | undefined {
    this.#settler.count();
    try {
      if (call.options?.on === undefined) { this.#admit(); this.#carry(call); }
      else if (this.#isOver) throw this.#closed as CapriccioError;      // calls into a stream are part of what goes on
      if (call.options !== undefined) this.#beginWithOptions(call, values, call.options);
      else if (this.#host.runHere !== undefined) this.#beginPrivate(call, values);
      else this.#beginPublished(call, values);
      return this.#stopper.watchParent(call, promise, isAwaited);
    } catch (error) {
      this.#settler.fail(call, error);
      return undefined;
    }
  }

  /** What goes with it is what its caller's stores hold now. */
  #carry(call: Call): void { const carried = this.#host.stores.capture(this.#tasks); if (carried !== undefined) call.options = { ...call.options, carried }; }

  #admit(): void {
    if (this.#closed !== undefined) throw this.#closed;
    if (this.#settler.outstanding > this.#host.outstandingMax) {
      throw new CapriccioError('CAP_ERR_QUEUE_FULL', `${this.#host.outstandingMax} calls are outstanding, as many as limits.queued allows; await some, or raise it`);
    }
  }

  /** The fast path of main: arguments go straight into a slot. */
  #beginPublished(call: Call, values: unknown[]): void {
    const { target } = call;
    const slot = this.#mayTakeSlot(target) ? this.#me.slots.allocate() : 0;
    if (slot === 0) {
      this.#pack(call, values);
      if (call.packed === undefined) this.#place(call);
      else this.#wait(call);
      return;
    }
    let outcome: WriteOutcome;
    try {
      outcome = this.#tasks.writeCall(slot, this.#numberOf(target), values, this.#keep);
    } catch (error) {
      this.#me.slots.release(slot);
      throw error;
    }
    if (outcome === 'written') {
      if (this.#keep.length > 0) call.keep = this.#keep.splice(0);
      this.#publishSlot(call, slot);
      return;
    }
    this.#me.slots.release(slot);
    this.#keep.length = 0;
    this.#pack(call, values);
    if (outcome === 'by-port') this.#place(call);
    else this.#wait(call);
  }

  #beginPrivate(call: Call, values: unknown[]): void {
    this.#pack(call, values);
    if (call.packed === undefined) this.#place(call);
    else this.#keepOrPublish(call);
  }

  /** A packed call of a worker's own: private, unless it is for another lane. */
  #keepOrPublish(call: Call): void {
    if (this.#host.runHere !== undefined && (this.#isOnBackLane() || !this.#isForBack(call))) { call.state = 'private'; this.#host.runHere(call); }
    else if (!this.#mayTakeSlot(call.target) || !this.tryPublish(call)) this.#wait(call);
  }
  #isOnBackLane(): boolean { return lanes.isBackLane(this.#me.memory, this.#me.id); }
  #isForBack(call: Call): boolean { return this.#host.isForBack?.(call) ?? false; }

  #beginWithOptions(call: Call, values: unknown[], options: CallOptions): void {
    if (options.signal?.aborted === true) throw cancelledError(call.target, options.signal.reason);
    if (options.deadlineMs !== undefined && options.on === undefined) this.#host.admit?.(call, options.deadlineMs);
    if (options.transfer !== undefined && options.transfer.length > 0) call.values = values;
    else this.#pack(call, values, options);
    this.#stopper.watch(call, options);
    if (call.packed === undefined || options.affinity !== undefined || options.on !== undefined) this.#place(call);
    else this.#keepOrPublish(call);
  }

  #pack(call: Call, values: unknown[], options?: CallOptions): void {
    const deadlineAt = options?.deadlineMs === undefined ? undefined : sharedNow() + options.deadlineMs;
    const isPlain = deadlineAt === undefined && options?.tickets === undefined && options?.asThread !== true && options?.carried === undefined;
    call.packed = this.#tasks.pack(values, isPlain ? undefined : { deadlineAt, tickets: options?.tickets, asThread: options?.asThread, carried: options?.carried });
    if (call.packed === undefined) this.#keepValues(call, values);
  }

  /** What only a port can carry is copied here and posted from the copy: it may have to wait, or to be posted again when a worker dies before it begins. */
  #keepValues(call: Call, values: unknown[], transfer: readonly unknown[] = []): void {
    try {
      const [own, moved] = structuredClone([values, transfer], { transfer: transfer as Transferable[] });
      call.values = own as unknown[];
      call.ownsValues = true;
      if (transfer.length > 0) call.options = { ...call.options, transfer: moved as unknown[] };
    } catch (error) {
      throw this.#notCloneable(call.target, values, error);
    }
  }

  /** The arguments of a slot whose taker died before it began: they lie there until the slot is freed. */
  #repack(slot: number): Packed | undefined {
    if (this.#tasks.hasArgumentsByPort(slot)) return undefined;
    const read = this.#tasks.readArguments(slot);
    if (!this.#tasks.hasExtras(slot)) return this.#tasks.pack(read, undefined);
    const [deadlineAt, tickets, asThread, values, carried] = read as [number | undefined, number | undefined, boolean | undefined, unknown[], Carried | undefined];
    return this.#tasks.pack(values, { deadlineAt, tickets, asThread, carried });
  }

  #numberOf(target: Target): number {
    if (target.number < 0) {
      const number = this.#me.names.intern(target.name);
      if (number < 0) throw new CapriccioError('CAP_ERR_MEMORY', `the table of names is full, ${target.label} cannot be named in it; use fewer distinct functions`);
      target.number = number;
    }
    return target.number;
  }

  // ---- publishing ----

  /** First in, first out for each target, and no target takes all slots. */
  #mayTakeSlot(target: Target): boolean {
    return target.surplus.length === 0 && target.slotsHeld <= SHARE_OF_FREE * this.#me.slots.available;
  }

  #publishSlot(call: Call, slot: number): void {
    this.#settler.hold(call, slot);
    this.#me.makeReady(slot, this.#ringOf(call));
    if (!this.#isPublishing) { this.#isPublishing = true; queueMicrotask(this.#publishSoon); }
    else if (++this.#unpublished >= PUBLISH_EVERY) this.#publish();
  }
  #ringOf(call: Call): number {
    const { ringCount, backRingCount } = this.#me.memory.layout;
    const { number } = call.target;
    return this.#isForBack(call) ? ringCount - backRingCount + number % backRingCount : number % (ringCount - backRingCount);
  }

  #publish(): void {
    this.#isPublishing = false;
    this.#unpublished = 0;
    this.#host.publish();
  }

  /** Publishes a packed call if a slot and a block are free. Also how a worker exports a private one. */
  tryPublish(call: Call): boolean {
    const slot = this.#me.slots.allocate();
    if (slot === 0) return false;
    const packed = call.packed as Packed;
    const outcome = this.#tasks.writePacked(slot, this.#numberOf(call.target), packed);
    if (outcome === 'written') {
      this.#keepForRetry(call, packed);
      this.#publishSlot(call, slot);
      return true;
    }
    this.#me.slots.release(slot);
    if (outcome === 'full') return false;
    call.values = this.#tasks.unpack(packed);
    this.#place(call);
    return true;
  }

  #keepForRetry(call: Call, packed: Packed): void {
    call.keep = buffersOf(packed);
    if (call.options?.idempotent !== true) call.packed = undefined;
  }

  #wait(call: Call): void {
    call.state = 'waiting';
    if (call.target.surplus.length === 0) this.#starved.push(call.target);
    call.target.surplus.push(call);
    this.#retrySoon();
  }

  /** Mostly a call that ends makes room for one that waits; a block that a reader gives back tells nobody. */
  #retrySoon(): void {
    if (this.#willRetry) return;
    this.#willRetry = true;
    setTimeout(() => {
      this.#willRetry = false;
      this.#afterRelease();
      if (this.#starved.length > 0 || this.#unplaced.length > 0) this.#retrySoon();
    }, RETRY_MS).unref();
  }

  /** Slots or blocks have become free: waiting calls go out, in turn for each target. */
  #refill(): void {
    for (let turn = 0; this.#starved.length > 0; turn++) {
      const target = this.#starved[turn % this.#starved.length] as Target;
      const call = target.surplus.first as Call;
      if (call.state === 'waiting' && !this.tryPublish(call)) return;
      target.surplus.shift();
      if (target.surplus.length === 0) this.#starved.splice(this.#starved.indexOf(target), 1);
    }
  }

  // ---- placing on one worker ----

  #place(call: Call): void {
    const { on } = call.options ?? {};
    if (on !== undefined && !isLive(this.#me.memory, on)) { this.#settler.fail(call, lostError(call, on, false, this.#host.deathOf?.(on))); return; }
    const worker = call.options?.on ?? this.#host.chooseWorker(call.options?.affinity, this.#isForBack(call));
    const slot = worker === undefined ? 0 : this.#me.slots.allocate();
    if (worker === undefined || slot === 0) { this.#waitForPlace(call); return; }
    if (!this.#writePlaced(call, slot, worker)) { this.#me.slots.release(slot); return; }
    this.#settler.hold(call, slot);
    this.#me.place(slot, worker);
  }

  /** What moves with it moves now: while it waits, nobody else may change it. */
  #waitForPlace(call: Call): void {
    if (hasMoved(call) && !call.ownsValues) {
      try { this.#keepValues(call, call.values as unknown[], call.options?.transfer); } catch (error) { this.#settler.fail(call, error); return; }
    }
    call.state = 'waiting';
    this.#unplaced.push(call);
    this.#retrySoon();
  }

  /** Fills the slot of a placed call. @returns false when it could not be: the call has failed, or waits */
  #writePlaced(call: Call, slot: number, worker: number): boolean {
    const number = this.#numberOf(call.target);
    const { packed } = call;
    if (call.values === undefined && packed !== undefined) {
      const outcome = this.#tasks.writePacked(slot, number, packed);
      if (outcome === 'written') { this.#keepForRetry(call, packed); return true; }
      if (outcome === 'full') { this.#waitForPlace(call); return false; }
      call.values = this.#tasks.unpack(packed);
    }
    const generation = slotStates.generationOf(slotStates.loadState(this.#me.memory.words, slot));
    try {
      const { tickets, asThread, carried } = call.options ?? {};                  // a deadline needs nothing there: who waits for it withdraws the call
      const hasExtras = tickets !== undefined || asThread === true || carried !== undefined;
      const values = hasExtras ? [undefined, tickets, asThread, call.values, carried] : call.values as unknown[];
      this.#tasks.writeByPort(slot, number, hasExtras);
      this.#postman.post(worker, { kind: 'arguments', slot, generation, values }, call.options?.transfer);
    } catch (error) {
      this.#settler.fail(call, error instanceof CapriccioError ? error : this.#notCloneable(call.target, call.values as unknown[], error));
      return false;
    }
    if (hasMoved(call)) call.values = undefined;
    return true;
  }

  /** What the port refused: the codec, which would have copied, knows where it lies. */
  #notCloneable(target: Target, values: unknown[], cause: unknown): unknown {
    try { this.#tasks.pack(values, undefined); } catch (error) { return error; }
    return new CapriccioError('CAP_ERR_NOT_CLONEABLE', `an argument of ${target.label} cannot be cloned: ${(cause as Error).message}`, { cause });
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

  /** Takes what has come home. @returns how many calls */
  collect(): number {
    const count = this.#settler.collect();
    if (count > 0) this.#afterRelease();
    return count;
  }
  #afterRelease(): void {
    if (this.#unplaced.length > 0) this.placeWaiting();
    if (this.#starved.length > 0) this.#refill();
  }

  /** Published, and nobody has taken it yet. */
  isUntaken(call: Call): boolean {
    return call.slot !== 0 && slotStates.stateOf(slotStates.loadState(this.#me.memory.words, call.slot)) === slotStates.READY;
  }

  /** A private call has ended in this isolate. */
  endHere(call: Call, outcome: { value: unknown } | { failure: FailureRecord } | { stream: number; kind: number }): void {
    if ('value' in outcome) this.#settler.succeed(call, outcome.value);
    else if ('stream' in outcome) this.#settler.stream(call, this.#me.id, outcome.stream, outcome.kind);
    else this.#settler.failAs(call, outcome.failure, this.#me.id);
  }

  cancel(call: Call, reason: unknown): void { this.#stopper.cancel(call, reason); }
  /** A cancelled call whose thread cannot be interrupted: the call ends, the thread goes on alone. */
  abandon(call: Call): void { this.#settler.abandon(call, call.stoppedBy ?? cancelledError(call.target, undefined)); }

  statusOf(call: Call): ThreadStatus {
    if (call.thread !== undefined) return call.thread.status;
    return this.#stopper.hasBegun(call) ? 'running' : 'queued';
  }

  // ---- deaths and the end ----

  /** A worker has died: what it held of ours is opened again, tried again, taken, or lost. */
  recover(dead: number): void {
    this.#settler.collect();
    for (const call of this.#settler.published.slice()) {
      if (call !== undefined && call.slot !== 0) this.#recoverSlot(call, inspect(this.#me.memory.words, call.slot, dead), dead);
    }
    this.#afterRelease();
    this.#publish();
  }

  /** Workers are blocked in the kernel, or compute on and on: what they have taken of ours and not begun runs elsewhere. What is bound to a worker, or moved to it, waits. */
  leaveBusy(): void {
    const { memory } = this.#me;
    const now = sharedNow();
    for (let id = 1; id < memory.layout.participantCount; id++) {
      if (isLive(memory, id) && (roles.roleOf(memory, id) === roles.BLOCKED || board.busyForMs(memory, id, now) > LONG_TURN_MS)) this.#leave(id);
    }
  }
  #leave(busy: number): void {
    const { words } = this.#me.memory;
    for (const call of this.#settler.published.slice()) {
      if (call === undefined || call.slot === 0 || call.state === 'ended' || call.options?.on !== undefined || call.options?.affinity !== undefined) continue;
      const { slot } = call;
      const word = slotStates.loadState(words, slot);
      if (slotStates.stateOf(word) !== slotStates.CLAIMED && slotStates.stateOf(word) !== slotStates.PLACED) continue;
      const packed = call.packed ?? this.#repack(slot);
      if (packed === undefined && call.values === undefined) continue;   // its values have moved there
      if (!slotStates.revokeUnbegun(words, slot, busy, words[slot + OWNER_NOTE] as number)) continue;
      call.packed = packed;
      this.#settler.leaveSlot(call);
      if (packed === undefined) this.#place(call);
      else if (!this.tryPublish(call)) this.#wait(call);
    }
  }

  #recoverSlot(call: Call, finding: Finding, dead: number): void {
    switch (finding) {
      case 'none': return;
      case 'reopened': this.#reopen(call, dead); return;
      case 'ended': this.#settler.comeHome(call.slot); return;
      case 'placed': case 'begun': {
        const hadBegun = finding === 'begun';
        if (!hadBegun && call.state !== 'ended') call.packed ??= this.#repack(call.slot);
        this.#results.drop(call.slot);
        this.#settler.release(call);
        if (call.state === 'ended') return;                             // abandoned before
        if (call.stoppedBy !== undefined) this.#settler.fail(call, call.stoppedBy);
        else if (!this.#mayRunAgain(call, hadBegun, dead)) this.#fail(call, dead, hadBegun);
        else if (call.options?.affinity !== undefined || call.packed === undefined) this.#place(call);
        else if (!this.tryPublish(call)) this.#wait(call);
        return;
      }
      default: throw new Error(`unknown finding ${String(finding)}`);
    }
  }

  /** It had been taken and had not begun: another takes it. But what ends every worker that is about to begin it (a module that exits) is not begun for ever. */
  #reopen(call: Call, dead: number): void {
    if (call.state !== 'ended' && !survives(call, { hadBegun: false, wasCause: false, retriesMax: this.#host.retriesMax }) && slotStates.cancel(this.#me.memory.words, call.slot) === 'withdrawn') {
      this.#settler.release(call, true);
      this.#fail(call, dead, false);
    } else this.#me.hint(call.slot, this.#ringOf(call));
  }

  /** Its arguments are still here, it is not bound to the dead worker, and if it had begun it may be repeated, not too often. */
  #mayRunAgain(call: Call, hadBegun: boolean, dead: number): boolean {
    const mayBeTried = survives(call, { hadBegun, wasCause: hadBegun && wasRunning(this.#me, dead, call.target), retriesMax: this.#host.retriesMax });
    return mayBeTried && (call.packed !== undefined || call.values !== undefined) && call.options?.on === undefined;
  }
  #fail(call: Call, dead: number, hadBegun: boolean): void { this.#settler.fail(call, lostError(call, dead, hadBegun, this.#host.deathOf?.(dead))); }

  /** A participant's number may pass to a new worker. */
  forget(dead: number): void { this.#tasks.forget(dead); }
  /** Nothing new is accepted; `error` is what new calls reject with. */
  close(error: CapriccioError): void { this.#closed = error; }

  /** Every call that has not ended rejects with `error`. */
  failAll(error: CapriccioError): void {
    this.#closed = error;
    this.#isOver = true;
    for (const target of this.#starved.splice(0)) for (let call = target.surplus.shift(); call !== undefined; call = target.surplus.shift()) this.#settler.fail(call, error);
    for (const call of this.#unplaced.splice(0)) this.#settler.fail(call, error);
    this.#settler.failAll(error);
  }
}

const always = (): boolean => true;
const hasMoved = ({ options }: Call): boolean => options?.transfer !== undefined && options.transfer.length > 0;
