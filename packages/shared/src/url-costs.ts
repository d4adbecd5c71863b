/**
 * What requests for a URL take, as far as it was measured: a direct-mapped cache that all workers share, so that what one has learnt of a document all
 * know. These are hints: an entry is lost when another URL wants its place, and of two that are written at once one may be.
 *
 *   State       word = 16 bits of the URL's hash | how often it was measured, 2 bits, 3 for more | what it takes, 14 bits, in 1/256 ms; 0 is free
 *   Invariants  U1 a word is whole: what is read of a URL was made of measurements of it alone, or of one with the same 29 bits of hash.
 *   Ordering    none: a reader that is late does what was right a moment ago.
 *   Hazards     two URLs with equal bits share an entry, and count as one URL whose requests differ.
 *   Crash       one CAS a change: killed before or after, the table is sound.
 *   Proof       U1, Crash → model/url-costs "url costs: no entry mixes two URLs".
 *   Source      a processor's branch predictor: a table without chains, indexed by a hash, of what happened last.
 */
import { URL_COSTS } from './layout.ts';
import type { Memory } from './memory.ts';

/** Entries: a power of two. */
export const URL_COST_COUNT = 8192;

const STEPS_A_MS = 256;
const COST_MAX = 0x3fff;
const TIMES_SHIFT = 14;
const TIMES_MAX = 3;
const HASH_SHIFT = 16;
/** What takes longer than is known moves it by so much of the difference, what takes less by so much: one that is long now and then is long. */
const UP = 1 / 4;
const DOWN = 1 / 8;

/** @param server  whose URL it is, a number. @returns what a request for it takes, ms, 64 at most; -1: that is not known */
export function read({ words }: Memory, server: number, url: string): number {
  const hash = hashOf(server, url);
  const word = Atomics.load(words, wordAt(hash));
  return isOf(word, hash) ? (word & COST_MAX) / STEPS_A_MS : -1;
}

/** A request for it has used so much processor time, ms. */
export function took({ words }: Memory, server: number, url: string, ms: number): void {
  const hash = hashOf(server, url);
  const at = wordAt(hash);
  const before = Atomics.load(words, at);
  Atomics.compareExchange(words, at, before, after(before, hash, ms));
}

function after(word: number, hash: number, ms: number): number {
  const now = Math.max(1, Math.min(COST_MAX, Math.round(ms * STEPS_A_MS)));
  if (!isOf(word, hash)) return made(hash, 1, now);
  const [times, known] = [word >>> TIMES_SHIFT & TIMES_MAX, word & COST_MAX];
  if (times < TIMES_MAX) return made(hash, times + 1, Math.min(known, now));   // code is cold at first, and nothing makes work shorter than it is
  return made(hash, times, now > known ? Math.ceil(known + (now - known) * UP) : Math.floor(known + (now - known) * DOWN));
}

const made = (hash: number, times: number, cost: number): number => hash >>> HASH_SHIFT << HASH_SHIFT | times << TIMES_SHIFT | cost;
const wordAt = (hash: number): number => URL_COSTS + (hash & URL_COST_COUNT - 1);
const isOf = (word: number, hash: number): boolean => word >>> HASH_SHIFT === hash >>> HASH_SHIFT && (word & COST_MAX) > 0;

/** FNV-1a with a final mix. */
function hashOf(server: number, url: string): number {
  let hash = 0x811c9dc5 + server | 0;
  for (let k = 0; k < url.length; k++) hash = Math.imul(hash ^ url.charCodeAt(k), 0x01000193);
  hash = Math.imul(hash ^ hash >>> 16, 0x45d9f3b);
  return hash ^ hash >>> 15;
}
