/**
 * Sheet: a page that one writes now and then and others read, one at a time, whole. Nobody waits: who finds it in use comes back later. For what need
 * not be exact to the moment: the tables of the blocking graph (graph-table.ts), the plan of the conductor.
 *
 *   State       EMPTY ──begin──► WRITING ──end──► FULL ──take──► READING(who) ──give──► FULL;  FULL ──begin──► WRITING
 *   Invariants  H1 the page is touched only by the writer in WRITING, and only by one reader in READING.
 *               H2 what is read was written by one begin … end, whole.
 *               H3 the version grows by one with each end, and is stored after FULL: who sees a new version may take at least that page.
 *   Ordering    end's store of FULL is read by take's CAS, and give's store of FULL by the next begin's or take's: a chain of synchronizes-with
 *               edges, so the page itself is plain. A sequence lock would have no such edge from reader to writer, and its plain reads would race.
 *   Hazards     a stale READING of a dead reader stops the writer: who knows of the death calls release, which acts for that reader only.
 *               ABA: none; a state names who holds the page, and only the holder leaves it.
 *   Crash       a writer that dies in WRITING leaves a page that no reader takes; its successor begins from there, for there is one writer.
 *               A reader that dies in READING has changed nothing: release makes it FULL again.
 *   Proof       H1, H2, H3 → model/sheet "sheet: what is read is whole, and nobody waits";
 *               Crash → model/sheet "sheet: a writer or a reader killed at any step".
 *   Source      a lock that is only ever tried; rejected: a sequence lock (Boehm, Can Seqlocks Get Along With Programming Language Memory Models?,
 *               MSPC 2012: its data must be atomic, and doubles cannot be here); a triple buffer (three times the memory, and no second reader).
 */

/** Words of a sheet's head: its state and version, a line for themselves. */
export const SHEET_WORDS = 32;

const EMPTY = 0;
const WRITING = 1;
const FULL = 2;
/** And the reader's number. */
const READING = 3;
const VERSION = 1;

/** Writer: @returns false while somebody reads; it may be tried again at any time */
export function begin(words: Int32Array, sheet: number): boolean {
  const state = Atomics.load(words, sheet);
  if (state >= READING) return false;
  return Atomics.compareExchange(words, sheet, state, WRITING) === state;   // a reader may have come in between; nobody else writes
}

/** Writer: the page is whole. */
export function end(words: Int32Array, sheet: number): void {
  Atomics.store(words, sheet, FULL);
  Atomics.store(words, sheet + VERSION, (Atomics.load(words, sheet + VERSION) + 1) | 0);   // one writer
}

/** Changes with every page; one load. */
export const versionOf = (words: Int32Array, sheet: number): number => Atomics.load(words, sheet + VERSION);

/** Reader: @returns false while it is written or read by another, or was never written. Then `give` must follow. */
export const take = (words: Int32Array, sheet: number, reader: number): boolean => Atomics.compareExchange(words, sheet, FULL, READING + reader) === FULL;

/** Reader: done. */
export const give = (words: Int32Array, sheet: number): void => { Atomics.store(words, sheet, FULL); };

/** Whoever knows that a reader is dead. */
export const release = (words: Int32Array, sheet: number, reader: number): void => { Atomics.compareExchange(words, sheet, READING + reader, FULL); };

/** Whoever knows that a writer is dead: nobody takes its page any more, unless somebody is reading it just now. */
export function clear(words: Int32Array, sheet: number): void {
  for (const state of [WRITING, FULL]) Atomics.compareExchange(words, sheet, state, EMPTY);
}
