/**
 * Names: an append-only table of texts that one participant writes and all read: functions, and the key lists of object shapes.
 *
 *   State       NAMES_COUNT = n; entries 0 … n-1 lie one after the other: [byte length, one word][UTF-8, padded to a word].
 *   Invariants  N1 an entry is complete before the count includes it, and is never changed after.
 *               N2 a number is used in a slot or payload only after its entry is counted.
 *   Ordering    the writer's plain stores come before its Atomics.store of the count; a reader loads the count first. The slot that
 *               brings a number is published later still, so a reader that holds a number always finds count > number.
 *   Hazards     none: one writer, and nothing is ever taken out.
 *   Crash       a writer killed before the store of the count leaves bytes that nobody reads.
 *   Proof       N1, N2, Crash → model/names "names: a reader sees whole entries"; Ordering → stress/names "texts arrive whole".
 *   Source      a log with a published length; the same as the append side of any write-ahead log.
 */
import { NAMES_COUNT, controlOf, regionOf } from './layout.ts';
import type { Memory } from './memory.ts';

/** Numbers travel in sixteen bits. */
const COUNT_MAX = 0xffff;

/** The owner's side. */
export class NameWriter {
  readonly #memory: Memory;
  readonly #countAt: number;
  readonly #end: number;
  readonly #numbers = new Map<string, number>();
  #at: number;
  #count = 0;

  constructor(memory: Memory, id: number) {
    this.#memory = memory;
    this.#countAt = controlOf(memory.layout, id) + NAMES_COUNT;
    this.#at = regionOf(memory.layout, id) + memory.layout.namesAt;
    this.#end = this.#at + memory.layout.namesBytes / 4;
  }

  /** The number of `text`, appended if it is new; -1 when the table is full, so that the caller spells the text out instead. */
  intern(text: string): number {
    return this.#numbers.get(text) ?? this.#append(text);
  }

  #append(text: string): number {
    const { words, bytes } = this.#memory;
    const room = (this.#end - this.#at - 1) * 4;
    if (this.#count === COUNT_MAX || text.length * 3 > room) return -1;
    const length = bytes.write(text, (this.#at + 1) * 4);
    words[this.#at] = length;                                          // plain: nobody reads beyond the count (N1)
    this.#at += 1 + Math.ceil(length / 4);
    const number = this.#count++;
    this.#numbers.set(text, number);
    Atomics.store(words, this.#countAt, this.#count);
    return number;
  }
}

/** A reader's copy of another participant's table. Make a new one when the participant's number has passed to a new worker. */
export class NameReader {
  readonly #memory: Memory;
  readonly #countAt: number;
  readonly #texts: string[] = [];
  #at: number;

  constructor(memory: Memory, id: number) {
    this.#memory = memory;
    this.#countAt = controlOf(memory.layout, id) + NAMES_COUNT;
    this.#at = regionOf(memory.layout, id) + memory.layout.namesAt;
  }

  /** The text of a number that a slot or payload brought. Throws when there is no such entry: the bytes are corrupt. */
  text(number: number): string {
    return this.#texts[number] ?? this.#readTo(number);
  }

  #readTo(number: number): string {
    const { words, bytes } = this.#memory;
    const count = Atomics.load(words, this.#countAt);
    while (this.#texts.length < count) {
      const length = words[this.#at] as number;                        // plain: ordered by the load of the count
      this.#texts.push(bytes.toString('utf8', (this.#at + 1) * 4, (this.#at + 1) * 4 + length));
      this.#at += 1 + Math.ceil(length / 4);
    }
    const text = this.#texts[number];
    if (text === undefined) throw new Error(`name ${number} of ${count}: the arena is corrupt`);
    return text;
  }
}
