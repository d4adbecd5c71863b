/**
 * What a slot says besides its state: the function, the arguments, the result. Small values lie in the slot (inline.ts), others as bytes of
 * the codec in a block; what neither can carry travels by a MessagePort, which belongs to the packages above.
 *
 *   META          bits 0–2 count of inline arguments; 4–19 a tag each; 20–25 length of a lone string; 26 BLOCK; 27 BY_PORT; 28 EXTRAS
 *   ARGUMENTS     inline: two words each; BLOCK: block, byte length
 *   RESULT_META   bits 0–3 tag; 4 BLOCK; 5 BY_PORT; 6 STREAM      RESULT  inline, or block and byte length, or number and kind of a stream
 */
import { ARGUMENTS, FUNCTION, META, RESULT, RESULT_META, ownerOf } from './layout.ts';
import { BY_PORT, Decoder, Encoder, MissingBufferError, type SharedBuffers } from './codec/index.ts';
import { STRING_MAX, TAG_STRING, readInline, readLatin1, writeInline, writeLatin1 } from './inline.ts';
import type { Participant } from './participant.ts';
import { giveBack } from './blocks.ts';

const ARGUMENTS_INLINE_MAX = 4;
const TAGS_SHIFT = 4;
const LENGTH_SHIFT = 20;
const LENGTH_MASK = 0x3f;
const META_BLOCK = 1 << 26;
const META_BY_PORT = 1 << 27;
const META_EXTRAS = 1 << 28;
const RESULT_BLOCK = 1 << 4;
const RESULT_BY_PORT = 1 << 5;
const RESULT_STREAM = 1 << 6;

/** What some calls say besides their arguments. */
export interface Extras {
  /** Not to begin after this moment, ms of the shared clock. */
  deadlineAt?: number | undefined;
  /** Share of the processor for this call's root. */
  tickets?: number | undefined;
  /** `spawn` of a generator runs it to its end as one thread; a plain call opens a stream. */
  asThread?: boolean | undefined;
  /** Stores that follow the call: names and values by turns, copies that nobody else changes. */
  carried?: readonly unknown[] | undefined;
}

/**
 * Arguments in a form that no later change of the caller's objects can reach: primitives as they are (a million calls may wait, so without an
 * object around them), else bytes, or primitives with extras.
 */
export type Packed = readonly unknown[] | PackedCall;
export interface PackedCall {
  readonly values: readonly unknown[] | undefined;
  readonly bytes: Buffer | undefined;
  readonly extras: Extras | undefined;
  /** Shared buffers that the bytes refer to: kept alive by whoever keeps this. */
  readonly buffers: readonly SharedArrayBuffer[];
}
const isBare = (packed: Packed): packed is readonly unknown[] => Array.isArray(packed);
/** Extras of a packed call, if it has any. */
export const extrasOf = (packed: Packed): Extras | undefined => (isBare(packed) ? undefined : packed.extras);
/** Shared buffers that a packed call refers to. */
export const buffersOf = (packed: Packed): readonly SharedArrayBuffer[] => (isBare(packed) ? NONE : packed.buffers);

/** How a write went: done; no block is free now (try again later); only a port can carry it. */
export type WriteOutcome = 'written' | 'full' | 'by-port';

/** What `readTask` found. `arguments` is undefined when they come by port. */
export interface Task { functionName: string; arguments: unknown[] | undefined; extras: Extras | undefined }

const isPrimitive = (value: unknown): boolean => (typeof value !== 'object' || value === null) && typeof value !== 'function' && typeof value !== 'symbol';

/** One participant's way of filling and reading slots. */
export class Tasks {
  readonly #me: Participant;
  readonly #encoder: Encoder;
  readonly #decoders: (Decoder | undefined)[] = [];
  readonly #buffers: SharedBuffers;

  constructor(me: Participant, buffers: SharedBuffers) {
    this.#me = me;
    this.#buffers = buffers;
    this.#encoder = new Encoder(me.names, buffers, { bytesMax: me.blocks.bytesMax });
  }

  /** A participant's number may pass to a new worker: its shapes are void. */
  forget(dead: number): void { this.#decoders[dead] = undefined; }

  // ---- owner ----

  /** Packs arguments at the time of the call. Throws CAP_ERR_NOT_CLONEABLE; returns undefined when only a port can carry them. */
  pack(values: readonly unknown[], extras: Extras | undefined): Packed | undefined {
    if (values.every(isPrimitive)) return extras === undefined ? values : { values, bytes: undefined, extras, buffers: NONE };
    const length = this.#encoder.encode(values, 'argument');
    if (length === BY_PORT) return undefined;
    return { values: undefined, bytes: Buffer.from(this.#encoder.scratch.subarray(0, length)), extras, buffers: [...this.#encoder.met] };
  }

  /** Unpacks in the same isolate: what a task that never left it gets. */
  unpack(packed: Packed): unknown[] {
    if (isBare(packed)) return [...packed];
    const { values, bytes } = packed;
    if (values !== undefined) return [...values];
    return this.#decoderOf(this.#me.id).decode(bytes as Buffer, 0, (bytes as Buffer).length) as unknown[];
  }

  /** A value as another isolate would get it. Throws CAP_ERR_NOT_CLONEABLE; undefined with `byPort` when only a port could carry it. */
  clone(value: unknown, label: string): { value: unknown; byPort: boolean } {
    if (isPrimitive(value)) return { value, byPort: false };
    const length = this.#encoder.encode(value, label);
    if (length === BY_PORT) return { value: undefined, byPort: true };
    return { value: this.#decoderOf(this.#me.id).decode(this.#encoder.scratch, 0, length), byPort: false };
  }

  /** Writes a call straight from its arguments. Throws CAP_ERR_NOT_CLONEABLE, then the slot is unchanged in meaning. */
  writeCall(slot: number, functionNumber: number, values: readonly unknown[], keep: SharedArrayBuffer[]): WriteOutcome {
    const { words } = this.#me.memory;
    words[slot + FUNCTION] = functionNumber;
    if (this.#writeInlineArguments(slot, values)) return 'written';
    const length = this.#encoder.encode(values, 'argument');
    if (length === BY_PORT) return 'by-port';
    if (this.#encoder.met.length > 0) keep.push(...this.#encoder.met);
    return this.#writeBytes(slot, this.#encoder.scratch, length, META_BLOCK);
  }

  /** Writes a call that was packed before. */
  writePacked(slot: number, functionNumber: number, packed: Packed): WriteOutcome {
    this.#me.memory.words[slot + FUNCTION] = functionNumber;
    const { values, extras, bytes } = isBare(packed) ? { values: packed, extras: undefined, bytes: undefined } : packed;
    if (extras === undefined) {
      if (values !== undefined && this.#writeInlineArguments(slot, values)) return 'written';
      if (bytes !== undefined) return this.#writeBytes(slot, bytes, bytes.length, META_BLOCK);
    }
    const whole = extras === undefined ? values : [extras.deadlineAt, extras.tickets, extras.asThread, this.unpack(packed), extras.carried];
    const length = this.#encoder.encode(whole, 'argument');
    if (length === BY_PORT) return 'by-port';
    return this.#writeBytes(slot, this.#encoder.scratch, length, extras === undefined ? META_BLOCK : META_BLOCK | META_EXTRAS);
  }

  /** Marks a call whose arguments are posted to its target, extras in front as in a block. */
  writeByPort(slot: number, functionNumber: number, hasExtras: boolean): void {
    const { words } = this.#me.memory;
    words[slot + FUNCTION] = functionNumber;
    words[slot + META] = hasExtras ? META_BY_PORT | META_EXTRAS : META_BY_PORT;
  }

  #writeInlineArguments(slot: number, values: readonly unknown[]): boolean {
    const { memory } = this.#me;
    const count = values.length;
    if (count > ARGUMENTS_INLINE_MAX) return false;
    let meta = count;
    for (let k = 0; k < count; k++) {
      const tag = writeInline(memory, slot + ARGUMENTS + 2 * k, values[k]);
      if (tag < 0) return count === 1 && this.#writeLoneString(slot, values[0]);
      meta |= tag << (TAGS_SHIFT + 4 * k);
    }
    memory.words[slot + META] = meta;
    return true;
  }

  #writeLoneString(slot: number, value: unknown): boolean {
    if (typeof value !== 'string' || value.length > STRING_MAX || !writeLatin1(this.#me.memory.bytes, (slot + ARGUMENTS) * 4, value)) return false;
    this.#me.memory.words[slot + META] = 1 | (TAG_STRING << TAGS_SHIFT) | (value.length << LENGTH_SHIFT);
    return true;
  }

  #writeBytes(slot: number, bytes: Buffer, length: number, meta: number): WriteOutcome {
    const { memory, blocks } = this.#me;
    if (length > blocks.bytesMax) return 'by-port';
    const block = blocks.allocate(length);
    if (block === 0) return 'full';
    bytes.copy(memory.bytes, block * 4, 0, length);
    memory.words[slot + ARGUMENTS] = block;
    memory.words[slot + ARGUMENTS + 1] = length;
    memory.words[slot + META] = meta;
    return 'written';
  }

  /** Frees what a call took besides its slot. */
  releaseArguments(slot: number): void {
    const { words } = this.#me.memory;
    if (((words[slot + META] as number) & META_BLOCK) !== 0) this.#me.blocks.free(words[slot + ARGUMENTS] as number);
    words[slot + META] = 0;
  }

  /** The common case, without a throw or a copy: ask `hasInlineResult` first. */
  readInlineResult(slot: number): unknown {
    const { memory } = this.#me;
    return readInline(memory, slot + RESULT, (memory.words[slot + RESULT_META] as number) & 0xf);
  }
  hasInlineResult(slot: number): boolean {
    return ((this.#me.memory.words[slot + RESULT_META] as number) & (RESULT_BLOCK | RESULT_BY_PORT | RESULT_STREAM)) === 0;
  }

  /** The number of the stream that is the result; 0 when the result is a value. */
  streamOf(slot: number): number {
    const { words } = this.#me.memory;
    return ((words[slot + RESULT_META] as number) & RESULT_STREAM) === 0 ? 0 : words[slot + RESULT] as number;
  }

  streamKindOf(slot: number): number { return this.#me.memory.words[slot + RESULT + 1] as number; }

  /** True when the result of a slot that came home has been posted to this isolate instead. */
  isResultByPort(slot: number): boolean { return ((this.#me.memory.words[slot + RESULT_META] as number) & RESULT_BY_PORT) !== 0; }

  /**
   * Reads the result, or the record of a failure, of a slot that came home, and gives its block back.
   * Throws ResultPendingError when it refers to a shared buffer that has still to arrive; the slot and its block are not needed any more then.
   */
  readResult(slot: number, claimer: number): unknown {
    const { memory } = this.#me;
    const meta = memory.words[slot + RESULT_META] as number;
    if ((meta & RESULT_BLOCK) === 0) return readInline(memory, slot + RESULT, meta & 0xf);
    const block = memory.words[slot + RESULT] as number;
    const length = memory.words[slot + RESULT + 1] as number;
    const decoder = this.#decoderOf(claimer);
    try {
      return decoder.decode(memory.bytes, block * 4, length);
    } catch (error) {
      if (!(error instanceof MissingBufferError)) throw error;
      const copy = Buffer.from(memory.bytes.subarray(block * 4, block * 4 + length));
      throw new ResultPendingError(() => decoder.decode(copy, 0, length));
    } finally {
      this.discardResult(slot);
    }
  }

  /** Gives the block of a result back without, or after, reading it. */
  discardResult(slot: number): void {
    const { memory } = this.#me;
    if (((memory.words[slot + RESULT_META] as number) & RESULT_BLOCK) === 0) return;
    const block = memory.words[slot + RESULT] as number;
    const owner = ownerOf(memory.layout, block);
    if (owner === this.#me.id) this.#me.blocks.free(block);
    else giveBack(memory, owner, block);
  }

  // ---- claimer ----

  /** The function's number in its owner's names: which root a hint is of. */
  functionNumberOf(slot: number): number { return this.#me.memory.words[slot + FUNCTION] as number; }
  hasArgumentsByPort(slot: number): boolean { return ((this.#me.memory.words[slot + META] as number) & META_BY_PORT) !== 0; }
  hasExtras(slot: number): boolean { return ((this.#me.memory.words[slot + META] as number) & META_EXTRAS) !== 0; }

  /** Arguments of a claimed slot, with extras in front when it `hasExtras`. Throws MissingBufferError: try again when the buffer has come. */
  readArguments(slot: number): unknown[] {
    const { memory } = this.#me;
    const meta = memory.words[slot + META] as number;
    if ((meta & META_BLOCK) !== 0) {
      const at = (memory.words[slot + ARGUMENTS] as number) * 4;
      return this.#decoderOf(ownerOf(memory.layout, slot)).decode(memory.bytes, at, memory.words[slot + ARGUMENTS + 1] as number) as unknown[];
    }
    const count = meta & 7;
    if (count === 0) return [];
    const tags = meta >> TAGS_SHIFT;
    if ((tags & 0xf) === TAG_STRING) return [readLatin1(memory.bytes, (slot + ARGUMENTS) * 4, (meta >> LENGTH_SHIFT) & LENGTH_MASK)];
    const first = readInline(memory, slot + ARGUMENTS, tags & 0xf);
    if (count === 1) return [first];
    const second = readInline(memory, slot + ARGUMENTS + 2, (tags >> 4) & 0xf);
    if (count === 2) return [first, second];
    const third = readInline(memory, slot + ARGUMENTS + 4, (tags >> 8) & 0xf);
    return count === 3 ? [first, second, third] : [first, second, third, readInline(memory, slot + ARGUMENTS + 6, (tags >> 12) & 0xf)];
  }

  /** Writes a result. Throws CAP_ERR_NOT_CLONEABLE: write a failure instead. `full` does not happen: what finds no block goes by port. */
  writeResult(slot: number, value: unknown): 'written' | 'by-port' {
    const { memory, blocks } = this.#me;
    const tag = writeInline(memory, slot + RESULT, value);
    if (tag >= 0) { memory.words[slot + RESULT_META] = tag; return 'written'; }
    const length = this.#encoder.encode(value, 'the result');
    const block = length === BY_PORT || length > blocks.bytesMax ? 0 : blocks.allocate(length);
    if (block === 0) { memory.words[slot + RESULT_META] = RESULT_BY_PORT; return 'by-port'; }
    this.#encoder.scratch.copy(memory.bytes, block * 4, 0, length);
    const owner = ownerOf(memory.layout, slot);
    if (owner !== this.#me.id) blocks.hold(block, owner);
    memory.words[slot + RESULT] = block;
    memory.words[slot + RESULT + 1] = length;
    memory.words[slot + RESULT_META] = RESULT_BLOCK;
    return 'written';
  }

  /** The result is a stream of values that the claimer holds under a number above 0. @param kind  what its caller gets */
  writeStream(slot: number, number: number, kind: number): void {
    const { words } = this.#me.memory;
    words[slot + RESULT] = number;
    words[slot + RESULT + 1] = kind;
    words[slot + RESULT_META] = RESULT_STREAM;
  }

  #decoderOf(id: number): Decoder {
    return this.#decoders[id] ??= new Decoder(this.#me.namesOf(id), this.#buffers);
  }
}

const NONE: readonly SharedArrayBuffer[] = [];

/** A result that names a shared buffer which this isolate has not been sent yet. */
export class ResultPendingError extends Error {
  /** Reads again; throws MissingBufferError while the buffer is not there. */
  readonly retry: () => unknown;
  constructor(retry: () => unknown) {
    super('a shared buffer of the result has still to arrive');
    this.retry = retry;
  }
}
