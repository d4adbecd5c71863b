/**
 * Channel: values as bytes in a ring of the channel's own, first in, first out. An item is sent by one change and received by one change, so it
 * belongs to nobody who may die. Who waits to receive is promised one of the items, and takes the oldest when its turn comes; who waits to send
 * is promised room. What was promised to one that dies or gives up is free again, and no item is lost.
 *
 *   item         tag word | byte length, or first word of an inline value | second word or nothing … bytes, padded to 8
 *   VALUE        items; SECOND of them are promised to receivers      room   places and bytes, less those promised to senders
 */
import { BYTES_PROMISED, CLOSED, IS_CLOSED, NODE_NOTE, NODE_QUEUE, PLACES_PROMISED, QUEUE, READ, SECOND, SENDERS, VALUE, WRITTEN } from './object-layout.ts';
import { IN_BYTES, type Item } from './item.ts';
import type { Admission } from './mutex.ts';
import type { Visitor, Waiter } from './visitor.ts';
import { link, setFree } from './wait-queue.ts';

/** Words before the bytes of an item. */
const HEAD_BYTES = 16;
/** Bytes of the ring that an item takes. */
export const roomFor = (item: Item): number => item.tag === IN_BYTES ? HEAD_BYTES + (item.length + 15 & ~15) : HEAD_BYTES;
/** Longest encoded value that a ring can hold. */
export const lengthMax = (ringBytes: number): number => ringBytes - HEAD_BYTES;

const capacityOf = (visitor: Visitor, channel: number): number => visitor.facts.of(channel).parameters[0] as number;
const ringBytesOf = (visitor: Visitor, channel: number): number => visitor.facts.of(channel).parameters[1] as number;

/** Places and bytes that are neither taken nor promised. */
function hasRoom(visitor: Visitor, channel: number, bytes: number): boolean {
  const { words } = visitor.memory;
  const used = ((words[channel + WRITTEN] as number) - (words[channel + READ] as number)) | 0;
  return (words[channel + VALUE] as number) + (words[channel + PLACES_PROMISED] as number) < capacityOf(visitor, channel)
    && used + (words[channel + BYTES_PROMISED] as number) + bytes <= ringBytesOf(visitor, channel);
}

/** Below this many bytes a loop is quicker than a call of `copy`. */
const LOOP_BYTES_MAX = 128;

function copy(source: Buffer, from: number, target: Buffer, to: number, length: number): void {
  if (length > LOOP_BYTES_MAX) source.copy(target, to, from, from + length);
  else for (let k = 0; k < length; k++) target[to + k] = source[from + k] as number;
}

// ---- sending ----

/** Inside: sends, or waits for room. Without a waiter: 'busy' when it would have to. */
export function send(visitor: Visitor, channel: number, item: Item, waiter: Waiter | undefined): Admission | 'closed' {
  const { memory, journal, nodes } = visitor;
  const { words } = memory;
  if (words[channel + CLOSED] !== 0) return 'closed';
  const bytes = roomFor(item);
  if (words[channel + SENDERS] === 0 && hasRoom(visitor, channel, bytes)) {
    writeItem(visitor, channel, item);
    visitor.commit();
    advanceChannel(visitor, channel);
    return 'now';
  }
  if (waiter === undefined) return 'busy';
  const node = nodes.allocate();
  if (node === 0) return 'full';
  link(memory, journal, channel, channel + SENDERS, node, bytes);
  visitor.commit();
  visitor.await(node, waiter);
  return 'waits';
}

/** Inside: sends into room that was promised. The node is FREE after it. */
export function sendPromised(visitor: Visitor, channel: number, item: Item, node: number): void {
  writeItem(visitor, channel, item);
  writePromise(visitor, channel, node);
  visitor.commit();
  visitor.nodes.recycle(node);
  advanceChannel(visitor, channel);
}

function writeItem(visitor: Visitor, channel: number, { tag, low, high, bytes, length }: Item): void {
  const { memory: { words, bytes: arena }, journal } = visitor;
  const { storage } = visitor.facts.of(channel);
  const ringBytes = ringBytesOf(visitor, channel);
  const written = words[channel + WRITTEN] as number;
  const at = storage + ((written & ringBytes - 1) >> 2);                  // a head never wraps: it is as long as what all is padded to
  words[at] = tag;                                                       // plain: nobody reads beyond WRITTEN
  words[at + 1] = tag === IN_BYTES ? length : low;
  words[at + 2] = high;
  let room = HEAD_BYTES;
  if (tag === IN_BYTES) {
    const from = written + HEAD_BYTES & ringBytes - 1;
    const first = Math.min(length, ringBytes - from);
    copy(bytes as Buffer, 0, arena, storage * 4 + from, first);
    if (first < length) copy(bytes as Buffer, first, arena, storage * 4, length - first);
    room += length + 15 & ~15;
  }
  journal.write(channel + WRITTEN, (written + room) | 0);
  journal.write(channel + VALUE, (words[channel + VALUE] as number) + 1);
}

// ---- receiving ----

/** Inside: the oldest item that is promised to nobody, or waits for one. Without a waiter: 'busy' when it would have to. */
export function receive(visitor: Visitor, channel: number, waiter: Waiter | undefined): Item | Admission | 'closed' {
  const { memory, journal, nodes } = visitor;
  const { words } = memory;
  if ((words[channel + VALUE] as number) > (words[channel + SECOND] as number)) {
    const item = readItem(visitor, channel);
    visitor.commit();
    advanceChannel(visitor, channel);
    return item;
  }
  if (isExhausted(visitor, channel)) return 'closed';
  if (waiter === undefined) return 'busy';
  const node = nodes.allocate();
  if (node === 0) return 'full';
  link(memory, journal, channel, channel + QUEUE, node, 0);
  visitor.commit();
  visitor.await(node, waiter);
  return 'waits';
}

/** Closed, and nothing is left or still to come that is promised to nobody. */
function isExhausted({ memory: { words } }: Visitor, channel: number): boolean {
  return words[channel + CLOSED] !== 0 && words[channel + PLACES_PROMISED] === 0 && words[channel + VALUE] === words[channel + SECOND];
}

/** Inside: the oldest item, for one that was promised. The node is FREE after it. */
export function receivePromised(visitor: Visitor, channel: number, node: number): Item {
  const item = readItem(visitor, channel);
  writePromise(visitor, channel, node);
  visitor.commit();
  visitor.nodes.recycle(node);
  advanceChannel(visitor, channel);
  return item;
}

function readItem(visitor: Visitor, channel: number): Item {
  const { memory: { words, bytes: arena }, journal } = visitor;
  const { storage } = visitor.facts.of(channel);
  const ringBytes = ringBytesOf(visitor, channel);
  const read = words[channel + READ] as number;
  const at = storage + ((read & ringBytes - 1) >> 2);
  const tag = words[at] as number;
  const low = words[at + 1] as number;
  let room = HEAD_BYTES;
  let bytes: Buffer | undefined;
  if (tag === IN_BYTES) {
    const from = read + HEAD_BYTES & ringBytes - 1;
    const first = Math.min(low, ringBytes - from);
    bytes = Buffer.allocUnsafe(low);
    copy(arena, storage * 4 + from, bytes, 0, first);
    if (first < low) copy(arena, storage * 4, bytes, first, low - first);
    room += low + 15 & ~15;
  }
  journal.write(channel + READ, (read + room) | 0);
  journal.write(channel + VALUE, (words[channel + VALUE] as number) - 1);
  return { tag, low, high: words[at + 2] as number, bytes, length: low };
}

// ---- choosing among several ----

/** Inside: waits for an item, though there may be one: it is promised then, and taken or given back later. */
export function queueReceiver(visitor: Visitor, channel: number, waiter: Waiter): 'waits' | 'full' | 'closed' {
  return isExhausted(visitor, channel) ? 'closed' : queue(visitor, channel, channel + QUEUE, 0, waiter);
}
/** Inside: waits for room, though there may be some. */
export function queueSender(visitor: Visitor, channel: number, item: Item, waiter: Waiter): 'waits' | 'full' | 'closed' {
  return visitor.memory.words[channel + CLOSED] === 0 ? queue(visitor, channel, channel + SENDERS, roomFor(item), waiter) : 'closed';
}
function queue(visitor: Visitor, channel: number, line: number, note: number, waiter: Waiter): 'waits' | 'full' {
  const node = visitor.nodes.allocate();
  if (node === 0) return 'full';
  link(visitor.memory, visitor.journal, channel, line, node, note);
  visitor.commit();
  visitor.await(node, waiter);
  advanceChannel(visitor, channel);
  return 'waits';
}

// ---- what both need ----

/** Writes that a promise is kept, or given back, and its node FREE. */
function writePromise({ memory: { words }, journal }: Visitor, channel: number, node: number): void {
  if (words[node + NODE_QUEUE] === channel + SENDERS) {
    journal.write(channel + PLACES_PROMISED, (words[channel + PLACES_PROMISED] as number) - 1);
    journal.write(channel + BYTES_PROMISED, (words[channel + BYTES_PROMISED] as number) - (words[node + NODE_NOTE] as number));
  } else journal.write(channel + SECOND, (words[channel + SECOND] as number) - 1);
  setFree(journal, node);
}

/** Inside: gives back what a granted node was promised; the node is FREE after it. Of one that gave up after it was granted, or died. */
export function returnPromise(visitor: Visitor, channel: number, node: number, result: number): void {
  if ((result & IS_CLOSED) === 0) writePromise(visitor, channel, node);
  else setFree(visitor.journal, node);
  visitor.commit();
}

/** Inside: nothing more is sent; those who wait for what will not come are told. */
export function close(visitor: Visitor, channel: number): void {
  visitor.journal.write(channel + CLOSED, 1);
  visitor.commit();
  advanceChannel(visitor, channel);
}

/** Inside: promises items and room to those who wait, the first first. */
export function advanceChannel(visitor: Visitor, channel: number): void {
  while (advanceReceiver(visitor, channel) || advanceSender(visitor, channel)) visitor.commit();
}

function advanceReceiver(visitor: Visitor, channel: number): boolean {
  const { memory: { words }, journal } = visitor;
  const node = words[channel + QUEUE] as number;
  if (node === 0) return false;
  if ((words[channel + VALUE] as number) > (words[channel + SECOND] as number)) {
    journal.write(channel + SECOND, (words[channel + SECOND] as number) + 1);
    visitor.grant(node, 0);
    return true;
  }
  if (!isExhausted(visitor, channel)) return false;
  visitor.grant(node, IS_CLOSED);
  return true;
}

function advanceSender(visitor: Visitor, channel: number): boolean {
  const { memory: { words }, journal } = visitor;
  const node = words[channel + SENDERS] as number;
  if (node === 0) return false;
  if (words[channel + CLOSED] !== 0) { visitor.grant(node, IS_CLOSED); return true; }
  const bytes = words[node + NODE_NOTE] as number;
  if (!hasRoom(visitor, channel, bytes)) return false;
  journal.write(channel + PLACES_PROMISED, (words[channel + PLACES_PROMISED] as number) + 1);
  journal.write(channel + BYTES_PROMISED, (words[channel + BYTES_PROMISED] as number) + bytes);
  visitor.grant(node, 0);
  return true;
}

/** Items that wait to be received, and whether it is closed; as it was some moments ago. */
export function stateOf({ memory: { words } }: Visitor, channel: number): { length: number; isClosed: boolean } {
  return { length: words[channel + VALUE] as number, isClosed: words[channel + CLOSED] !== 0 };
}
