/**
 * One participant's hands on the arena: its own rings, slots, blocks and names, and what it does to the slots of others. Everything here
 * is a composition of the structures beside it; the scheduler and the caller above use this and no structure directly.
 */
import { ATTENTION, ATTENTION_SEEN, COMPLETED, INBOX, NEXT, OWNER_NOTE, controlOf, ownerOf } from './layout.ts';
import { BlockAllocator } from './blocks.ts';
import { ClaimRings } from './claim-ring.ts';
import { NIL, push, takeAll } from './mailbox.ts';
import type { Memory } from './memory.ts';
import { NameReader, NameWriter } from './names.ts';
import { UNAVAILABLE, offerBack, stateOfLanes } from './lanes.ts';
import { offer, wake } from './parker.ts';
import { DeathWatch, isLive } from './recovery.ts';
import { type DONE, type FAILED, finish, letGo, makePlaced, makeReady } from './slot.ts';
import { SlotPool } from './slot-pool.ts';

export class Participant {
  readonly memory: Memory;
  readonly id: number;
  readonly slots: SlotPool;
  readonly rings: ClaimRings;
  readonly blocks: BlockAllocator;
  readonly names: NameWriter;
  readonly deaths: DeathWatch;
  readonly #control: number;
  readonly #readers: (NameReader | undefined)[];
  /** Ended slots to hand over, a private chain an owner. */
  readonly #newest: Int32Array;
  readonly #oldest: Int32Array;
  readonly #toHandOver: number[] = [];
  /** The rings that are for back lanes, a bit each. */
  readonly #backRings: number;

  constructor(memory: Memory, id: number) {
    this.memory = memory;
    this.id = id;
    this.#control = controlOf(memory.layout, id);
    const { ringCount, backRingCount } = memory.layout;
    this.#backRings = (1 << ringCount) - (1 << ringCount - backRingCount);
    this.slots = new SlotPool(memory, id);
    this.rings = new ClaimRings(memory, id);
    this.blocks = new BlockAllocator(memory, id);
    this.names = new NameWriter(memory, id);
    this.deaths = new DeathWatch(memory, id);
    this.#readers = Array.from({ length: memory.layout.participantCount });
    this.#newest = new Int32Array(memory.layout.participantCount);
    this.#oldest = new Int32Array(memory.layout.participantCount);
  }

  /** Names of another participant. */
  namesOf(owner: number): NameReader { return this.#readers[owner] ??= new NameReader(this.memory, owner); }
  /** Its number may pass to a new worker: what was read of its names is void. */
  forget(dead: number): void { this.#readers[dead] = undefined; }

  /** Owner: publishes a filled slot for anybody; visible after `publish`. */
  makeReady(slot: number, ring: number): void {
    this.memory.words[slot + OWNER_NOTE] = -1;
    makeReady(this.memory.words, slot);
    this.hint(slot, ring);
  }

  /** Pushes a hint for a slot that is READY already: opened again by recovery, or shared by who had claimed it. */
  hint(slot: number, ring: number): void {
    this.rings.push(ring, slot);
  }

  /** Makes pushed hints visible, and wakes who takes them. @returns true when somebody slept and has been woken */
  publish(): boolean {
    if (!this.rings.publish()) return false;
    const isForBack = (this.rings.fresh & this.#backRings) !== 0;
    const isForFront = (this.rings.fresh & ~this.#backRings) !== 0 || stateOfLanes(this.memory) === UNAVAILABLE;
    const hasWoken = isForFront && offer(this.memory);
    return isForBack && offerBack(this.memory) || hasWoken;
  }

  /** Owner: puts a filled slot into the inbox of `target` and wakes it. */
  place(slot: number, target: number): void {
    const { words, layout } = this.memory;
    words[slot + OWNER_NOTE] = target;
    makePlaced(words, slot);
    push(words, controlOf(layout, target) + INBOX, NEXT, slot, slot);
    wake(this.memory, target);
  }

  /** Target: the oldest slot placed here since the last call, linked to newer ones by NEXT; NIL if none. */
  takePlaced(): number { return takeAll(this.memory.words, this.#control + INBOX, NEXT); }
  /** Owner: the oldest of its slots that came home since the last call, linked to newer ones by NEXT; NIL if none. */
  takeCompleted(): number { return takeAll(this.memory.words, this.#control + COMPLETED, NEXT); }
  /** The slot after `slot` in a chain that was taken. */
  nextInChain(slot: number): number { return this.memory.words[slot + NEXT] as number; }

  /** Claimer: ends a task whose result words are written. It is handed over at the next `handOver`. */
  finish(slot: number, running: number, outcome: typeof DONE | typeof FAILED): void {
    finish(this.memory.words, slot, running, outcome);
    this.#sendHome(slot);
  }

  /** Claimer or target: lets go of a slot that was revoked before it began. It is handed over at the next `handOver`. */
  letGo(slot: number): void {
    letGo(this.memory.words, slot);
    this.#sendHome(slot);
  }

  #sendHome(slot: number): void {
    const owner = ownerOf(this.memory.layout, slot);
    const newest = this.#newest[owner] as number;
    this.memory.words[slot + NEXT] = newest;
    this.#newest[owner] = slot;
    if (newest === NIL) { this.#oldest[owner] = slot; this.#toHandOver.push(owner); }
  }

  /** True when `handOver` has something to do. */
  get hasEnded(): boolean { return this.#toHandOver.length > 0; }

  /**
   * Claimer: hands all ended slots to their owners, one CAS an owner, and wakes those that sleep: itself too, for it may be parked in its event loop.
   * @returns true when one slept
   */
  handOver(): boolean {
    let hasWoken = false;
    for (let owner = this.#toHandOver.pop(); owner !== undefined; owner = this.#toHandOver.pop()) {
      const newest = this.#newest[owner] as number;
      this.#newest[owner] = NIL;
      if (push(this.memory.words, controlOf(this.memory.layout, owner) + COMPLETED, NEXT, newest, this.#oldest[owner] as number) && wake(this.memory, owner)) hasWoken = true;
    }
    return hasWoken;
  }

  /** Owner: makes `claimer` look at the states of what it runs. */
  askToLook(claimer: number): void {
    Atomics.add(this.memory.words, controlOf(this.memory.layout, claimer) + ATTENTION, 1);
    wake(this.memory, claimer);
  }

  /** Claimer: true when somebody asked to look since `looked`. */
  get mustLook(): boolean {
    return Atomics.load(this.memory.words, this.#control + ATTENTION) !== Atomics.load(this.memory.words, this.#control + ATTENTION_SEEN);
  }
  /** Claimer: about to look; what is asked from here on asks anew. */
  looked(): void { Atomics.store(this.memory.words, this.#control + ATTENTION_SEEN, Atomics.load(this.memory.words, this.#control + ATTENTION)); }

  /** Live participants other than main, lowest number first. */
  liveWorkers(): number[] {
    const live: number[] = [];
    for (let id = 1; id < this.memory.layout.participantCount; id++) if (isLive(this.memory, id)) live.push(id);
    return live;
  }
}
