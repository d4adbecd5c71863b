/* oxlint-disable require-yield -- frames that never wait are counted too */
/** What micro/instructions counts: hot paths of one thread, each done so many times. All check what they get. */
import { BlockAllocator, ClaimRings, Decoder, Encoder, NameReader, NameWriter, SlotPool, allocateGraph, allocateMemory, layOut, mailbox, makeClaims, mapGraph, mapMemory, slots, take } from '@capriccio/shared';
import { Recorder, Scheduler } from '@capriccio/worker';
import { Channel, spawn } from 'capriccio/thread';
import { awaits, check, locks, ownItems, receives, sends, spawns, tryLocks, yields } from './thread-bodies.ts';

export type Operation = (count: number) => unknown;


// ---- packages/shared ----
const OWNER = 1, TAKER = 2;
const layout = layOut({ participantCount: 4, slotCount: 64, ringCount: 2, payloadBytes: 262_144, namesBytes: 65_536 });
const memory = mapMemory(allocateMemory(layout), layout);
const pool = new SlotPool(memory, OWNER);
const rings = new ClaimRings(memory, OWNER);
const claims = makeClaims(16);

function slotLives(count: number): void {
  for (let k = 0; k < count; k++) {
    const slot = pool.allocate();
    slots.makeReady(memory.words, slot);
    rings.push(0, slot);
    rings.publish();
    take(memory, OWNER, 0, TAKER, 1, claims);
    const running = slots.start(memory.words, slot, claims.claimed[0] as number);
    slots.finish(memory.words, slot, running, slots.DONE);
    pool.release(slot);
    if (claims.count !== 1 || claims.slots[0] !== slot) throw new Error('another slot was claimed');
  }
}
function mails(count: number): void {
  const [words, head, link] = [new Int32Array(new SharedArrayBuffer(256)), 0, 1];
  for (let k = 0; k < count; k++) {
    const node = 16 + (k & 7) * 2;
    mailbox.push(words, head, link, node, node);
    if (mailbox.takeAll(words, head, link) !== node) throw new Error('another node');
  }
}
const blocks = new BlockAllocator(memory, OWNER);
function allocations(count: number): void {
  for (let k = 0; k < count; k++) {
    const block = blocks.allocate(64 << (k & 3));
    if (block === 0) throw new Error('no block');
    blocks.free(block);
  }
}

// ---- the codec ----
const buffers = { numberOf: () => 0, bufferOf: () => undefined };
const encoder = new Encoder(new NameWriter(memory, 0), buffers);
const decoder = new Decoder(new NameReader(memory, 0), buffers);
const record = (k: number): object => ({ id: k, name: `user${k}`, ok: true, score: k * 1.5, tags: ['a', 'bb'] });
const encodes = (value: unknown): Operation => (count) => { for (let k = 0; k < count; k++) encoder.encode(value, 'value'); };
function decodes(value: unknown): Operation {
  const length = encoder.encode(value, 'value');
  const bytes = Buffer.from(new SharedArrayBuffer(length));
  encoder.scratch.copy(bytes, 0, 0, length);
  return (count) => { let last: unknown; for (let k = 0; k < count; k++) last = decoder.decode(bytes, 0, length); check(JSON.stringify(last), JSON.stringify(value)); };
}
const kilobyte = Array.from({ length: 14 }, (_, k) => record(k));

// ---- threads ----
async function switches(scheduler: Scheduler, count: number): Promise<void> {
  const root = scheduler.roots.named('switch');
  await Promise.all([scheduler.spawn(yields, [count / 2], root), scheduler.spawn(yields, [count / 2], root)].map((thread) => thread.join()));
}
const plain = new Scheduler();
const recording = new Scheduler();
recording.recorder = new Recorder(mapGraph(allocateGraph(2), 2), 1, recording.roots);
async function meets(count: number): Promise<void> {
  const channel = new Channel<number>();
  await Promise.all([spawn(sends, channel, count), spawn(receives, channel, count)].map((thread) => thread.join()));
}
function timers(count: number): void {
  const timer = { due: -1, previous: undefined, next: undefined, fire: (): void => { /* never */ } };
  for (let k = 0; k < count; k++) { plain.timers.set(timer, 1000 + (k & 1023)); plain.timers.cancel(timer); }
}

/** By name: what is done, and whether a quick run counts it. */
export const operations: Readonly<Record<string, { readonly run: Operation; readonly isQuick?: boolean }>> = {
  'a slot: ready, claimed, done, free': { run: slotLives, isQuick: true },
  'a mailbox: pushed, taken': { run: mails },
  'a block: allocated, freed': { run: allocations },
  'codec: a number encoded': { run: encodes(1.5) },
  'codec: an object of 5 fields encoded': { run: encodes(record(7)), isQuick: true },
  'codec: an object of 5 fields decoded': { run: decodes(record(7)) },
  'codec: 1 KB of objects encoded': { run: encodes(kilobyte) },
  'codec: 1 KB of objects decoded': { run: decodes(kilobyte) },
  'spawn and join': { run: (count) => spawn(spawns, count).join() },
  'switch': { run: (count) => switches(plain, count), isQuick: true },
  'switch, recorded': { run: (count) => switches(recording, count) },
  'tryLock, unlock': { run: (count) => spawn(tryLocks, count).join() },
  'lock, unlock': { run: (count) => spawn(locks, count).join() },
  'channel item, no switch': { run: (count) => spawn(ownItems, count).join() },
  'channel item, switch': { run: meets },
  'timer set and cancelled': { run: timers },
  'beside: a native await': { run: awaits, isQuick: true },
};
