/**
 * Reader: a window of bytes and the values that hold no others. Every read is checked against the end of the window, so corrupt bytes
 * end in an error and never in a neighbour's block; and since nothing is allocated by a count, and every element takes a byte at
 * least, neither in a hang nor in a heap that is full.
 */
import { SMALL_STRING_MAX } from './format.ts';

/** Up to here one call of String.fromCharCode with so many arguments (10 to 16 ns) beats the call into Buffer (50 to 60). */
const FROM_CODES_MAX = 10;

const COPY_LOOP_MAX = 64;

const fromCodes = String.fromCharCode;

export class Reader {
  bytes: Buffer = Buffer.alloc(0);
  view: DataView = new DataView(this.bytes.buffer, 0, 0);
  at = 0;
  end = 0;

  /** Looks at `length` bytes from `at`. Throws when they do not lie in `bytes`. */
  open(bytes: Buffer, at: number, length: number): void {
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    if (!(at >= 0 && length >= 0 && at + length <= bytes.length)) throw new Error(`a value of ${length} bytes at ${at} does not lie in the ${bytes.length} bytes given`);
    this.at = at;
    this.end = at + length;
  }

  /** Steps over `count` bytes; returns where they begin. */
  take(count: number): number {
    const at = this.at;
    if (at + count > this.end) throw this.corrupt(`${count} more bytes are announced`);
    this.at = at + count;
    return at;
  }

  corrupt(what: string): Error {
    return new Error(`the bytes of a value are corrupt: ${what}, ${this.end - this.at} are left at ${this.at}`);
  }

  byte(): number { return this.bytes[this.take(1)] as number; }
  word(): number { return this.view.getUint32(this.take(4), true); }
  double(): number { return this.view.getFloat64(this.take(8), true); }

  latin1(): string {
    const length = this.word();
    const at = this.take(length);
    return this.bytes.latin1Slice(at, at + length);
  }

  utf8(): string {
    const length = this.word();
    const at = this.take(length);
    return this.bytes.utf8Slice(at, at + length);
  }

  utf16(): string {
    const length = this.word();
    const at = this.take(length);
    return this.bytes.ucs2Slice(at, at + length);
  }

  /** A string of up to SMALL_STRING_MAX characters of Latin-1. */
  smallString(tag: number): string {
    const length = tag & SMALL_STRING_MAX;
    const at = this.take(length);
    return length > FROM_CODES_MAX ? this.bytes.latin1Slice(at, at + length) : textOf(this.bytes, at, length);
  }

  /** A private copy of the next `length` bytes. */
  copy(length: number): ArrayBuffer {
    const at = this.take(length);
    // Out of shared memory Buffer.copy is twice as fast as `set` on many bytes, and a loop as fast as either on few.
    if (length > COPY_LOOP_MAX) {
      const copy = Buffer.allocUnsafeSlow(length);                       // every byte is written at once: zeros would cost a third more
      this.bytes.copy(copy, 0, at, at + length);
      return copy.buffer;
    }
    const buffer = new ArrayBuffer(length);
    const copy = new Uint8Array(buffer);
    for (let k = 0; k < length; k++) copy[k] = this.bytes[at + k] as number;
    return buffer;
  }
}

function textOf(bytes: Buffer, at: number, length: number): string {
  const b = bytes as unknown as number[];                // so that elements are not `number | undefined`: the caller has checked the bounds
  switch (length) {
    case 0: return '';
    case 1: return fromCodes(b[at]!);
    case 2: return fromCodes(b[at]!, b[at + 1]!);
    case 3: return fromCodes(b[at]!, b[at + 1]!, b[at + 2]!);
    case 4: return fromCodes(b[at]!, b[at + 1]!, b[at + 2]!, b[at + 3]!);
    case 5: return fromCodes(b[at]!, b[at + 1]!, b[at + 2]!, b[at + 3]!, b[at + 4]!);
    case 6: return fromCodes(b[at]!, b[at + 1]!, b[at + 2]!, b[at + 3]!, b[at + 4]!, b[at + 5]!);
    case 7: return fromCodes(b[at]!, b[at + 1]!, b[at + 2]!, b[at + 3]!, b[at + 4]!, b[at + 5]!, b[at + 6]!);
    case 8: return fromCodes(b[at]!, b[at + 1]!, b[at + 2]!, b[at + 3]!, b[at + 4]!, b[at + 5]!, b[at + 6]!, b[at + 7]!);
    case 9: return fromCodes(b[at]!, b[at + 1]!, b[at + 2]!, b[at + 3]!, b[at + 4]!, b[at + 5]!, b[at + 6]!, b[at + 7]!, b[at + 8]!);
    default: return fromCodes(b[at]!, b[at + 1]!, b[at + 2]!, b[at + 3]!, b[at + 4]!, b[at + 5]!, b[at + 6]!, b[at + 7]!, b[at + 8]!, b[at + 9]!);
  }
}
