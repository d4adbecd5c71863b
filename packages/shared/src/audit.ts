/**
 * Audit: looks over the arena for words that no run of ours can have left there. It only reads, so it repairs nothing and disturbs nobody; whoever asks
 * for it decides what becomes of the participant whose words they are.
 *
 *   State       none of its own in shared memory; the words that looked wrong at the last pass, and where the next pass goes on.
 *   Invariants  A1 what is reported was seen twice, in passes one after the other, with the same value: a look between two stores of its writer, or
 *                  between two loads of this, is not taken for a fault.
 *   Ordering    each word is loaded by itself; the two ends of a ring are compared with room for what moves between the loads.
 *   Hazards     a word that is wrong and changes all the time is not reported: then others notice (the assertions of slot.ts and recovery.ts).
 *   Crash       nothing is left behind.
 *   Proof       A1 → model/audit "audit: a word that is wrong once is not a fault".
 *   Source      the assertions that databases run in production (TigerBeetle), as a pass of their own.
 */
import { BOTTOM, COMPLETED, INBOX, LINE, NAMES_COUNT, PARK, ROLE, SLOTS_TOUCHED, SLOT_WORDS, TOP, controlOf, regionOf, type Layout } from './layout.ts';
import type { Memory } from './memory.ts';
import { NOTIFIED } from './parker.ts';
import { isLive } from './recovery.ts';
import { BACK } from './roles.ts';
import { FREE, REVOKED, claimerOf, stateOf } from './slot.ts';

/** A word that is wrong, and whose it is. */
export interface Fault { readonly participant: number; readonly at: number; readonly word: number; readonly what: string }

/** Slots of a participant that one pass looks at: a pass takes some tens of microseconds a participant. */
const SLOTS_A_PASS = 2048;

export class Audit {
  readonly #memory: Memory;
  readonly #next: Int32Array;
  #suspects: readonly Fault[] = [];

  constructor(memory: Memory) {
    this.#memory = memory;
    this.#next = new Int32Array(memory.layout.participantCount);
  }

  /** One pass over the participants that live. @returns what was wrong at the last pass, and is still, with the same value */
  pass(): Fault[] {
    const found: Fault[] = [];
    for (let id = 0; id < this.#memory.layout.participantCount; id++) if (isLive(this.#memory, id)) this.#look(id, found);
    const words = this.#memory.words;
    const faults = this.#suspects.filter(({ participant, at, word }) => isLive(this.#memory, participant) && Atomics.load(words, at) === word);
    this.#suspects = found;
    return faults;
  }

  #look(id: number, found: Fault[]): void {
    const { words, layout } = this.#memory;
    const control = controlOf(layout, id);
    const expect = (at: number, what: string, isRight: (word: number) => boolean): void => {
      const word = Atomics.load(words, at);
      if (!isRight(word)) found.push({ participant: id, at, word, what: `${what} is ${word}` });
    };
    expect(control + PARK, 'its park word', (word) => word >= 0 && word <= NOTIFIED);
    expect(control + ROLE, 'its role', (word) => (word & 7) <= BACK);
    expect(control + SLOTS_TOUCHED, 'the count of slots it has used', (word) => word >= 0 && word <= layout.slotCount);
    expect(control + NAMES_COUNT, 'the count of its names', (word) => word >= 0 && word <= 0xffff);
    for (const [mailbox, name] of [[COMPLETED, 'its mailbox of ended slots'], [INBOX, 'its inbox']] as const) expect(control + mailbox, name, (word) => word === 0 || isSlot(layout, word));
    for (let ring = 0; ring < layout.ringCount; ring++) {
      const bottom = Atomics.load(words, control + BOTTOM + ring);       // before TOP, which only grows: so TOP may be ahead by what is taken meanwhile
      expect(control + TOP + ring * LINE, `the taking end of its ring ${ring}, which it fills at ${bottom},`, (top) => Math.abs((bottom - top) | 0) <= layout.slotCount);
    }
    this.#lookAtSlots(id, expect);
  }

  #lookAtSlots(id: number, expect: (at: number, what: string, isRight: (word: number) => boolean) => void): void {
    const { words, layout } = this.#memory;
    const touched = Math.min(Atomics.load(words, controlOf(layout, id) + SLOTS_TOUCHED), layout.slotCount);
    const begin = (this.#next[id] as number) < touched ? this.#next[id] as number : 0;
    const end = Math.min(touched, begin + SLOTS_A_PASS);
    this.#next[id] = end;
    for (let k = begin; k < end; k++) {
      expect(regionOf(layout, id) + k * SLOT_WORDS, `the state of its slot ${k}`, (word) => stateOf(word) <= REVOKED && (stateOf(word) === FREE || claimerOf(word) < layout.participantCount));
    }
  }
}

/** The first word of some participant's slot. */
function isSlot(layout: Layout, word: number): boolean {
  const inRegion = (word - layout.regionAt) % layout.regionWords;
  return word >= layout.regionAt && word < layout.totalWords && inRegion < layout.ringsAt && inRegion % SLOT_WORDS === 0;
}
