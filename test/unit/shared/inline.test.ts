import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { test } from 'vitest';
import { ARGUMENTS, RESULT } from '@capriccio/shared';
import { readInline, readLatin1, writeInline, writeLatin1 } from '../../../packages/shared/src/inline.ts';
import { arena } from './arena.ts';

const memory = arena();
const AT = 16 * 200 + ARGUMENTS;
const trip = (value: unknown, at = AT): unknown => {
  const tag = writeInline(memory, at, value);
  assert.ok(tag >= 0 && tag <= 15, `${String(value)} has tag ${tag}`);
  return readInline(memory, at, tag);
};
const latin1 = (length: number): string => Array.from({ length }, (_, k) => String.fromCharCode((k * 37 + 200) & 0xff)).join('');

test('what has no bytes comes back', () => {
  for (const value of [undefined, null, true, false, '']) assert.equal(trip(value), value);
});

test('numbers come back to the last bit: zeros of both signs, infinities, not a number, both edges of 32 bits', () => {
  const edges = [0, -0, 1, -1, 2 ** 31 - 1, -(2 ** 31), 2 ** 31, -(2 ** 31) - 1, 2 ** 32, 2 ** 53, -(2 ** 53), 0.1, -0.1, 5e-324, Number.MAX_VALUE, Infinity, -Infinity, Number.NaN];
  for (const value of edges) assert.ok(Object.is(trip(value), value), String(value));
  fc.assert(fc.property(fc.oneof(fc.integer(), fc.double()), (value) => Object.is(trip(value), value)));
});

test('strings of up to eight characters below U+0100 come back', () => {
  for (let length = 0; length <= 8; length++) assert.equal(trip(latin1(length)), latin1(length));
  for (const text of ['\0', '\0\0\0\0\0\0\0\0', 'ÿÿÿÿÿÿÿÿ', 'a\0b']) assert.equal(trip(text), text);
});

test('what does not fit is refused: longer strings, other alphabets, objects, functions, symbols, bigints', () => {
  for (const value of [latin1(9), 'x'.repeat(32), 'ā', 'abcdefgĀ', '€', '👍', '\ud800', {}, [], () => 1, Symbol('s'), 5n, new Date(0), Object(1)]) assert.equal(writeInline(memory, AT, value), -1);
});

test('four values lie beside each other, and the result words hold one too', () => {
  const values = [-0, 'ÿtext', 2 ** 40, null];
  const tags = values.map((value, k) => writeInline(memory, AT + 2 * k, value));
  assert.deepEqual(values.map((_, k) => readInline(memory, AT + 2 * k, tags[k] as number)), values);
  assert.equal(trip('result!!', 16 * 200 + RESULT), 'result!!');
});

test('a value writes two words and no more', () => {
  for (const value of [1.5, 'abcdefgh', 7]) {
    memory.words[AT - 1] = memory.words[AT + 2] = 0x5a5a5a5a;
    trip(value);
    assert.deepEqual([memory.words[AT - 1], memory.words[AT + 2]], [0x5a5a5a5a, 0x5a5a5a5a]);
  }
});

test('raw strings come back at every length, both ways of reading them, and a foreign character is refused', () => {
  for (let length = 0; length <= 33; length++) {
    const text = latin1(length);
    assert.equal(writeLatin1(memory.bytes, AT * 4, text), true);
    assert.equal(readLatin1(memory.bytes, AT * 4, length), text);
    if (length > 0) assert.equal(writeLatin1(memory.bytes, AT * 4, `${text.slice(1)}Ā`), false);
  }
});
