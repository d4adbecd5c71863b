import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, test } from 'vitest';
import { MissingBufferError, Participant, ResultPendingError, Tasks, buffersOf, extrasOf, isCapriccioError, type BlockAllocator, type Memory, type Packed } from '@capriccio/shared';
import { arena } from './arena.ts';

/** Two participants over one arena: 0 calls, 1 runs. Shared buffers have the numbers of a list that may be withheld from the runner. */
class Pair {
  readonly memory: Memory;
  readonly owner: Participant;
  readonly runner: Participant;
  readonly calling: Tasks;
  readonly running: Tasks;
  readonly numbered: SharedArrayBuffer[] = [];
  isKnown = true;
  readonly slot: number;
  constructor(payloadBytes = 1 << 20) {
    this.memory = arena({ payloadBytes, namesBytes: 16_384 });
    this.owner = new Participant(this.memory, 0);
    this.runner = new Participant(this.memory, 1);
    const numberOf = (buffer: SharedArrayBuffer): number => { const known = this.numbered.indexOf(buffer); return known >= 0 ? known : this.numbered.push(buffer) - 1; };
    this.calling = new Tasks(this.owner, { numberOf, bufferOf: (number) => this.numbered[number] });
    this.running = new Tasks(this.runner, { numberOf, bufferOf: (number) => (this.isKnown ? this.numbered[number] : undefined) });
    this.slot = this.owner.slots.allocate();
  }
  call(values: readonly unknown[]): unknown[] {
    assert.equal(this.calling.writeCall(this.slot, 7, values, []), 'written');
    assert.equal(this.running.functionNumberOf(this.slot), 7);
    const read = this.running.readArguments(this.slot);
    this.calling.releaseArguments(this.slot);
    return read;
  }
  answer(value: unknown): unknown {
    assert.equal(this.running.writeResult(this.slot, value), 'written');
    return this.calling.hasInlineResult(this.slot) ? this.calling.readInlineResult(this.slot) : this.calling.readResult(this.slot, 1);
  }
  get blocksTaken(): number { this.owner.blocks.collect(); this.runner.blocks.collect(); return countTaken(this.owner.blocks) + countTaken(this.runner.blocks) + this.runner.blocks.heldCount; }
}
/** Blocks of 32 KiB that can no longer be had, and none is kept. */
function countTaken(blocks: BlockAllocator): number {
  const had: number[] = [];
  for (let block = blocks.allocate(32_768); block !== 0; block = blocks.allocate(32_768)) had.push(block);
  for (const block of had) blocks.free(block);
  return 32 - had.length;
}
const latin1 = (length: number): string => 'é'.repeat(length);
const isNotCloneable = (error: unknown): boolean => isCapriccioError(error, 'CAP_ERR_NOT_CLONEABLE');

describe('arguments', () => {
  test('of every kind and number come as they went', () => {
    const pair = new Pair();
    const lists: unknown[][] = [
      [], [undefined], [null, true], [1, -0, Number.NaN], ['a', 'b', 'c', 'd'], [1, 2, 3, 4, 5], ['12345678'], ['123456789'], [latin1(32)], [latin1(33)],
      ['€'], ['a', '123456789'], ['', ''], [2 ** 31 - 1, -(2 ** 31), 2 ** 31, -(2 ** 31) - 1], [{ a: 1, list: [1, 2] }], [new Map([[1, 'x']]), new Date(5), 10n], [[], {}, 'x'.repeat(1_000)],
    ];
    for (const list of lists) assert.deepEqual(pair.call(list), list);
    assert.equal(pair.blocksTaken, 0);
  });

  test('any list of primitives comes back to the last bit', () => {
    const pair = new Pair();
    const value = fc.oneof(fc.constantFrom(undefined, null, true, false, '', -0, Number.NaN), fc.integer(), fc.double(), fc.string({ maxLength: 40 }), fc.string({ unit: 'grapheme', maxLength: 12 }), fc.bigInt());
    fc.assert(fc.property(fc.array(value, { maxLength: 6 }), (list) => {
      const read = pair.call(list);
      assert.equal(read.length, list.length);
      for (const [k, one] of list.entries()) assert.ok(Object.is(read[k], one), `${k}: ${String(one)}`);
    }), { numRuns: 500 });
  });

  test('stay until the owner lets go of them: a retry reads them again', () => {
    const pair = new Pair();
    pair.calling.writeCall(pair.slot, 7, [{ deep: [1] }, 'text'], []);
    for (let k = 0; k < 3; k++) assert.deepEqual(pair.running.readArguments(pair.slot), [{ deep: [1] }, 'text']);
    pair.calling.releaseArguments(pair.slot);
    pair.calling.releaseArguments(pair.slot);
    assert.equal(pair.blocksTaken, 0);
  });

  test('that find no block leave the call to be tried again', () => {
    const pair = new Pair(65_536);
    const taken = [pair.owner.blocks.allocate(32_768), pair.owner.blocks.allocate(32_768)];
    assert.equal(pair.calling.writeCall(pair.slot, 7, ['x'.repeat(500)], []), 'full');
    const packed = pair.calling.pack([{ a: 1 }], undefined) as Packed;
    assert.equal(pair.calling.writePacked(pair.slot, 7, packed), 'full');
    pair.owner.blocks.free(taken[0] as number);
    pair.owner.blocks.free(taken[1] as number);
    assert.equal(pair.calling.writePacked(pair.slot, 7, packed), 'written');
    assert.deepEqual(pair.running.readArguments(pair.slot), [{ a: 1 }]);
  });

  test('that are too large for a block, or no bytes at all, go by port', () => {
    const pair = new Pair();
    assert.equal(pair.calling.writeCall(pair.slot, 7, ['x'.repeat(300_000)], []), 'by-port');
    assert.equal(pair.calling.writeCall(pair.slot, 7, [new Blob(['x'])], []), 'by-port');
    assert.equal(pair.calling.pack([new Blob(['x'])], undefined), undefined);
    for (const hasExtras of [false, true]) {
      pair.calling.writeByPort(pair.slot, 9, hasExtras);
      assert.deepEqual([pair.running.hasArgumentsByPort(pair.slot), pair.running.hasExtras(pair.slot), pair.running.functionNumberOf(pair.slot)], [true, hasExtras, 9]);
    }
    pair.calling.writeCall(pair.slot, 7, [1], []);
    assert.equal(pair.running.hasArgumentsByPort(pair.slot), false);
  });

  test('that cannot be cloned are refused, and the slot may be used for another call', () => {
    const pair = new Pair();
    for (const bad of [() => 1, Symbol('s'), { deep: [() => 1] }]) {
      assert.throws(() => pair.calling.writeCall(pair.slot, 7, [1, bad], []), isNotCloneable);
      assert.throws(() => pair.calling.pack([bad], undefined), isNotCloneable);
    }
    assert.deepEqual(pair.call([1, 'good']), [1, 'good']);
    assert.equal(pair.blocksTaken, 0);
  });
});

describe('a packed call', () => {
  test('is what its arguments were when it was packed', () => {
    const pair = new Pair();
    const object = { n: 1 };
    const packed = pair.calling.pack([object, 2], undefined) as Packed;
    object.n = 99;
    assert.deepEqual(pair.calling.unpack(packed), [{ n: 1 }, 2]);
    assert.equal(pair.calling.writePacked(pair.slot, 7, packed), 'written');
    assert.deepEqual(pair.running.readArguments(pair.slot), [{ n: 1 }, 2]);
    assert.notEqual(pair.calling.unpack(packed)[0], pair.calling.unpack(packed)[0], 'a copy each');
  });

  test('carries extras in front, whatever its arguments are', () => {
    const pair = new Pair();
    for (const values of [[], [1, 'x'], [{ a: [1, 2] }], ['y'.repeat(100)]]) {
      const extras = { deadlineAt: 1234.5, tickets: 3, asThread: true, carried: ['user', { id: 1 }] };
      const packed = pair.calling.pack(values, extras) as Packed;
      assert.deepEqual(extrasOf(packed), extras);
      assert.equal(pair.calling.writePacked(pair.slot, 7, packed), 'written');
      assert.equal(pair.running.hasExtras(pair.slot), true);
      assert.deepEqual(pair.running.readArguments(pair.slot), [1234.5, 3, true, values, ['user', { id: 1 }]]);
      assert.deepEqual(pair.calling.unpack(packed), values);
      pair.calling.releaseArguments(pair.slot);
    }
    pair.call([1]);
    assert.equal(pair.running.hasExtras(pair.slot), false);
    assert.equal(extrasOf(pair.calling.pack([1], undefined) as Packed), undefined);
    assert.equal(pair.blocksTaken, 0);
  });

  test('names the shared buffers that it keeps alive', () => {
    const pair = new Pair();
    const buffer = new SharedArrayBuffer(8);
    assert.deepEqual(buffersOf(pair.calling.pack([{ buffer }], undefined) as Packed), [buffer]);
    assert.deepEqual(buffersOf(pair.calling.pack([1], undefined) as Packed), []);
    const keep: SharedArrayBuffer[] = [];
    pair.calling.writeCall(pair.slot, 7, [[buffer]], keep);
    assert.deepEqual(keep, [buffer]);
  });
});

describe('results', () => {
  test('small ones lie in the slot, others in a block that goes back when it is read', () => {
    const pair = new Pair();
    for (const value of [undefined, null, true, -0, 5, 0.5, '', 'é'.repeat(8)]) {
      assert.ok(Object.is(pair.answer(value), value));
      assert.equal(pair.calling.hasInlineResult(pair.slot), true);
    }
    for (const value of ['é'.repeat(9), { a: 1 }, [1, 2, 3], new Set([1]), 5n, 'x'.repeat(10_000)]) {
      assert.deepEqual(pair.answer(value), value);
      assert.equal(pair.calling.hasInlineResult(pair.slot), false);
    }
    assert.equal(pair.blocksTaken, 0);
  });

  test('are held for their reader until it has read or dropped them', () => {
    const pair = new Pair();
    pair.running.writeResult(pair.slot, { a: 1 });
    assert.equal(pair.runner.blocks.heldCount, 1);
    pair.calling.discardResult(pair.slot);
    pair.runner.blocks.collect();
    assert.equal(pair.runner.blocks.heldCount, 0);
    assert.equal(pair.blocksTaken, 0);
  });

  test('of a call of one\'s own are freed at once', () => {
    const pair = new Pair();
    assert.equal(pair.calling.writeResult(pair.slot, { a: 1 }), 'written');
    assert.equal(pair.owner.blocks.heldCount, 0);
    assert.deepEqual(pair.calling.readResult(pair.slot, 0), { a: 1 });
    assert.equal(pair.blocksTaken, 0);
  });

  test('that find no block, or are no bytes, go by port', () => {
    const pair = new Pair(65_536);
    for (let block = 1; block !== 0; block = pair.runner.blocks.allocate(32_768));
    assert.equal(pair.running.writeResult(pair.slot, { a: 1 }), 'by-port');
    assert.deepEqual([pair.calling.isResultByPort(pair.slot), pair.calling.hasInlineResult(pair.slot)], [true, false]);
    assert.equal(pair.running.writeResult(pair.slot, new Blob(['x'])), 'by-port');
    assert.equal(pair.running.writeResult(pair.slot, 5), 'written');
    assert.equal(pair.calling.isResultByPort(pair.slot), false);
    pair.calling.discardResult(pair.slot);
  });

  test('that cannot be cloned are refused: a failure can be written instead', () => {
    const pair = new Pair();
    assert.throws(() => pair.running.writeResult(pair.slot, { f: () => 1 }), isNotCloneable);
    assert.deepEqual(pair.answer({ failed: true }), { failed: true });
    assert.equal(pair.blocksTaken, 0);
  });

  test('a stream is a number', () => {
    const pair = new Pair();
    pair.running.writeStream(pair.slot, 12, 3);
    assert.deepEqual([pair.calling.streamOf(pair.slot), pair.calling.streamKindOf(pair.slot), pair.calling.hasInlineResult(pair.slot)], [12, 3, false]);
    pair.running.writeResult(pair.slot, 12);
    assert.equal(pair.calling.streamOf(pair.slot), 0);
  });

  test('that name a shared buffer which has still to arrive can be read again, without slot and block', () => {
    const pair = new Pair();
    const buffer = new SharedArrayBuffer(8);
    assert.equal(pair.calling.writeCall(pair.slot, 7, [{ buffer }], []), 'written');
    pair.isKnown = false;
    assert.throws(() => pair.running.readArguments(pair.slot), MissingBufferError);
    pair.isKnown = true;
    assert.equal((pair.running.readArguments(pair.slot)[0] as { buffer: unknown }).buffer, buffer);
    pair.calling.releaseArguments(pair.slot);

    pair.calling.writeResult(pair.slot, { buffer });                      // here 0 runs a call of its own and 1 reads
    pair.isKnown = false;
    let pending: ResultPendingError | undefined;
    try { pair.running.readResult(pair.slot, 0); } catch (error) { pending = error as ResultPendingError; }
    assert.ok(pending instanceof ResultPendingError);
    assert.throws(() => pending?.retry(), MissingBufferError);
    pair.isKnown = true;
    assert.equal((pending.retry() as { buffer: unknown }).buffer, buffer);
    assert.equal(pair.blocksTaken, 0, 'the block went back at the first reading');
  });
});

test('a clone is what another isolate would get', () => {
  const pair = new Pair();
  const object = { a: [1], d: new Date(3) };
  const { value, byPort } = pair.calling.clone(object, 'the result');
  assert.deepEqual(value, object);
  assert.notEqual(value, object);
  assert.equal(byPort, false);
  assert.deepEqual(pair.calling.clone('x', 'the result'), { value: 'x', byPort: false });
  assert.equal(pair.calling.clone(new Blob(['x']), 'the result').byPort, true);
  assert.throws(() => pair.calling.clone(() => 1, 'the result'), isNotCloneable);
});

test('what was read of a participant is void when its number passes to another', () => {
  const pair = new Pair();
  for (let k = 0; k < 3; k++) pair.call([{ first: k, second: 'x' }]);       // the shape has a number by now
  const heir = new Participant(pair.memory, 0);
  const heirTasks = new Tasks(heir, { numberOf: () => 0, bufferOf: () => undefined });
  pair.runner.forget(0);
  pair.running.forget(0);
  const slot = heir.slots.allocate();
  for (let k = 0; k < 3; k++) {
    assert.equal(heirTasks.writeCall(slot, 1, [{ other: k }], []), 'written');
    assert.deepEqual(pair.running.readArguments(slot), [{ other: k }]);
    heirTasks.releaseArguments(slot);
  }
});
