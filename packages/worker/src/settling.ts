/**
 * The ends of calls: which call a slot belongs to, and how each comes to exactly one end: answered, failed, streamed, lost, or stopped. The
 * table of calls is the isolate's private half of its slots.
 */
import {
  ResultPendingError, MissingBufferError, slots as slotStates,
  type FailureRecord, type Participant, type Tasks,
} from '@capriccio/shared';
import { Call, cancelledError, codeOf } from './call.ts';
import { nameOfFunction } from './functions.ts';
import type { Arrivals, Postman } from './ports.ts';
import type { SharedBufferTable } from './shared-buffers.ts';
import { GENERATOR, streamOf } from './stream-kinds.ts';
import { RemoteStream } from './streams.ts';

export interface SettlerParts {
  readonly me: Participant;
  readonly tasks: Tasks;
  readonly postman: Postman;
  readonly results: Arrivals;
  readonly buffers: SharedBufferTable;
  /** Calls of a stream go to the worker that holds it. */
  readonly callOn: (worker: number, name: string, values: unknown[], signal?: AbortSignal) => Promise<unknown>;
  /** The number of calls that have not ended has left or reached zero. */
  readonly onBusy: (isBusy: boolean) => void;
}

export class Settler {
  readonly #parts: SettlerParts;
  readonly #calls: (Call | undefined)[] = [];
  #outstanding = 0;
  /** Calls ever made and ended. */
  made = 0;
  ended = 0;

  constructor(parts: SettlerParts) { this.#parts = parts; }

  get outstanding(): number { return this.#outstanding; }
  /** Calls that hold slots. */
  get published(): readonly (Call | undefined)[] { return this.#calls; }

  /** A call has been made. It counts until one of the ends below. */
  count(): void {
    this.made++;
    if (++this.#outstanding === 1) this.#parts.onBusy(true);
  }

  /** The call holds a slot from now on. */
  hold(call: Call, slot: number): void {
    call.slot = slot;
    call.state = 'published';
    call.target.slotsHeld++;
    this.#calls[this.#parts.me.slots.numberOf(slot)] = call;
  }

  /** Lets go of a slot and of what its arguments took. `isFree`: its state says so already. */
  release(call: Call, isFree = false): void {
    const { me, tasks } = this.#parts;
    const { slot } = call;
    this.#calls[me.slots.numberOf(slot)] = undefined;
    call.slot = 0;
    call.target.slotsHeld--;
    if (!isFree) call.target.slotsReleased++;                           // it was taken up
    tasks.releaseArguments(slot);
    if (isFree) me.slots.recycle(slot);
    else me.slots.release(slot);
  }

  // ---- the ends ----

  succeed(call: Call, value: unknown): void {
    if (call.state === 'ended') return;
    if (call.target.kind === 'unknown') call.target.kind = 'plain';
    const { outlived } = call;
    call.end();
    outlived?.();
    call.resolve(value);
    this.#uncount();
  }
  fail(call: Call, error: unknown): void {
    if (call.state === 'ended') return;
    call.fail(error);
    this.#uncount();
  }
  /** It threw elsewhere. A task that ended because it was stopped fails with the reason for which it was stopped. */
  failAs(call: Call, record: FailureRecord, worker: number): void {
    if (call.state === 'ended') return;
    const wasStopped = call.stoppedBy !== undefined && codeOf(record) === 'CAP_ERR_CANCELLED';
    if (wasStopped) { this.fail(call, call.stoppedBy); return; }
    call.failAs(record, `worker ${worker}`);
    this.#uncount();
  }
  /** It is a generator, that a worker holds. */
  stream(call: Call, worker: number, number: number, kind: number): void {
    if (kind === GENERATOR) call.target.kind = 'stream';
    const callBuiltIn = (name: string, values: unknown[], signal?: AbortSignal): Promise<unknown> => this.#parts.callOn(worker, nameOfFunction('', name), values, signal);
    if (call.state !== 'ended' && call.stoppedBy === undefined) {
      this.succeed(call, streamOf(new RemoteStream({ worker, number, label: call.target.label, signal: call.options?.signal, call: callBuiltIn }), kind));
      return;
    }
    if (call.stoppedBy !== undefined) this.fail(call, call.stoppedBy);
    callBuiltIn('stream.return', [number]).catch(ignore);               // stopped while it began: nobody will ask for its values
  }
  /** The call ends, its task goes on alone: a nameless call keeps the slot until it comes home. */
  abandon(call: Call, error: unknown): void {
    if (call.state === 'ended') return;
    const { slot } = call;
    this.fail(call, error);
    if (slot !== 0) this.#leaveSlot(call, slot);
  }
  /** The call's slot was revoked and comes home later; the call itself goes on without one. */
  leaveSlot(call: Call): void {
    this.#leaveSlot(call, call.slot);
    call.slot = 0;
  }
  #leaveSlot(call: Call, slot: number): void {
    const rest = new Call(call.target, undefined, ignore);
    rest.slot = slot;
    rest.state = 'ended';
    this.#calls[this.#parts.me.slots.numberOf(slot)] = rest;
  }
  #uncount(): void {
    this.ended++;
    if (--this.#outstanding === 0) this.#parts.onBusy(false);
  }

  // ---- coming home ----

  /** Takes what has come home. @returns how many */
  collect(): number {
    const { me } = this.#parts;
    let count = 0;
    for (let slot = me.takeCompleted(); slot !== 0; count++) {
      const next = me.nextInChain(slot);
      this.comeHome(slot);
      slot = next;
    }
    return count;
  }

  /** One slot has come home, or been found by recovery: settles its call and frees it. */
  comeHome(slot: number): void {
    const { me, tasks } = this.#parts;
    const call = this.#calls[me.slots.numberOf(slot)];
    const word = slotStates.loadState(me.memory.words, slot);
    if (call === undefined) throw new Error(`slot ${slot} came home without a call (state word ${word}): the arena is corrupt`);
    if (slotStates.stateOf(word) === slotStates.DONE && tasks.hasInlineResult(slot)) {   // the common case
      const value = tasks.readInlineResult(slot);
      this.release(call);
      this.succeed(call, value);
    } else if (call.state === 'ended') this.#comeHomeUnwanted(call, slot, word);
    else this.#comeHomeSlowly(call, slot, word);
  }

  /** An abandoned one: nobody waits for its result. */
  #comeHomeUnwanted(call: Call, slot: number, word: number): void {
    const { tasks, results } = this.#parts;
    const stream = hasResult(word) ? tasks.streamOf(slot) : 0;
    if (hasResult(word)) tasks.discardResult(slot);
    results.drop(slot);
    this.release(call);
    if (stream !== 0) this.stream(call, slotStates.claimerOf(word), stream, GENERATOR);
  }

  #comeHomeSlowly(call: Call, slot: number, word: number): void {
    const { tasks, results, postman } = this.#parts;
    const worker = slotStates.claimerOf(word);
    if (!hasResult(word)) {
      this.release(call);
      this.fail(call, call.stoppedBy ?? cancelledError(call.target, undefined));
      return;
    }
    const isDone = slotStates.stateOf(word) === slotStates.DONE;
    const stream = tasks.streamOf(slot);
    if (isDone && stream !== 0) {
      const kind = tasks.streamKindOf(slot);
      this.release(call);
      this.stream(call, worker, stream, kind);
      return;
    }
    const settle = isDone ? (value: unknown): void => this.succeed(call, value) : (record: unknown): void => this.failAs(call, record as FailureRecord, worker);
    if (tasks.isResultByPort(slot)) {
      results.claim(slot, slotStates.generationOf(word), settle);
      if (call.slot !== 0) { postman.receiveNow(); this.release(call); }
      return;
    }
    let value: unknown;
    try {
      value = tasks.readResult(slot, worker);
    } catch (error) {
      this.release(call);
      if (error instanceof ResultPendingError) this.#readLater(call, error.retry, settle);
      else this.fail(call, error);
      return;
    }
    this.release(call);
    settle(value);
  }

  #readLater(call: Call, retry: () => unknown, settle: (value: unknown) => void): void {
    this.#parts.postman.receiveNow();
    let value: unknown;
    try {
      value = retry();
    } catch (error) {
      if (error instanceof MissingBufferError) this.#parts.buffers.whenKnown(error.number, () => this.#readLater(call, retry, settle));
      else this.fail(call, error);
      return;
    }
    settle(value);
  }

  /** Every call that holds a slot fails; the slots come home, or their workers end. */
  failAll(error: unknown): void {
    for (const call of this.#calls.slice()) if (call !== undefined) this.abandon(call, error);
  }
}

const hasResult = (word: number): boolean => slotStates.stateOf(word) === slotStates.DONE || slotStates.stateOf(word) === slotStates.FAILED;
const ignore = (): void => { /* its promise has settled before */ };
