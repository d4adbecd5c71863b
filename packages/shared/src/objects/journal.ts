/**
 * Journal: a change of several shared words that happens wholly or not at all, whenever its maker dies. A redo log of one change.
 *
 *   State       JOURNAL_COUNT = 0 ──commit──► n ──applied──► 0          entries 0 … n - 1: [word, value], ~word for a word that is shown
 *   Invariants  J1 entries are written before the count, and are not changed while it is above 0.
 *               J2 every word of a change is changed by its maker alone until the count is 0 again: both are inside one monitor.
 *               J3 entries hold absolute values, so applying them again changes nothing.
 *   Ordering    words are plain, for the monitor orders those who are inside; words that are also read from outside (states of nodes, owners
 *               of mutexes) are shown: stored by Atomics.
 *   Hazards     a word that a change shows must not be changed from outside before the count is 0: its new value must be one that only those
 *               change who learn of the grant, and they learn of it later (mutex.ts M3).
 *   Crash       before the commit: nothing has happened, a later change writes over the entries. After it: redo applies them, by main, which has
 *               joined the dead and stands in its place in the monitor (monitor.ts).
 *   Proof       J1, J2, J3, Crash → model/monitor "monitor: a change is whole, whoever dies at any step"; Hazards → model/mutex "mutex: one owner, whoever dies at any step";
 *               Ordering → stress/objects "objects: counts are right under real threads".
 *   Source      redo logging: Mohan et al., ARIES, ACM TODS 17(1), 1992, for one change at a time.
 */
import { JOURNAL_COUNT } from '../layout.ts';
import type { Memory } from '../memory.ts';
import { JOURNAL_ENTRIES_MAX, controlOf, journalOf } from './object-layout.ts';

export class Journal {
  readonly #words: Int32Array;
  readonly #at: number;
  readonly #countAt: number;
  #count = 0;

  constructor(memory: Memory, id: number) {
    this.#words = memory.words;
    this.#at = journalOf(memory, id);
    this.#countAt = controlOf(memory.layout, id) + JOURNAL_COUNT;
  }

  /** A word that only those inside read. */
  write(word: number, value: number): void {
    if (this.#count === JOURNAL_ENTRIES_MAX) throw new Error('a change has more entries than a journal');
    const at = this.#at + 2 * this.#count++;
    this.#words[at] = word;                                              // plain: before the count (J1)
    this.#words[at + 1] = value;
  }
  /** A word that others read from outside. */
  show(word: number, value: number): void { this.write(~word, value); }

  /** Makes the change. From the first store on it will happen. */
  commit(): void {
    Atomics.store(this.#words, this.#countAt, this.#count);
    apply(this.#words, this.#at, this.#count);
    Atomics.store(this.#words, this.#countAt, 0);
    this.#count = 0;
  }

  /** After an exception inside (the stack has run out): a change that was committed is made, one that was not is dropped. */
  settle(): void {
    apply(this.#words, this.#at, Atomics.load(this.#words, this.#countAt));
    Atomics.store(this.#words, this.#countAt, 0);
    this.#count = 0;
  }
}

function apply(words: Int32Array, at: number, count: number): void {
  for (let k = at; k < at + 2 * count; k += 2) {
    const word = words[k] as number;
    const value = words[k + 1] as number;
    if (word < 0) Atomics.store(words, ~word, value);
    else words[word] = value;
  }
}

/** Main, for a dead participant: makes the change that it had committed. */
export function redo(memory: Memory, dead: number): void {
  const countAt = controlOf(memory.layout, dead) + JOURNAL_COUNT;
  apply(memory.words, journalOf(memory, dead), Atomics.load(memory.words, countAt));
  Atomics.store(memory.words, countAt, 0);
}
