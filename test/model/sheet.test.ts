import assert from 'node:assert/strict';
import { model, tinyLayout } from './harness.ts';
import type { Shared } from './mutant.ts';
import type { Memory } from '../../packages/shared/src/memory.ts';

/** A page of two doubles that must be alike, in spare payload. */
const pageOf = (S: Shared, { layout, floats }: Memory) => {
  const sheet = S.regionOf(layout, 0) + layout.payloadAt;
  const at = (sheet + S.SHEET_WORDS) / 2;
  return {
    sheet,
    write: (value: number): void => { floats[at] = value; floats[at + 1] = value; },
    read: (): [number, number] => [floats[at] as number, floats[at + 1] as number],
  };
};

const reader = (S: Shared, id: number) => (memory: Memory): unknown => {
  const page = pageOf(S, memory);
  const version = S.sheet.versionOf(memory.words, page.sheet);
  if (!S.sheet.take(memory.words, page.sheet, id)) return { version, values: undefined };
  const values = page.read();
  S.sheet.give(memory.words, page.sheet);
  return { version, values };
};

interface Seen { version: number; values: [number, number] | undefined }

model('sheet: what is read is whole, and nobody waits', { bound: 3 }, (S) => ({
  layout: tinyLayout(S),
  threads: [
    (memory) => {
      const page = pageOf(S, memory);
      let written = 0;
      for (const value of [1, 2]) {
        if (!S.sheet.begin(memory.words, page.sheet)) continue;
        page.write(value);
        S.sheet.end(memory.words, page.sheet);
        written++;
      }
      return written;
    },
    reader(S, 1),
    reader(S, 2),
  ],
  check([written, first, second]: [number, Seen, Seen], memory) {
    assert.ok(written >= 1, 'the first page is written before anybody can hold it');
    assert.equal(S.sheet.versionOf(memory.words, pageOf(S, memory).sheet), written);
    for (const { version, values } of [first, second]) {
      if (values === undefined) continue;
      assert.equal(values[0], values[1], 'whole');
      assert.ok(values[0] >= version, 'at least as new as the version seen before');
    }
    assert.ok(S.sheet.take(memory.words, pageOf(S, memory).sheet, 1), 'it is free in the end');
  },
}), [
  { file: 'sheet.ts', from: '  if (state >= READING) return false;\n', to: '', finds: /race|whole/ },
  { file: 'sheet.ts', from: 'Atomics.compareExchange(words, sheet, state, WRITING) === state', to: '(Atomics.store(words, sheet, WRITING), true)', finds: /race|whole|free/ },
  { file: 'sheet.ts', from: 'Atomics.compareExchange(words, sheet, FULL, READING + reader) === FULL', to: 'Atomics.load(words, sheet) === FULL', finds: /race|whole/ },
]);

model('sheet: a writer or a reader killed at any step', { bound: 2, kills: 2, killable: 0b011 }, (S) => ({
  layout: tinyLayout(S),
  threads: [
    (memory) => {
      const page = pageOf(S, memory);
      if (S.sheet.begin(memory.words, page.sheet)) { page.write(1); S.sheet.end(memory.words, page.sheet); }
    },
    reader(S, 1),
    (memory, control) => {                                               // who knows of deaths, and then does the work of the dead
      const page = pageOf(S, memory);
      const dead = control.dead();
      if ((dead & 0b010) !== 0) S.sheet.release(memory.words, page.sheet, 1);
      if ((dead & 0b001) === 0) return reader(S, 2)(memory);
      if (!S.sheet.begin(memory.words, page.sheet)) return 'held';
      page.write(2);
      S.sheet.end(memory.words, page.sheet);
      return 'written';
    },
  ],
  check([, seen, heir]: [undefined, Seen | undefined, string | Seen], memory, killed) {
    if (seen?.values !== undefined) assert.equal(seen.values[0], seen.values[1], 'whole');
    if (typeof heir === 'object' && heir.values !== undefined) assert.equal(heir.values[0], heir.values[1], 'whole');
    if (heir === 'held') assert.ok((killed & 0b010) === 0 || seen === undefined, 'only a reader holds it');
    if (heir === 'written') assert.equal(memory.words[pageOf(S, memory).sheet] === 1, false, 'the heir has ended its page');
  },
}), [
  { file: 'sheet.ts', from: 'Atomics.compareExchange(words, sheet, READING + reader, FULL); };', to: 'Atomics.store(words, sheet, FULL + reader - reader); };', finds: /race|whole|ended/ },
]);
