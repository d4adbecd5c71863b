/**
 * The words of a scenario's memory as the explorer keeps them: who wrote and read each at which time of which vector clock, so that plain accesses
 * that race are found; what can be undone; and a hash over all of it.
 */
import type { Layout } from '../../packages/shared/src/layout.ts';
import { Digest } from './states.ts';
import { Violation } from './scenario.ts';

interface Location {
  readonly at: number;
  /** The clock that whoever reads it by an atomic operation joins; never changed in place. */
  released: readonly number[] | undefined;
  writer: number;
  writtenAt: number;
  plainWrite: boolean;
  readAt: readonly number[];
  /** Touched since the hash was taken. What it adds to the hash. */
  isDirty: boolean;
  a: number;
  b: number;
  /** The mark after which it was saved last. */
  savedAfter: number;
}

interface Saved { readonly location: Location; readonly before: Omit<Location, 'at' | 'isDirty' | 'savedAfter'>; readonly word: number }

/** A thread's part: its number and its vector clock. */
export interface Clocked { readonly index: number; readonly clock: number[] }

/** To go back to. */
export interface WordsMark { readonly height: number; readonly a: number; readonly b: number }

export class Words {
  readonly #layout: Layout;
  readonly #words: Int32Array;
  readonly #locations = new Map<number, Location>();
  readonly #neverRead: readonly number[];
  readonly #saved: Saved[] = [];
  readonly #dirty: Location[] = [];
  #marks = 0;
  #a = 0;
  #b = 0;

  constructor(layout: Layout, words: Int32Array, threadCount: number) {
    this.#layout = layout;
    this.#words = words;
    this.#neverRead = Array.from({ length: threadCount }, () => 0);
  }

  /** A plain read of a word by a thread. Throws when it races with a write. */
  read(at: number, thread: Clocked): void {
    const location = this.#location(at);
    if (!isHintCell(this.#layout, at) && !isSpeculative(this.#layout, at) && !sawWrite(thread, location)) this.#race('write/read', at);
    const now = thread.clock[thread.index] as number;
    if (location.readAt[thread.index] === now) return;
    this.#touch(location);
    location.readAt = location.readAt.with(thread.index, now);
  }

  /** Before a plain write. Throws when it races with a read or a write. */
  write(at: number, thread: Clocked): void {
    const location = this.#location(at), isHint = isHintCell(this.#layout, at);
    if (!isHint && !sawWrite(thread, location)) this.#race('write/write', at);
    if (!isHint && !isSpeculative(this.#layout, at)) for (let other = 0; other < thread.clock.length; other++) if (other !== thread.index && (location.readAt[other] as number) > (thread.clock[other] as number)) this.#race('read/write', at);
    this.#wrote(location, thread, true);
  }

  /** Before an atomic operation. `joins`: it reads; `writes`: it writes as well. Throws when it races with a plain write. */
  operate(at: number, thread: Clocked, joins: boolean): void {
    const location = this.#location(at);
    if (location.plainWrite && !sawWrite(thread, location)) this.#race('plain write/atomic', at);
    if (joins) join(thread, location.released);
  }
  release(at: number, thread: Clocked): void { this.#wrote(this.#location(at), thread, false); }

  #wrote(location: Location, thread: Clocked, plain: boolean): void {
    this.#touch(location);
    location.writer = thread.index;
    location.writtenAt = thread.clock[thread.index] as number;
    location.plainWrite = plain;
    location.released = plain ? undefined : [...thread.clock];
    if (!plain) (thread.clock[thread.index] as number)++;
  }

  #location(at: number): Location {
    let location = this.#locations.get(at);
    if (location === undefined) {
      location = { at, released: undefined, writer: -1, writtenAt: 0, plainWrite: false, readAt: this.#neverRead, isDirty: false, a: 0, b: 0, savedAfter: -1 };
      this.#locations.set(at, location);
    }
    return location;
  }

  /** Before it is changed. */
  #touch(location: Location): void {
    if (location.savedAfter !== this.#marks) {
      location.savedAfter = this.#marks;
      const { released, writer, writtenAt, plainWrite, readAt, a, b } = location;
      this.#saved.push({ location, before: { released, writer, writtenAt, plainWrite, readAt, a, b }, word: this.#words[location.at] as number });
    }
    if (!location.isDirty) { location.isDirty = true; this.#dirty.push(location); }
  }

  #race(what: string, at: number): never { throw new Violation(`race: ${what} at ${nameOf(this.#layout, at)}`); }

  /** A hash over all words that were touched, and their clocks. */
  addTo(digest: Digest): void {
    for (const location of this.#dirty) {
      location.isDirty = false;
      const { at, released, writer, writtenAt, plainWrite, readAt } = location;
      const { a, b } = new Digest().add(at).add(this.#words[at] as number).add(writer).add(writtenAt).add(plainWrite ? 1 : 0).addAll(released ?? []).addAll(readAt);
      this.#a = (this.#a - location.a + a) | 0;
      this.#b = (this.#b - location.b + b) | 0;
      location.a = a;
      location.b = b;
    }
    this.#dirty.length = 0;
    digest.add(this.#a).add(this.#b);
  }

  /** After `addTo`. */
  mark(): WordsMark {
    this.#marks++;
    return { height: this.#saved.length, a: this.#a, b: this.#b };
  }

  /** Undoes all since a mark. Marks after it are void. */
  goBack({ height, a, b }: WordsMark): void {
    for (const location of this.#dirty) location.isDirty = false;
    this.#dirty.length = 0;
    while (this.#saved.length > height) {
      const { location, before, word } = this.#saved.pop() as Saved;
      Object.assign(location, before);
      this.#words[location.at] = word;
    }
    this.#marks++;                                                       // what is touched from here on is saved anew
    this.#a = a;
    this.#b = b;
  }
}

export function join({ clock: mine }: Clocked, clock: readonly number[] | undefined): void {
  if (clock !== undefined) for (let k = 0; k < clock.length; k++) if ((clock[k] as number) > (mine[k] as number)) mine[k] = clock[k] as number;
}
const sawWrite = ({ index, clock }: Clocked, { writer, writtenAt }: Location): boolean => writer < 0 || writer === index || (clock[writer] as number) >= writtenAt;

/** Hints need no order (claim-ring.ts, Ordering): the one plain access that may race. */
function isHintCell(layout: Layout, at: number): boolean {
  if (at < layout.regionAt) return false;
  const inRegion = (at - layout.regionAt) % layout.regionWords;
  return inRegion >= layout.ringsAt && inRegion < layout.namesAt;
}

/** Items of channels are read before the compare-and-swap that tells whether they were still there (channel.ts, Hazards): reads of them may race, writes not. */
const isSpeculative = (layout: Layout, at: number): boolean => at >= layout.storageAt;

export function nameOf(layout: Layout, at: number): string {
  if (at < layout.controlAt) return `header+${at}`;
  if (at < layout.regionAt) { const size = (layout.regionAt - layout.controlAt) / layout.participantCount; return `control${Math.floor((at - layout.controlAt) / size)}+${(at - layout.controlAt) % size}`; }
  const region = Math.floor((at - layout.regionAt) / layout.regionWords), inside = (at - layout.regionAt) % layout.regionWords;
  if (inside < layout.ringsAt) return `slot${region}.${inside >> 4}+${inside & 15}`;
  if (inside < layout.namesAt) return `cell${region}+${inside - layout.ringsAt}`;
  return inside < layout.payloadAt ? `names${region}+${inside - layout.namesAt}` : `payload${region}+${inside - layout.payloadAt}`;
}

