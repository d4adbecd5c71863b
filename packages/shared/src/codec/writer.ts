/**
 * Writer: the scratch that a value is encoded into, and the values that hold no others: numbers, strings, bigints.
 *
 * The scratch is private memory: the length of a value is known only when it is written, a block of shared memory is taken by length,
 * and one copy of what was written (0.1 ns a byte) costs less than a first pass that counts.
 */
import { BIGINT, BIGINT64, DOUBLE, INT32, LATIN1, SMALL_INTEGER, SMALL_INTEGER_MAX, SMALL_STRING, UTF16, UTF8 } from './format.ts';
import { byPort } from './refusal.ts';
import type { Seen } from './seen.ts';

/** Up to here a loop over the characters beats the call into Buffer (40 ns). */
const LOOP_MAX = 24;
/** Bytes of a fresh scratch; a larger one than SCRATCH_KEPT is let go when a value needs less than a quarter of that. */
const SCRATCH_BYTES = 16_384;
const SCRATCH_KEPT = 1 << 20;
/** Strings below this many characters reserve three bytes a character, longer ones are measured. */
const UNMEASURED_MAX = 4_096;
/** By how much a reservation may exceed what is then written. */
const RESERVED_TOO_MUCH = UNMEASURED_MAX * 3;

export abstract class Writer {
  bytes: Buffer = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  view: DataView = viewOf(this.bytes);
  at = 0;
  #limit = SCRATCH_BYTES;
  readonly bytesMax: number;

  constructor(bytesMax: number) { this.bytesMax = bytesMax; }

  /** Writes any value. Throws a Refusal, `byPort`, or what a getter throws. */
  abstract value(value: unknown): void;
  /** Objects of the value, in the order they are met. */
  abstract readonly objects: Seen;
  /** Objects whose clone failed; the last of them is refused if nothing else is. */
  readonly suspects: object[] = [];
  /** Writes an object that is known to be ordinary: its own enumerable string keys and their values. */
  abstract ordinary(object: object): void;
  /** Writes the entries of a Map or Set, now or LATER. */
  abstract collection(collection: object, kind: number): void;
  /** Writes a reference to an object met before. */
  abstract reference(number: number): void;
  /** Notes that the value refers to `buffer`; returns its number. */
  abstract sharedBuffer(buffer: SharedArrayBuffer): number;

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    if (this.at + count > this.#limit) this.#grow(count);
  }

  #grow(count: number): void {
    const needed = this.at + count;
    if (needed > this.bytesMax + RESERVED_TOO_MUCH) throw byPort;   // the encoder compares the true length at the end
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#limit * 2, needed));
    this.bytes.copy(larger, 0, 0, this.at);
    this.#use(larger);
  }

  #use(scratch: Buffer): void {
    this.bytes = scratch;
    this.view = viewOf(scratch);
    this.#limit = scratch.length;
  }

  /** After a value of `length` bytes: what the next one writes into. The caller may still hold the old scratch. */
  settleScratch(length: number): void {
    if (this.#limit <= SCRATCH_KEPT || length > SCRATCH_KEPT / 4) return;
    this.#use(Buffer.allocUnsafeSlow(SCRATCH_BYTES));
  }

  tag(tag: number): void {
    this.reserve(1);
    this.bytes[this.at++] = tag;
  }

  /** A tag and an unsigned 32-bit number. */
  tagged(tag: number, word: number): void {
    this.reserve(5);
    this.bytes[this.at] = tag;
    this.view.setUint32(this.at + 1, word, true);
    this.at += 5;
  }

  double(number: number): void {
    this.reserve(8);
    this.view.setFloat64(this.at, number, true);
    this.at += 8;
  }

  number(number: number): void {
    this.reserve(9);
    const at = this.at;
    if ((number | 0) !== number || Object.is(number, -0)) {
      this.bytes[at] = DOUBLE;
      this.view.setFloat64(at + 1, number, true);
      this.at = at + 9;
    } else if (number >= 0 && number <= SMALL_INTEGER_MAX) {
      this.bytes[at] = SMALL_INTEGER + number;
      this.at = at + 1;
    } else {
      this.bytes[at] = INT32;
      this.view.setInt32(at + 1, number, true);
      this.at = at + 5;
    }
  }

  string(text: string): void {
    const length = text.length;
    if (length > LOOP_MAX) {
      this.#longString(text, length);
      return;
    }
    this.reserve(LOOP_MAX + 1);
    const bytes = this.bytes;
    const from = this.at + 1;
    for (let k = 0; k < length; k++) {
      const code = text.charCodeAt(k);
      if (code > 0xff) {
        this.#longString(text, length);
        return;
      }
      bytes[from + k] = code;
    }
    bytes[this.at] = SMALL_STRING + length;
    this.at = from + length;
  }

  #longString(text: string, length: number): void {
    // With room for more than `length` bytes, `length` bytes written means that every character took one: ASCII, and all of it.
    this.reserve(5 + (length < UNMEASURED_MAX ? length * 3 : length + 8));
    let written = this.bytes.utf8Write(text, this.at + 5);
    if (written === length) {
      this.#finishString(LATIN1, written);
    } else if (text.isWellFormed()) {
      if (length >= UNMEASURED_MAX) {
        this.reserve(5 + Buffer.byteLength(text));
        written = this.bytes.utf8Write(text, this.at + 5);
      }
      this.#finishString(UTF8, written);
    } else {
      this.reserve(5 + length * 2);
      this.#finishString(UTF16, this.bytes.ucs2Write(text, this.at + 5));
    }
  }

  #finishString(tag: number, written: number): void {
    this.bytes[this.at] = tag;
    this.view.setUint32(this.at + 1, written, true);
    this.at += 5 + written;
  }

  bigint(number: bigint): void {
    if (BigInt.asIntN(64, number) === number) {
      this.reserve(9);
      this.bytes[this.at] = BIGINT64;
      this.view.setBigInt64(this.at + 1, number, true);
      this.at += 9;
    } else {
      this.tag(BIGINT);
      this.string(number.toString(16));
    }
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
