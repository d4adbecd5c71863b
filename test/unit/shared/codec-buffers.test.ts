import { describe, expect, test } from 'vitest';
import { Decoder, Encoder, MissingBufferError } from '@capriccio/shared';
import { makeCodec } from './codec-harness.ts';

describe('buffers', () => {
  test('shared ones come by number, as the same object', () => {
    const { encoder, decoder, roundTrip } = makeCodec();
    const shared = new SharedArrayBuffer(16);
    const clone = roundTrip({ shared, words: new Int32Array(shared, 4, 2) }) as { shared: SharedArrayBuffer; words: Int32Array };
    expect(encoder.met).toEqual([shared]);
    expect(clone.shared).toBe(shared);
    expect(clone.words.buffer).toBe(shared);
    expect([clone.words.byteOffset, clone.words.length]).toEqual([4, 2]);
    expect(encoder.encode(1, 'next')).toBe(2);
    expect(encoder.met).toEqual([]);
    expect(decoder.decode(encoder.scratch, 0, 2)).toBe(1);
  });

  test('a view of a shared one that grows follows it, or not, as before', () => {
    const { roundTrip } = makeCodec();
    const shared = new SharedArrayBuffer(16, { maxByteLength: 64 });
    const [following, fixed] = roundTrip([new Uint8Array(shared, 8), new Uint8Array(shared, 8, 8)]) as Uint8Array[];
    shared.grow(32);
    expect([following?.length, fixed?.length]).toEqual([24, 8]);
  });

  test('a shared one that is not known here yet asks to wait', () => {
    const known: SharedArrayBuffer[] = [];
    const names = { intern: () => -1, text: () => '' };
    const encoder = new Encoder(names as never, { numberOf: () => 7, bufferOf: () => undefined });
    const decoder = new Decoder(names as never, { numberOf: () => 7, bufferOf: (number) => known[number] });
    const shared = new SharedArrayBuffer(4);
    const length = encoder.encode([{}, shared], 'value');
    const decode = (): unknown => decoder.decode(encoder.scratch, 0, length);
    expect(decode).toThrow(MissingBufferError);
    expect(decode).toThrow(expect.objectContaining({ number: 7 }));
    known[7] = shared;
    expect((decode() as unknown[])[1]).toBe(shared);
  });

  test("a Buffer of Node's pool comes without the pool, any other with its buffer", () => {
    const { encoder, roundTrip } = makeCodec();
    const pooled = Buffer.from('abc');
    expect(pooled.buffer.byteLength).toBeGreaterThan(1_000);
    const clone = roundTrip([pooled, pooled, {}]) as Uint8Array[];
    expect(clone[0]).toEqual(new Uint8Array([97, 98, 99]));
    expect(clone[0]?.buffer.byteLength).toBe(3);
    expect(clone[1]).toBe(clone[0]);
    const after = {};
    const [, one, other] = roundTrip([pooled, after, after]) as object[];
    expect(one).toEqual({});
    expect(other).toBe(one);
    expect(encoder.encode(pooled, 'value')).toBeLessThan(50);
    const own = Buffer.alloc(20).subarray(5, 7);
    const whole = roundTrip(own) as Uint8Array;
    expect([whole.byteOffset, whole.length, whole.buffer.byteLength]).toEqual([5, 2, 20]);
  });

  test('nothing of a clone lies in shared memory', () => {
    const { encoder, decoder } = makeCodec();
    const block = Buffer.from(new SharedArrayBuffer(70_000));
    for (const size of [1, 64, 65, 256, 257, 60_000]) {
      const length = encoder.encode(new Uint8Array(size).fill(5), 'value');
      encoder.scratch.copy(block, 3, 0, length);
      const clone = decoder.decode(block, 3, length) as Uint8Array;
      block.fill(0);
      expect(clone.buffer).toBeInstanceOf(ArrayBuffer);
      expect(clone.every((byte) => byte === 5)).toBe(true);
    }
  });

  test('scratch grows for a huge value and is let go after', () => {
    const { encoder } = makeCodec();
    encoder.encode('x'.repeat(3_000_000), 'value');
    expect(encoder.scratch.length).toBeGreaterThan(3_000_000);
    encoder.encode(1, 'value');
    encoder.encode(1, 'value');
    expect(encoder.scratch.length).toBeLessThan(100_000);
  });
});
