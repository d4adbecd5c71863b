import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, test } from 'vitest';
import { BlockAllocator, controlOf, giveBack, regionOf, type Memory } from '@capriccio/shared';
import { arena } from './arena.ts';

const SPAN = 65_536;
const OWNER = 1;
interface Rig { memory: Memory; blocks: BlockAllocator; first: number; end: number }
function rig(spans: number): Rig {
  const memory = arena({ payloadBytes: spans * SPAN });
  const first = (regionOf(memory.layout, OWNER) + memory.layout.payloadAt) * 4;
  return { memory, blocks: new BlockAllocator(memory, OWNER), first, end: first + spans * SPAN };
}
/** What a request really takes: its class, or whole spans. */
const sizeOf = (bytes: number): number => bytes > 32_768 ? Math.ceil(bytes / SPAN) * SPAN : Math.max(64, 2 ** Math.ceil(Math.log2(bytes)));

const bytes = fc.oneof(
  fc.constantFrom(1, 63, 64, 65, 127, 128, 129, 32_767, 32_768, 32_769, 65_535, 65_536, 65_537),
  fc.integer({ min: 1, max: 4_096 }),
  fc.integer({ min: 1, max: 4 * SPAN }),
);
type Step = { do: 'allocate'; bytes: number } | { do: 'free'; pick: number } | { do: 'return'; pick: number } | { do: 'hold'; pick: number; reader: number } | { do: 'die'; reader: number };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('allocate' as const), bytes }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('free' as const), pick: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('hold' as const), pick: fc.nat(), reader: fc.integer({ min: 2, max: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('return' as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('die' as const), reader: fc.integer({ min: 2, max: 3 }) }) },
);

describe('any program of allocating, freeing, holding, returning and dying', () => {
  test('gives blocks that do not overlap, and at the end all memory back', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 24 }), fc.array(step, { maxLength: 150 }), (spans, program) => {
      const { memory, blocks, first, end } = rig(spans);
      const mine = new Map<number, number>();
      const held = new Map<number, { bytes: number; reader: number }>();
      const take = <V>(map: Map<number, V>, pick: number): [number, V] | undefined => [...map][pick % Math.max(1, map.size)];
      for (const one of program) {
        if (one.do === 'allocate') {
          if (one.bytes > blocks.bytesMax) continue;
          const block = blocks.allocate(one.bytes);
          if (block === 0) continue;
          const [from, to] = [block * 4, block * 4 + sizeOf(one.bytes)];
          assert.ok(from >= first && to <= end, 'inside the region');
          assert.equal(from % 64, 0, 'a cache line begins there');
          for (const [other, size] of [...mine, ...[...held].map(([block, { bytes }]) => [block, bytes] as const)]) {
            assert.ok(to <= other * 4 || from >= other * 4 + sizeOf(size), `${from}…${to} overlaps ${other * 4} of ${size} bytes`);
          }
          mine.set(block, one.bytes);
        } else if (one.do === 'free') {
          const [block] = take(mine, one.pick) ?? [];
          if (block === undefined) continue;
          blocks.free(block);
          mine.delete(block);
        } else if (one.do === 'hold') {
          const [block, size] = take(mine, one.pick) ?? [];
          if (block === undefined) continue;
          blocks.hold(block, one.reader);
          mine.delete(block);
          held.set(block, { bytes: size as number, reader: one.reader });
        } else if (one.do === 'return') {
          const [block] = take(held, one.pick) ?? [];
          if (block === undefined) continue;
          giveBack(memory, OWNER, block);
          held.delete(block);
        } else {
          blocks.releaseHeldFor(one.reader);
          for (const [block, { reader }] of held) if (reader === one.reader) held.delete(block);
        }
      }
      for (const block of mine.keys()) blocks.free(block);
      for (const block of held.keys()) giveBack(memory, OWNER, block);
      blocks.collect();
      assert.equal(blocks.heldCount, 0);
      const whole = Array.from({ length: spans * 2 }, () => blocks.allocate(32_768));
      assert.ok(!whole.includes(0), `${whole.filter((block) => block !== 0).length} of ${spans * 2} largest small blocks can be had at the end`);
      assert.equal(new Set(whole).size, spans * 2);
      assert.equal(blocks.allocate(1), 0, 'and nothing besides');
    }), { numRuns: 200 });
  });
});

describe('a region that is full', () => {
  test('gives nothing, and something again when a block has been freed or has come back', () => {
    const { memory, blocks } = rig(1);
    const all = Array.from({ length: 1_024 }, () => blocks.allocate(64));
    assert.ok(!all.includes(0));
    assert.equal(blocks.allocate(64), 0);
    blocks.free(all[500] as number);
    assert.equal(blocks.allocate(10), all[500]);
    blocks.hold(all[7] as number, 2);
    assert.equal(blocks.allocate(64), 0);
    giveBack(memory, OWNER, all[7] as number);
    assert.equal(blocks.allocate(64), all[7], 'a request that fails looks at what has come back');
  });

  test('of free blocks of one class serves another: spans go back when all their blocks are free, however few were ever taken', () => {
    for (const [small, large] of [[64, 32_768], [32_768, 64], [1_000, 9_000]] as const) {
      const { blocks } = rig(1);
      blocks.free(blocks.allocate(small));
      const block = blocks.allocate(large);
      assert.notEqual(block, 0, `${large} bytes after ${small}`);
      blocks.free(block);
      assert.notEqual(blocks.allocate(small), 0, 'and back');
    }
  });

  test('keeps the spans in which a block is taken', () => {
    const { blocks } = rig(2);
    const kept = blocks.allocate(64);
    blocks.free(blocks.allocate(128));
    assert.notEqual(blocks.allocate(32_768), 0);
    assert.notEqual(blocks.allocate(32_768), 0);
    assert.equal(blocks.allocate(32_768), 0);
    blocks.free(kept);
    assert.notEqual(blocks.allocate(32_768), 0);
  });

  test('serves a large block as soon as enough spans beside each other are free', () => {
    const { blocks } = rig(16);
    const small = Array.from({ length: 32 }, () => blocks.allocate(32_768));
    assert.ok(!small.includes(0));
    assert.equal(blocks.allocate(4 * SPAN), 0);
    for (let k = 8; k < 15; k++) blocks.free(small[k] as number);
    assert.equal(blocks.allocate(4 * SPAN), 0);
    blocks.free(small[15] as number);
    const large = blocks.allocate(4 * SPAN);
    assert.notEqual(large, 0);
    blocks.free(large);
    assert.equal(blocks.allocate(4 * SPAN), large);
  });
});

describe('sizes', () => {
  test('the largest block is a quarter of the region, and at least 32 KiB', () => {
    for (const [spans, expected] of [[1, 32_768], [3, 32_768], [4, SPAN], [16, 4 * SPAN], [18, 4 * SPAN]] as const) {
      const { blocks } = rig(spans);
      assert.equal(blocks.bytesMax, expected);
      assert.notEqual(blocks.allocate(blocks.bytesMax), 0);
    }
  });

  test('spans that have been cut or taken are counted as reserved', () => {
    const { blocks } = rig(16);
    assert.equal(blocks.bytesReserved, 0);
    const small = blocks.allocate(64);
    const large = blocks.allocate(2 * SPAN);
    assert.equal(blocks.bytesReserved, 3 * SPAN);
    blocks.free(large);
    blocks.free(small);
    assert.equal(blocks.bytesReserved, SPAN, 'a span stays cut until another class needs it');
  });

  test('a span whose block was freed and taken again is not free', () => {
    const { blocks } = rig(2);
    blocks.free(blocks.allocate(64));
    assert.notEqual(blocks.allocate(64), 0);
    for (let k = 0; k < 3; k++) blocks.allocate(32_768);
    assert.equal(blocks.bytesReserved, 2 * SPAN);
  });

  test('a large block fits on both sides of where the last search ended', () => {
    const { blocks } = rig(16);
    const spans = Array.from({ length: 16 }, () => blocks.allocate(SPAN));
    for (const k of [4, 5, 6, 7]) blocks.free(spans[k] as number);
    blocks.free(blocks.allocate(SPAN));                                  // the search ends after span 4
    assert.equal(blocks.allocate(4 * SPAN), spans[4]);
  });
});

describe('blocks that others read', () => {
  test('come back in any number at a time', () => {
    const { memory, blocks } = rig(1);
    const sent = Array.from({ length: 50 }, () => { const block = blocks.allocate(200); blocks.hold(block, 2); return block; });
    for (const block of sent) giveBack(memory, OWNER, block);
    assert.equal(blocks.heldCount, 50);
    assert.equal(blocks.collect(), true);
    assert.equal(blocks.heldCount, 0);
    assert.equal(blocks.collect(), false);
  });

  test('are used again before more of the region is, small and large', () => {
    const { memory, blocks } = rig(64);
    for (const bytes of [100, 4_000, 32_768, 100_000]) {
      for (let k = 0; k < 500; k++) {
        const block = blocks.allocate(bytes);
        blocks.hold(block, 2);
        giveBack(memory, OWNER, block);
      }
    }
    assert.ok(blocks.bytesReserved <= 5 * SPAN, `${blocks.bytesReserved} bytes are in use for one block at a time`);
  });

  test('of a reader that died are freed, those of others and those already on their way are not twice', () => {
    const { memory, blocks } = rig(1);
    const [a, b, c] = [blocks.allocate(32_768), blocks.allocate(16_000), blocks.allocate(64)].map((block, k) => { if (block !== 0) blocks.hold(block, k === 0 ? 2 : 3); return block; }) as [number, number, number];
    assert.deepEqual([b === 0, c === 0], [true, true], 'the span is of one class');
    const second = blocks.allocate(32_768);
    blocks.hold(second, 3);
    giveBack(memory, OWNER, a);
    blocks.releaseHeldFor(2);
    assert.equal(blocks.heldCount, 1);
    assert.equal(blocks.allocate(32_768), a);
    assert.equal(blocks.allocate(32_768), 0, 'the block of the other reader is not given out');
    blocks.releaseHeldFor(3);
    assert.equal(blocks.allocate(32_768), second);
  });

  test('lie in the mailbox of their owner, not of who gives them back', () => {
    const { memory, blocks } = rig(1);
    const block = blocks.allocate(64);
    giveBack(memory, OWNER, block);
    assert.equal(new BlockAllocator(memory, 2).collect(), false);
    assert.equal(blocks.collect(), true);
    assert.ok(controlOf(memory.layout, OWNER) > 0);
  });
});

test('freeing what is not allocated is an error', () => {
  const { blocks, first } = rig(4);
  assert.throws(() => blocks.free(first / 4), /not allocated/);
  const { blocks: large } = rig(16);
  const block = large.allocate(2 * SPAN);
  assert.throws(() => large.free(block + SPAN / 4), /not allocated/);
});
