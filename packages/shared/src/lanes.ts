/**
 * Lanes: which workers are back lanes, whether they may be given work, and one word of verdict for each root that all lanes share. A back lane
 * takes only what was published for back lanes: the last rings of each participant (layout.backRingCount).
 *
 *   State       LANES = CLOSED ──main──► OPEN ──main──► UNAVAILABLE (none could be started: front lanes take the back rings too)
 *               a row of the table = (key, check, verdict): 0,0,0 ──CAS key──► k,0,0 ──CAS check──► k,c,v; v changes by CAS, k and c never again
 *   Invariants  N1 a name has one row: whoever looks it up walks the same way, and stops at the first row with its key and check, or free.
 *               N2 a row whose key is set belongs to the first check that was CASed into it; others with the same key walk on.
 *               N3 publish into a back ring, then look for a parked back lane, or a front lane once they are given up; announce sleep, then look at
 *                  the back rings (parker.ts P1, P2). Who gives them up wakes all afterwards.
 *   Ordering    the verdict is read by itself: a lane that reads an old one runs one task more in its old place, which is right there too.
 *   Hazards     two names with equal key and check would share a verdict: 62 bits of hash. A full table gives row 0: such roots stay in front.
 *   Crash       killed between the key's CAS and the check's: the row waits for the first who walks by, whose name takes it (N2).
 *   Proof       N1, N2, Crash → model/lanes "lanes: one row a name, whoever is killed while it is made";
 *               N3 → model/lanes "lanes: work for a back lane wakes it" and "lanes: work for back lanes that are given up wakes a front lane"; Ordering → model/lanes "lanes: no change of a verdict is lost".
 *   Source      open addressing with claims by CAS, as in Cliff Click's lock-free hash table (2007), without its resizing.
 *
 * Rejected: verdicts by message through main (a front runs long work until main has had its turn); the idle mask of the front lanes for both
 * (a wake for front work would be spent on a back lane, which cannot take it).
 */
import { BACK_MASK, LANES, LANE_ROWS, PARK, controlOf } from './layout.ts';
import type { Memory } from './memory.ts';
import { PARKED, wake } from './parker.ts';

export const CLOSED = 0;
export const OPEN = 1;
export const UNAVAILABLE = 2;

/** Rows of the table: routes are at most 256 a server, functions seldom more. */
export const LANE_ROW_COUNT = 1024;
const ROW_WORDS = 3;
/** Steps before a look-up gives up: the table is nearly full by then. */
const STEPS_MAX = 64;

export const stateOfLanes = ({ words }: Memory): number => Atomics.load(words, LANES);
/** Main: opens back lanes, or gives them up. */
export const setLanes = ({ words }: Memory, state: typeof CLOSED | typeof OPEN | typeof UNAVAILABLE): void => { Atomics.store(words, LANES, state); };

const bitOf = (id: number): number => 1 << (id & 31);

/** A worker that is a back lane, before it takes its number. */
export const joinBack = ({ words }: Memory, id: number): void => { Atomics.or(words, BACK_MASK + (id >> 5), bitOf(id)); };
export const isBackLane = ({ words }: Memory, id: number): boolean => (Atomics.load(words, BACK_MASK + (id >> 5)) & bitOf(id)) !== 0;

export function backLaneCount({ words, layout }: Memory): number {
  let count = 0;
  for (let at = layout.participantCount - 1 >> 5; at >= 0; at--) for (let mask = Atomics.load(words, BACK_MASK + at); mask !== 0; mask &= mask - 1) count++;
  return count;
}

/** Back lanes that are awake: each uses a processor, or wants one. Two loads for each. */
export function busyBackLaneCount({ words, layout }: Memory): number {
  let count = 0;
  for (let at = 0; at <= layout.participantCount - 1 >> 5; at++) {
    for (let mask = Atomics.load(words, BACK_MASK + at); mask !== 0; mask &= mask - 1) {
      const id = at * 32 + 31 - Math.clz32(mask & -mask);
      if (Atomics.load(words, controlOf(layout, id) + PARK) !== PARKED) count++;
    }
  }
  return count;
}

/** After work for back lanes was published: wakes one that sleeps. @returns false when none did */
export function offerBack(memory: Memory): boolean {
  const { words, layout } = memory;
  for (let at = 0; at <= layout.participantCount - 1 >> 5; at++) {
    for (let mask = Atomics.load(words, BACK_MASK + at); mask !== 0; mask &= mask - 1) {
      const id = at * 32 + 31 - Math.clz32(mask & -mask);
      if (Atomics.load(words, controlOf(layout, id) + PARK) === PARKED && wake(memory, id)) return true;
    }
  }
  return false;
}

/** The word of a root's verdict, made when the name is new; 0 when the table has no room for it. */
export function verdictWordOf({ words }: Memory, name: string): number {
  const [key, check] = hashesOf(name);
  for (let step = 0; step < STEPS_MAX; step++) {
    const row = LANE_ROWS + ((key + step) & (LANE_ROW_COUNT - 1)) * ROW_WORDS;
    const found = Atomics.load(words, row) || Atomics.compareExchange(words, row, 0, key) || key;
    if (found !== key) continue;
    const owner = Atomics.load(words, row + 1) || Atomics.compareExchange(words, row + 1, 0, check) || check;
    if (owner === check) return row + 2;
  }
  return 0;
}

export const readVerdict = ({ words }: Memory, word: number): number => Atomics.load(words, word);

/** Changes a verdict by a pure function of it. @returns what it was and what it is */
export function changeVerdict({ words }: Memory, word: number, change: (verdict: number) => number): { before: number; after: number } {
  for (;;) {
    const before = Atomics.load(words, word);
    const after = change(before) | 0;
    if (after === before || Atomics.compareExchange(words, word, before, after) === before) return { before, after };
  }
}

/** Two hashes of 31 bits, none of them 0: FNV-1a from two bases, each with a final mix. */
function hashesOf(name: string): [number, number] {
  let one = 0x811c9dc5;
  let two = 0x2f6e2b17;
  for (let k = 0; k < name.length; k++) {
    const unit = name.charCodeAt(k);
    one = Math.imul(one ^ unit, 0x01000193);
    two = Math.imul(two ^ unit, 0x01000193) + 0x9e3779b9 | 0;
  }
  return [mix(one), mix(two)];
}
function mix(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  return ((mixed ^ (mixed >>> 15)) & 0x7fffffff) || 1;
}
