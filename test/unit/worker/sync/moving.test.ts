/** Buffers that move through a channel: accepted, they are the receiver's; given up, they are still the sender's. */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { Channel, spawn } from '../../../../packages/worker/src/thread-api.ts';
import { settle } from './rig.ts';

const code = (wanted: string) => (error: unknown): boolean => (error as { code?: unknown }).code === wanted;
const filled = (bytes: number): Uint8Array<ArrayBuffer> => new Uint8Array(bytes).fill(7);

describe('transfer', () => {
  test('to one who waits, into room, and when a sender that waited is served', async () => {
    for (const [capacity, early] of [[0, true], [1, false], [0, false]] as const) {
      const channel = new Channel<{ bytes: Uint8Array }>({ capacity });
      const bytes = filled(100);
      const received = early ? channel.recv() : undefined;
      const sent = channel.send({ bytes }, { transfer: [bytes.buffer] });
      await settle();
      assert.equal(bytes.buffer.detached, early || capacity === 1);
      const got = await (received ?? channel.recv());
      await sent;
      assert.deepEqual([bytes.buffer.detached, got.bytes.length, got.bytes[99]], [true, 100, 7]);
    }
  });
  test('who gives up keeps them, and nobody has received them', async () => {
    const channel = new Channel<Uint8Array>();
    const bytes = filled(10);
    await assert.rejects(channel.send(bytes, { transfer: [bytes.buffer], timeoutMs: 1 }), code('CAP_ERR_TIMEOUT'));
    const thread = spawn(async () => { await channel.send(bytes, { transfer: [bytes.buffer] }); });
    await settle();
    thread.cancel();
    await assert.rejects(thread.join(), code('CAP_ERR_CANCELLED'));
    assert.deepEqual([bytes.buffer.detached, bytes.length, channel.tryRecv()], [false, 10, undefined]);
  });
  test('what cannot be cloned is refused at once, whether it must wait or not', async () => {
    for (const capacity of [0, 1]) {
      const channel = new Channel<unknown>({ capacity });
      const bytes = filled(1);
      await assert.rejects(channel.send({ bytes, no: () => 1 }, { transfer: [bytes.buffer] }), code('CAP_ERR_NOT_CLONEABLE'));
      assert.deepEqual([bytes.buffer.detached, channel.length, channel.tryRecv()], [false, 0, undefined]);
    }
  });
  test('refuses what is no list of buffers', async () => {
    const channel = new Channel<unknown>({ capacity: 1 });
    const { buffer } = filled(1);
    buffer.transfer();
    const other = new ArrayBuffer(1);
    for (const transfer of [5, [5], [buffer], [other, other], [new SharedArrayBuffer(1)]]) await assert.rejects(channel.send(1, { transfer: transfer as never }), code('CAP_ERR_OPTION'));
  });
});
