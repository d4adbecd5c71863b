import assert from 'node:assert/strict';
import { model, tinyLayout } from './harness.ts';

/** A reader learns a number through another word, as it does through a slot, and finds the whole text. */
const CHANNEL = 40;                                                      // a spare header word
model('names: a reader sees whole entries', { bound: 3, kills: 1, killable: 0b01 }, (S) => ({
  layout: tinyLayout(S, 2),
  mayBlock: 0b10,
  threads: [
    (memory, control) => {
      const names = control.quiet(() => new S.NameWriter(memory, 0));
      for (const text of ['one', 'zwölf', 'one']) Atomics.store(memory.words, CHANNEL, names.intern(text) + 1);
    },
    (memory, control) => {
      const names = control.quiet(() => new S.NameReader(memory, 0));
      const seen: string[] = [];
      for (let k = 0; k < 2; k++) { const number = Atomics.load(memory.words, CHANNEL) - 1; if (number >= 0) seen.push(names.text(number)); }
      return seen;
    },
  ],
  check([, seen]: [undefined, string[]]) { for (const text of seen) assert.ok(['one', 'zwölf'].includes(text), text); },
}), [
  { file: 'names.ts', from: 'Atomics.store(words, this.#countAt, this.#count);', to: 'words[this.#countAt] = this.#count;', finds: /race/ },
  { file: 'names.ts', from: '    const length = bytes.write(text, (this.#at + 1) * 4);', to: '    Atomics.store(words, this.#countAt, this.#count + 1);\n    const length = bytes.write(text, (this.#at + 1) * 4);', finds: /race/, options: { bound: 2 } },
]);
