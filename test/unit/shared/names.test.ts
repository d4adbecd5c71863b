import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { test } from 'vitest';
import { NameReader, NameWriter } from '@capriccio/shared';
import { arena } from './arena.ts';

test('texts of any length and alphabet arrive under their numbers, in any order of reading', () => {
  fc.assert(fc.property(fc.array(fc.string({ unit: 'grapheme', maxLength: 40 }), { maxLength: 60 }), fc.nat(), (texts, seed) => {
    const memory = arena({ namesBytes: 65_536 });
    const [writer, reader] = [new NameWriter(memory, 1), new NameReader(memory, 1)];
    const numbers = texts.map((text) => writer.intern(text));
    for (let k = 0; k < texts.length; k++) { const at = (k + seed) % texts.length; assert.equal(reader.text(numbers[at] as number), texts[at]); }
  }), { numRuns: 100 });
});

test('a text has one number, and numbers count up from zero', () => {
  const memory = arena();
  const writer = new NameWriter(memory, 1);
  assert.deepEqual(['a', 'b', 'a', '', 'b', ''].map((text) => writer.intern(text)), [0, 1, 0, 2, 1, 2]);
});

test('a reader that has read on finds what is appended later', () => {
  const memory = arena();
  const [writer, reader] = [new NameWriter(memory, 1), new NameReader(memory, 1)];
  assert.equal(reader.text(writer.intern('first')), 'first');
  const number = writer.intern('second');
  assert.equal(new NameReader(memory, 1).text(number), 'second');
  assert.equal(reader.text(number), 'second');
});

test('a full table gives -1 and keeps what it has', () => {
  const memory = arena({ namesBytes: 128 });
  const [writer, reader] = [new NameWriter(memory, 1), new NameReader(memory, 1)];
  const numbers = Array.from({ length: 20 }, (_, k) => writer.intern(`name ${k}`));
  const kept = numbers.filter((number) => number >= 0);
  assert.ok(kept.length > 0 && kept.length < 20);
  assert.deepEqual(numbers, [...kept, ...Array.from({ length: 20 - kept.length }, () => -1)]);
  for (const number of kept) assert.equal(reader.text(number), `name ${number}`);
  assert.equal(writer.intern('name 0'), 0, 'what is known is known');
  assert.equal(writer.intern('x'.repeat(1_000)), -1);
});

test('a table does not write into its neighbour', () => {
  const memory = arena({ namesBytes: 128 });
  const [one, two] = [new NameWriter(memory, 1), new NameWriter(memory, 2)];
  const before = two.intern('neighbour');
  for (let k = 0; k < 100; k++) one.intern('é'.repeat(k % 30));
  assert.equal(new NameReader(memory, 2).text(before), 'neighbour');
});

test('the largest number travels in sixteen bits', () => {
  const memory = arena({ namesBytes: 4 << 20 });
  const writer = new NameWriter(memory, 1);
  let last = 0;
  for (let k = 0; k < 70_000; k++) { const number = writer.intern(`n${k}`); if (number < 0) break; last = number; }
  assert.equal(last, 0xffff - 1);
  assert.equal(new NameReader(memory, 1).text(last), `n${last}`);
});

test('a number that was never given is an error', () => {
  const memory = arena();
  new NameWriter(memory, 1).intern('only');
  assert.throws(() => new NameReader(memory, 1).text(1), /corrupt/);
});
