import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, test } from 'vitest';
import { LINE, PARTICIPANTS_MAX, RING_COUNT_MAX, SLOT_WORDS, allocateMemory, controlOf, isCapriccioError, layOut, layoutTable, ownerOf, regionOf, type LayoutOptions } from '@capriccio/shared';

const good: LayoutOptions = { participantCount: 3, slotCount: 64, payloadBytes: 65_536, namesBytes: 256, ringCount: 4 };

describe('a size out of its range is refused with CAP_ERR_OPTION, which names it', () => {
  const cases: [keyof LayoutOptions, string, unknown[]][] = [
    ['participantCount', 'participantCount', [0, 1, 256, 2.5, -1, Number.NaN, Infinity]],
    ['slotCount', 'memory.slots', [0, 8, 17, 100, -16, 2 ** 21, 16.5, Number.NaN]],
    ['payloadBytes', 'memory.payloadBytes', [0, 1, 65_535, 65_537, -65_536, Number.NaN]],
    ['namesBytes', 'namesBytes', [0, 64, 129, -128, Number.NaN]],
    ['ringCount', 'ringCount', [0, 17, -1, 1.5, Number.NaN]],
  ];
  for (const [name, shown, values] of cases) {
    test(name, () => {
      for (const value of values) {
        assert.throws(() => layOut({ ...good, [name]: value }), (error) => isCapriccioError(error, 'CAP_ERR_OPTION') && (error as Error).message.includes(shown) && (error as Error).message.includes(String(value)));
      }
    });
  }

  test('and so is an arena of more than 8 GiB', () => {
    assert.throws(() => layOut({ ...good, participantCount: 255, payloadBytes: 64 * 2 ** 20 }), (error) => isCapriccioError(error, 'CAP_ERR_OPTION') && /GiB/.test((error as Error).message));
    assert.throws(() => layOut({ ...good, payloadBytes: Infinity }), (error) => isCapriccioError(error, 'CAP_ERR_OPTION'));
  });
});

test('the largest and the smallest sizes are taken', () => {
  for (const options of [{ participantCount: 2 }, { participantCount: PARTICIPANTS_MAX }, { slotCount: 16 }, { slotCount: 1 << 20, participantCount: 2 }, { namesBytes: 128 }, { ringCount: 1 }, { ringCount: RING_COUNT_MAX }]) layOut({ ...good, ...options });
});

test('no two parts overlap, doubles are aligned, slots are cache lines, and every word has its owner', () => {
  const sizes = fc.record({
    participantCount: fc.integer({ min: 2, max: 255 }), slotCount: fc.integer({ min: 4, max: 10 }).map((bits) => 2 ** bits),
    payloadBytes: fc.integer({ min: 1, max: 4 }).map((spans) => spans * 65_536), namesBytes: fc.integer({ min: 1, max: 64 }).map((lines) => lines * 128), ringCount: fc.integer({ min: 1, max: RING_COUNT_MAX }),
  });
  fc.assert(fc.property(sizes, (options) => {
    const layout = layOut(options);
    const parts: [number, number][] = [[0, layout.controlAt]];
    for (let id = 0; id < options.participantCount; id++) {
      const region = regionOf(layout, id);
      const control = controlOf(layout, id);
      const end = id + 1 < options.participantCount ? controlOf(layout, id + 1) : layout.regionAt;
      parts.push([control, end], [region, region + layout.ringsAt], [region + layout.ringsAt, region + layout.namesAt], [region + layout.namesAt, region + layout.payloadAt], [region + layout.payloadAt, region + layout.regionWords]);
      assert.equal(layout.ringsAt, options.slotCount * SLOT_WORDS);
      assert.equal(layout.namesAt - layout.ringsAt, options.ringCount * options.slotCount);
      assert.equal(layout.payloadAt - layout.namesAt, options.namesBytes / 4);
      assert.equal(layout.nodesAt - layout.payloadAt, options.payloadBytes / 4);
      assert.equal(region * 4 % 64, 0, 'a slot is one cache line');
      assert.equal((region + layout.payloadAt) * 4 % 64, 0);
      assert.equal(control % 2, 0, 'doubles of the statistics');
      for (const word of [region, region + layout.regionWords - 1]) assert.equal(ownerOf(layout, word), id);
    }
    parts.sort(([a], [b]) => a - b);
    for (const [k, [from, to]] of parts.entries()) { assert.ok(from < to); assert.equal(from, k === 0 ? 0 : parts[k - 1]?.[1]); }
    assert.ok((parts.at(-1)?.[1] as number) <= layout.objectsAt && layout.objectsAt % LINE === 0, 'shared objects follow the regions');
    assert.equal(layout.totalWords, layout.storageAt + layout.objectBytes / 4);
  }), { numRuns: 100 });
});

describe('the table of words', () => {
  test('has every word once, inside its block', () => {
    for (const [words, size] of [[layoutTable.header, layOut(good).controlAt], [layoutTable.control, controlOf(layOut(good), 1) - controlOf(layOut(good), 0)], [layoutTable.slot, SLOT_WORDS]] as const) {
      const taken = new Map<number, string>();
      for (const { name, at, words: count } of words) {
        for (let word = at; word < at + count; word++) {
          assert.equal(taken.get(word), undefined, `${name} and ${taken.get(word)} share word ${word}`);
          taken.set(word, name);
          assert.ok(word < size, `${name} is outside`);
        }
      }
      assert.equal(new Set(words.map(({ name }) => name)).size, words.length);
    }
  });

  test('puts words with different writers a padded line apart', () => {
    for (const words of [layoutTable.header, layoutTable.control]) {
      const lines = new Map<number, Set<string>>();
      for (const { name, at, words: count, writer } of words) {
        for (let line = Math.floor(at / LINE); line <= Math.floor((at + count - 1) / LINE); line++) lines.set(line, (lines.get(line) ?? new Set()).add(writer === 'any' ? name : writer));
      }
      for (const [line, writers] of lines) assert.equal(writers.size, 1, `line ${line} is written by ${[...writers].join(' and ')}`);
    }
  });
});

test('an arena is zero, and as large as it was laid out', () => {
  const layout = layOut(good);
  const buffer = allocateMemory(layout);
  assert.ok(buffer.byteLength >= layout.totalWords * 4 && buffer.byteLength % 8 === 0);
  assert.ok(new Int32Array(buffer).every((word) => word === 0));
});
