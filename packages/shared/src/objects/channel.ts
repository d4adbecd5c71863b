/**
 * Channel: values as bytes in a ring of the channel's own, first in, first out. An item is sent by one change and received by one change, so it
 * belongs to nobody who may die. While nobody waits, receiving is one compare-and-swap by anybody, outside of the monitor, and sending is one
 * store inside of it, on a line of its own: who sends and who receives do not meet. Who waits to receive is promised one of the items, and takes
 * the oldest when its turn comes; who waits to send is promised room. What was promised to one that dies or gives up is free again.
 *
 *   State       item    tag word | byte length, or first word of an inline value | second word or nothing | its number … bytes, padded to 8
 *               WRITTEN ──send──► after the item, where the number of the next one lies already (so that a head's place is always free)
 *               READ    ──receive──► after the item;  READ, SHUT: receivers go inside.  SECOND items are promised, and PLACES and BYTES of room
 *   Invariants  C1 READ without SHUT changes by a compare-and-swap over one item, or by setting SHUT. With SHUT: only inside.
 *               C2 somebody waits, or an item is promised, only while SHUT is set.
 *               C3 what lies between READ and WRITTEN is not written; READ_SEEN, up to where room is counted, is never beyond READ.
 *   Ordering    WRITTEN's store is after the item's plain words, and is read before them; READ's compare-and-swap is after they were read.
 *   Hazards     a receiver may read an item that another takes and a sender writes over meanwhile: then its compare-and-swap fails, and what it has
 *               read is thrown away unlooked at. READ is where it was after exactly 2^32 bytes: not within one look. WRITTEN as it was seen
 *               last is believed only while READ is where this participant left it.
 *   Crash       dead before the store or the compare-and-swap: nothing has happened. Dead with SHUT set and nobody waiting: receivers go inside, and
 *               the first of them opens it again. Changes of more than one word: journal.ts.
 *   Proof       C1, C2 → model/channel "channel: nothing is lost or doubled, whoever dies at any step"; C3, Ordering → model/channel "channel: two receivers outside, one sender", stress/objects "objects: a channel between real threads";
 *               Crash → model/channel "channel: a receiver killed at any step, another goes on".
 *   Source      the sequence check of a seqlock (Lameter, 2005), with the reader's own commit as the check; two ends on two lines as in the
 *               two-lock queue of Michael and Scott (PODC 1996), each caching the other's index as FastForward and Rigtorp's queue do.
 *
 * Rejected: receiving several items by one change, to be handed to threads later: what one holds and has not handed over would have to be put back
 * before what others have received since. A count of items beside WRITTEN: two words, so a journal for each item.
 */
import { BYTES_PROMISED, CLOSED, IS_CLOSED, NODE_NOTE, NODE_QUEUE, PLACES_PROMISED, QUEUE, READ, READ_SEEN, SECOND, SENDERS, WRITTEN } from './object-layout.ts';
import { IN_BYTES, type Item } from './item.ts';
import type { Admission } from './mutex.ts';
import type { Visitor, Waiter } from './visitor.ts';
import { link, setFree } from './wait-queue.ts';

/** Words before the bytes of an item. */
const HEAD_BYTES = 16;
/** Where in a head the item's number lies. */
const NUMBER = 3;
/** In READ, whose steps are of 16: receivers go inside. */
const SHUT = 1;
const placeOf = (word: number): number => word & ~SHUT;

/** Bytes of the ring that an item takes. */
export const roomFor = (item: Item): number => item.tag === IN_BYTES ? HEAD_BYTES + (item.length + 15 & ~15) : HEAD_BYTES;
/** Longest encoded value that a ring can hold: beside its head, and that of the next. */
export const lengthMax = (ringBytes: number): number => ringBytes - 2 * HEAD_BYTES;

const capacityOf = (visitor: Visitor, channel: number): number => visitor.facts.of(channel).parameters[0] as number;
const ringBytesOf = (visitor: Visitor, channel: number): number => visitor.facts.of(channel).parameters[1] as number;

/** The number of the item at a place, or that will be there. A head never wraps: it is as long as what all is padded to. */
function numberAt(visitor: Visitor, channel: number, place: number): number {
  const { storage, parameters } = visitor.facts.of(channel);
  return visitor.memory.words[storage + ((place & (parameters[1] as number) - 1) >> 2) + NUMBER] as number;
}

/** Items that lie between a place and what has been written. */
function itemsFrom(visitor: Visitor, channel: number, place: number): number {
  return (numberAt(visitor, channel, visitor.memory.words[channel + WRITTEN] as number) - numberAt(visitor, channel, place)) | 0;
}
/** Inside, SHUT: items there are. */
const itemsNow = (visitor: Visitor, channel: number): number => itemsFrom(visitor, channel, placeOf(Atomics.load(visitor.memory.words, channel + READ)));

/** Inside: places and bytes that are neither taken nor promised. */
function hasRoom(visitor: Visitor, channel: number, bytes: number): boolean {
  const { words } = visitor.memory;
  if (hasRoomSince(visitor, channel, bytes, words[channel + READ_SEEN] as number)) return true;
  const read = placeOf(Atomics.load(words, channel + READ));
  words[channel + READ_SEEN] = read;                                     // plain, in no journal: any place that READ has had will do
  return hasRoomSince(visitor, channel, bytes, read);
}
function hasRoomSince(visitor: Visitor, channel: number, bytes: number, read: number): boolean {
  const { words } = visitor.memory;
  const used = ((words[channel + WRITTEN] as number) - read) | 0;
  return itemsFrom(visitor, channel, read) + (words[channel + PLACES_PROMISED] as number) < capacityOf(visitor, channel)
    && used + (words[channel + BYTES_PROMISED] as number) + bytes + HEAD_BYTES <= ringBytesOf(visitor, channel);
}

// ---- who receives outside ----

/** Inside: from here on items are taken inside only. */
const shut = ({ memory: { words } }: Visitor, channel: number): void => { Atomics.or(words, channel + READ, SHUT); };
/** Inside: anybody may take items again, if nobody waits and none is promised. */
function open({ memory: { words } }: Visitor, channel: number): void {
  if (words[channel + QUEUE] === 0 && words[channel + SENDERS] === 0 && words[channel + SECOND] === 0) Atomics.and(words, channel + READ, ~SHUT);
}

/** Anybody may take items from outside, as it was a moment ago. */
export const isOpen = ({ memory: { words } }: Visitor, channel: number): boolean => (Atomics.load(words, channel + READ) & SHUT) === 0;

/** Where one participant left a channel, and how far it was written then. */
export class View { read = 0; written = 0; }

/** Anywhere: the oldest item, if there is one and nobody waits. One compare-and-swap. Of every item received here: its bytes are void when the next one is. */
export function receiveNow(visitor: Visitor, channel: number, view: View): Item | undefined {
  const { words } = visitor.memory;
  for (;;) {
    const read = Atomics.load(words, channel + READ);
    if ((read & SHUT) !== 0) return undefined;
    if (read !== view.read || read === view.written) {
      view.read = read;
      view.written = Atomics.load(words, channel + WRITTEN);
      if (read === view.written) return undefined;
    }
    const item = itemAt(visitor, channel, read);
    const next = item === undefined ? read : (read + roomFor(item)) | 0;
    if (Atomics.compareExchange(words, channel + READ, read, next) !== read) continue;
    if (item === undefined) throw new Error(`an item of the channel at ${channel} has no length: the arena is corrupt`);
    view.read = next;
    return item;
  }
}

/** Below this many bytes a loop is quicker than a call of `copy`. */
const LOOP_BYTES_MAX = 128;

/** Where the bytes of what is received land, of one item at a time; larger ones get a buffer of their own. */
const landing = Buffer.allocUnsafeSlow(16_384);

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
  if (sendIfRoom(visitor, channel, item, bytes)) return 'now';
  if (waiter === undefined) return 'busy';
  const node = nodes.allocate();
  if (node === 0) return 'full';
  shut(visitor, channel);
  if (sendIfRoom(visitor, channel, item, bytes)) {                       // one has been received before it was shut
    nodes.recycle(node);
    advanceChannel(visitor, channel);
    return 'now';
  }
  link(memory, journal, channel, channel + SENDERS, node, bytes);
  visitor.commit();
  visitor.await(node, waiter);
  return 'waits';
}

function sendIfRoom(visitor: Visitor, channel: number, item: Item, bytes: number): boolean {
  const { words } = visitor.memory;
  if (words[channel + SENDERS] !== 0 || !hasRoom(visitor, channel, bytes)) return false;
  Atomics.store(words, channel + WRITTEN, writeItem(visitor, channel, item));
  if (words[channel + QUEUE] !== 0) advanceChannel(visitor, channel);
  return true;
}

/** Inside: sends into room that was promised. The node is FREE after it. */
export function sendPromised(visitor: Visitor, channel: number, item: Item, node: number): void {
  visitor.journal.show(channel + WRITTEN, writeItem(visitor, channel, item));
  writePromise(visitor, channel, node);
  visitor.commit();
  visitor.nodes.recycle(node);
  advanceChannel(visitor, channel);
}

/** Writes an item, and the number of the next. Nobody sees them. @returns what WRITTEN becomes */
function writeItem(visitor: Visitor, channel: number, { tag, low, high, bytes, length }: Item): number {
  const { words, bytes: arena } = visitor.memory;
  const { storage, parameters } = visitor.facts.of(channel);
  const ringBytes = parameters[1] as number;
  const written = words[channel + WRITTEN] as number;
  const at = storage + ((written & ringBytes - 1) >> 2);
  words[at] = tag;                                                       // plain: nobody believes what is beyond WRITTEN
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
  const next = (written + room) | 0;
  words[storage + ((next & ringBytes - 1) >> 2) + NUMBER] = ((words[at + NUMBER] as number) + 1) | 0;
  return next;
}

// ---- receiving ----

/** Inside: the oldest item that is promised to nobody, or waits for one. Without a waiter: 'busy' when it would have to. */
export function receive(visitor: Visitor, channel: number, waiter: Waiter | undefined): Item | Admission | 'closed' {
  shut(visitor, channel);
  const outcome = receiveShut(visitor, channel, waiter);
  if (outcome !== 'waits') advanceChannel(visitor, channel);
  return outcome;
}

function receiveShut(visitor: Visitor, channel: number, waiter: Waiter | undefined): Item | Admission | 'closed' {
  const { memory, journal, nodes } = visitor;
  if (itemsNow(visitor, channel) > (memory.words[channel + SECOND] as number)) {
    const item = readItem(visitor, channel);
    visitor.commit();
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

/** SHUT: closed, and nothing is left or still to come that is promised to nobody. */
function isExhausted(visitor: Visitor, channel: number): boolean {
  const { words } = visitor.memory;
  return words[channel + CLOSED] !== 0 && words[channel + PLACES_PROMISED] === 0 && itemsNow(visitor, channel) === words[channel + SECOND];
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

/** SHUT: writes that the oldest item is received. */
function readItem(visitor: Visitor, channel: number): Item {
  const read = placeOf(Atomics.load(visitor.memory.words, channel + READ));
  const item = itemAt(visitor, channel, read);
  if (item === undefined) throw new Error(`an item of the channel at ${channel} has no length: the arena is corrupt`);
  visitor.journal.show(channel + READ, ((read + roomFor(item)) | 0) | SHUT);
  return item;
}

/** What lies at a place. It may be written over meanwhile, when others receive too: then it is anything, or undefined when it could not be. */
function itemAt(visitor: Visitor, channel: number, read: number): Item | undefined {
  const { words, bytes: arena } = visitor.memory;
  const { storage, parameters } = visitor.facts.of(channel);
  const ringBytes = parameters[1] as number;
  const at = storage + ((read & ringBytes - 1) >> 2);
  const tag = words[at] as number;
  const low = words[at + 1] as number;
  let bytes: Buffer | undefined;
  if (tag === IN_BYTES) {
    if (low < 0 || low > lengthMax(ringBytes)) return undefined;
    const from = read + HEAD_BYTES & ringBytes - 1;
    const first = Math.min(low, ringBytes - from);
    bytes = low <= landing.length ? landing : Buffer.allocUnsafe(low);
    copy(arena, storage * 4 + from, bytes, 0, first);
    if (first < low) copy(arena, storage * 4, bytes, first, low - first);
  }
  return { tag, low, high: words[at + 2] as number, bytes, length: low };
}

// ---- choosing among several ----

/** Inside: waits for an item, though there may be one: it is promised then, and taken or given back later. */
export function queueReceiver(visitor: Visitor, channel: number, waiter: Waiter): 'waits' | 'full' | 'closed' {
  shut(visitor, channel);
  if (!isExhausted(visitor, channel)) return queue(visitor, channel, channel + QUEUE, 0, waiter);
  advanceChannel(visitor, channel);
  return 'closed';
}
/** Inside: waits for room, though there may be some. */
export function queueSender(visitor: Visitor, channel: number, item: Item, waiter: Waiter): 'waits' | 'full' | 'closed' {
  return visitor.memory.words[channel + CLOSED] === 0 ? queue(visitor, channel, channel + SENDERS, roomFor(item), waiter) : 'closed';
}
function queue(visitor: Visitor, channel: number, line: number, note: number, waiter: Waiter): 'waits' | 'full' {
  const node = visitor.nodes.allocate();
  if (node === 0) return 'full';
  shut(visitor, channel);
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
  visitor.journal.show(channel + CLOSED, 1);
  visitor.commit();
  advanceChannel(visitor, channel);
}

/** Inside: promises items and room to those who wait, the first first. */
export function advanceChannel(visitor: Visitor, channel: number): void {
  while (advanceReceiver(visitor, channel) || advanceSender(visitor, channel)) visitor.commit();
  open(visitor, channel);
}

function advanceReceiver(visitor: Visitor, channel: number): boolean {
  const { memory: { words }, journal } = visitor;
  const node = words[channel + QUEUE] as number;
  if (node === 0) return false;
  if (itemsNow(visitor, channel) > (words[channel + SECOND] as number)) {
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
export function stateOf(visitor: Visitor, channel: number): { length: number; isClosed: boolean } {
  const { words } = visitor.memory;
  const length = itemsFrom(visitor, channel, placeOf(Atomics.load(words, channel + READ)));
  return { length: Math.min(Math.max(length, 0), capacityOf(visitor, channel)), isClosed: Atomics.load(words, channel + CLOSED) !== 0 };
}
