/**
 * Recovery: what the death of a participant asks of the others. Begins only after its thread is joined (the `exit` event): no store of
 * the dead can come later. Three parties, each touching only what is its own:
 *
 *   main            marks it dead and wakes everybody, whatever their words say (parker.ts, Crash); stands in for the dead owner:
 *                   withdraws, revokes or asks for all that it had spawned (OrphanedRegion), until its region is at rest.
 *   every owner     first empties its COMPLETED mailbox, then looks through its own slots for the dead claimer (inspect): what had not
 *                   begun is opened again, what had begun is lost or tried again, what had ended is taken although its chain died.
 *   every holder    frees the result blocks that the dead would have read (blocks.ts, releaseHeldFor).
 *
 *   State       LIFE word = deaths of this number << 3 | UNUSED, LIVE, DEAD or RESTING; DEATHS counts all deaths; DEATHS_SEEN of each participant
 *               says how far its recovery has come.
 *   Invariants  D1 a number passes to a new worker only after every live participant has seen its death (isForgotten) and its region is at
 *                  rest (no slot but FREE): so nobody reads its old names, slots or blocks any more.
 *               D2 each lost task is reported by its owner alone, once.
 *   Ordering    LIFE before DEATHS before the wakes; a participant loads DEATHS before it looks at LIFE words.
 *   Hazards     a number that died, was reused and died again between two looks: the LIFE word counts its deaths, so it differs.
 *   Crash       another participant dying meanwhile changes nothing: each scan starts from states, and may be repeated.
 *   Proof       D1, D2 → model/recovery "recovery: a worker killed at any step", model/recovery "recovery: a spawner killed at any step";
 *               Ordering, Crash → chaos/pool "kills: nothing is lost, hung or completed twice".
 *   Source      ARIES-like: the log (states) is the truth, everything else is rebuilt; robust futexes' owner-died scan.
 */
import { ATTENTION, BACK_MASK, BOTTOM, CALLED, COMPLETED, DEATHS, DEATHS_SEEN, IDLE_MASK, INBOX, LIFE, LINE, NAMES_COUNT, NEXT, NOTICES, OWNER_NOTE, PARK, RETURNED, ROLE, SEEKING_MASK, SLOT_WORDS, TAKEN, TOP, controlOf, regionOf } from './layout.ts';
import { NIL, takeAll } from './mailbox.ts';
import type { Memory } from './memory.ts';
import { wakeHard } from './parker.ts';
import { CANCELLED, CANCELLING, CLAIMED, DONE, FAILED, FREE, PLACED, READY, REVOKED, RUNNING, cancel, claimerOf, free, loadState, reopen, stateOf } from './slot.ts';
import { slotsInUse, slotsTouched } from './slot-pool.ts';

export const UNUSED = 0;
export const LIVE = 1;
export const DEAD = 2;

const LIFE_SHIFT = 3;
const LIFE_MASK = (1 << LIFE_SHIFT) - 1;

/** The LIFE word of a participant: state and how often its number has died. */
export const lifeOf = ({ words, layout }: Memory, id: number): number => Atomics.load(words, controlOf(layout, id) + LIFE);
export const isLive = (memory: Memory, id: number): boolean => (lifeOf(memory, id) & LIFE_MASK) === LIVE;
export const isDead = (memory: Memory, id: number): boolean => (lifeOf(memory, id) & LIFE_MASK) === DEAD;

/** A new participant, first of all: it takes its number. Its words are at rest: see D1. */
export function markLive({ words, layout }: Memory, id: number): void {
  const control = controlOf(layout, id);
  Atomics.store(words, control + DEATHS_SEEN, Atomics.load(words, DEATHS));
  Atomics.store(words, control + LIFE, (Atomics.load(words, control + LIFE) & ~LIFE_MASK) | LIVE);
}

/** Main, after the `exit` event: everybody learns of the death. Calls may follow each other in any order of deaths. */
export function markDead(memory: Memory, id: number): void {
  const { words, layout } = memory;
  const control = controlOf(layout, id);
  const life = Atomics.load(words, control + LIFE);
  Atomics.store(words, control + LIFE, ((life >> LIFE_SHIFT) + 1 << LIFE_SHIFT) | DEAD);
  for (const mask of [IDLE_MASK, SEEKING_MASK, BACK_MASK]) Atomics.and(words, mask + (id >> 5), ~(1 << (id & 31)));
  Atomics.add(words, DEATHS, 1);
  for (let other = 0; other < layout.participantCount; other++) if (other !== id && isLive(memory, other)) wakeHard(memory, other);
}

/** What a look through LIFE words since the last one found. */
export class DeathWatch {
  readonly #memory: Memory;
  readonly #id: number;
  readonly #seen: Int32Array;

  constructor(memory: Memory, id: number) {
    this.#memory = memory;
    this.#id = id;
    this.#seen = new Int32Array(memory.layout.participantCount);
    for (let other = 0; other < this.#seen.length; other++) this.#seen[other] = lifeOf(memory, other);
  }

  /** True when somebody has died since the last `acknowledge`: two loads. */
  get isDue(): boolean {
    const { words, layout } = this.#memory;
    return Atomics.load(words, DEATHS) !== Atomics.load(words, controlOf(layout, this.#id) + DEATHS_SEEN);
  }

  /**
   * Calls `recover` for each participant that has died since, then tells main that it need not wait for this one.
   * @param settle  empties the inbox and hands over all that has ended here: after the deaths were read, before they are acknowledged (OrphanedRegion)
   */
  acknowledge(settle: () => void, recover: (dead: number) => void): void {
    const { words, layout } = this.#memory;
    const deaths = Atomics.load(words, DEATHS);
    settle();
    for (let other = 0; other < layout.participantCount; other++) {
      const life = lifeOf(this.#memory, other);
      if (life === this.#seen[other]) continue;
      this.#seen[other] = life;
      if ((life & LIFE_MASK) === DEAD) recover(other);
    }
    Atomics.store(words, controlOf(layout, this.#id) + DEATHS_SEEN, deaths);
  }
}

/** What the owner of a slot finds when the claimer or target `dead` has died. */
export type Finding =
  /** not concerned */ | 'none'
  /** READY again: push a hint */ | 'reopened'
  /** it had begun; the slot is the owner's alone */ | 'begun'
  /** it had ended, or been revoked: take its result, the slot is the owner's alone */ | 'ended'
  /** placed on the dead and not begun; the slot is the owner's alone */ | 'placed';

/** Owner: what the death means for one of its slots. Empty the COMPLETED mailbox before the first. */
export function inspect(words: Int32Array, slot: number, dead: number): Finding {
  for (;;) {
    const word = loadState(words, slot);
    const placedOn = words[slot + OWNER_NOTE] as number;               // plain: the owner's own word
    switch (stateOf(word)) {
      case FREE: return 'none';
      case READY: return placedOn === dead ? 'reopened' : 'none';       // its target may have died before it hinted at it
      case PLACED: return placedOn === dead ? 'placed' : 'none';
      case CANCELLED: case REVOKED: return claimerOf(word) === dead || (claimerOf(word) === 0 && placedOn === dead) ? 'ended' : 'none';
      case CLAIMED: {
        if (claimerOf(word) !== dead) return 'none';
        if (placedOn === dead) return 'placed';
        if (reopen(words, slot, word)) return 'reopened';
        continue;
      }
      case RUNNING: case CANCELLING: return claimerOf(word) === dead ? 'begun' : 'none';
      case DONE: case FAILED: return claimerOf(word) === dead ? 'ended' : 'none';
      default: throw new Error(`slot ${slot} has state word ${word}: the arena is corrupt`);
    }
  }
}

/**
 * Main, in the place of a dead owner: stops what can be stopped and frees what comes home, until the region is at rest.
 *
 * A slot that its taker has let go is either on its way (in the taker's private chain) or lost (the owner had taken it from its mailbox and
 * died before it freed it). A placed one is in its target's inbox, or lost (the owner died before it pushed it). Nothing in the slot
 * tells which; but every live participant empties its inbox and hands over before it acknowledges a death. So what was in doubt at the death
 * and has not moved when all have acknowledged is lost, and freed then.
 */
export class OrphanedRegion {
  readonly id: number;
  readonly #memory: Memory;
  readonly #epoch: number;
  readonly #doubtful: { slot: number; word: number }[] = [];
  #settled = false;

  /** Once, after markDead. */
  constructor(memory: Memory, deadOwner: number) {
    this.id = deadOwner;
    this.#memory = memory;
    this.#epoch = Atomics.load(memory.words, DEATHS);
    this.#takeHome();
    this.#forEachSlot((slot, word) => sweepOrphan(memory, slot, word, deadOwner));
    this.#forEachSlot((slot, word) => { if (isLetGo(word) || isInInbox(word)) this.#doubtful.push({ slot, word }); });
  }

  /** Frees what has come home or can come home no more. True when the region is at rest and its number may pass on. */
  isAtRest(): boolean {
    this.#takeHome();
    const forgotten = isForgotten(this.#memory, this.#epoch);
    if (forgotten && !this.#settled) {
      this.#settled = true;
      this.#takeHome();
      for (const { slot, word } of this.#doubtful) if (loadState(this.#memory.words, slot) === word) free(this.#memory.words, slot);
    }
    this.#forEachSlot((slot, word) => sweepOrphan(this.#memory, slot, word, this.id));
    return forgotten && slotsInUse(this.#memory, this.id) === 0;
  }

  #takeHome(): void {
    const { words, layout } = this.#memory;
    let home = takeAll(words, controlOf(layout, this.id) + COMPLETED, NEXT);
    while (home !== NIL) {
      const next = words[home + NEXT] as number;                       // plain: the chain is ours since takeAll
      if (!isLetGo(loadState(words, home))) throw new Error(`slot ${home} came home with state word ${loadState(words, home)}: the arena is corrupt`);
      free(words, home);
      home = next;
    }
  }

  /** Calls `visit` for every slot that is not FREE. */
  #forEachSlot(visit: (slot: number, word: number) => void): void {
    const { words, layout } = this.#memory;
    const first = regionOf(layout, this.id);
    const touched = slotsTouched(this.#memory, this.id);
    for (let k = 0; k < touched; k++) {
      const word = loadState(words, first + k * SLOT_WORDS);
      if (stateOf(word) !== FREE) visit(first + k * SLOT_WORDS, word);
    }
  }
}

/** Ended for its taker: on its way home, or lost. */
const isLetGo = (word: number): boolean => stateOf(word) === DONE || stateOf(word) === FAILED || stateOf(word) === REVOKED;
/** In an inbox, or never pushed there. */
const isInInbox = (word: number): boolean => stateOf(word) === PLACED || (stateOf(word) === CANCELLED && claimerOf(word) === 0);

/** Who must let go of an orphan before it can be freed. */
function holderOf(words: Int32Array, slot: number, word: number): number {
  return isInInbox(word) || claimerOf(word) === 0 ? words[slot + OWNER_NOTE] as number : claimerOf(word);   // plain: its writer is joined
}

/** One step towards FREE. May be repeated: asks a holder once, for the state says that it has been asked. */
function sweepOrphan(memory: Memory, slot: number, word: number, deadOwner: number): void {
  const { words, layout } = memory;
  if (stateOf(word) === READY && cancel(words, slot) === 'withdrawn') return;
  const now = loadState(words, slot);
  const holder = holderOf(words, slot, now);
  if (holder === deadOwner || !isLive(memory, holder)) { free(words, slot); return; }
  if (isLetGo(now) || stateOf(now) === CANCELLING || cancel(words, slot) !== 'asked') return;
  Atomics.add(words, controlOf(layout, holder) + ATTENTION, 1);
  wakeHard(memory, holder);
}

/** Main: true when every live participant has recovered from all deaths up to `epoch`, the DEATHS after the one in question. */
export function isForgotten(memory: Memory, epoch: number): boolean {
  const { words, layout } = memory;
  for (let id = 0; id < layout.participantCount; id++) {
    if (isLive(memory, id) && ((Atomics.load(words, controlOf(layout, id) + DEATHS_SEEN) - epoch) | 0) < 0) return false;
  }
  return true;
}

/** Main: empties the mailboxes and the park word of a number whose region is at rest, for its next holder. */
export function resetControl({ words, layout }: Memory, id: number): void {
  const control = controlOf(layout, id);
  for (const word of [COMPLETED, INBOX, RETURNED, NOTICES, CALLED, PARK, ROLE]) Atomics.store(words, control + word, 0);
  for (let at = NAMES_COUNT; at <= TAKEN; at++) Atomics.store(words, control + at, 0);
  for (let ring = 0; ring < layout.ringCount; ring++) {
    Atomics.store(words, control + TOP + ring * LINE, Atomics.load(words, control + BOTTOM + ring));   // the hints left there are stale
  }
}
