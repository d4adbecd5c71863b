/**
 * The methods of Buffer that take no encoding name. Node has had them since version 4 and uses them under `write` and `toString`, but
 * @types/node leaves them out. They work straight on shared memory, where TextEncoder and TextDecoder refuse or copy, and skip
 * the look-up of the encoding's name: 20 to 40 ns a call.
 */
declare global {
  // eslint-disable-next-line no-unused-vars -- an interface merges only under the same type parameter
  interface Buffer<TArrayBuffer extends ArrayBufferLike = ArrayBufferLike> {
    /** Writes whole characters while they fit; lone surrogates become U+FFFD. Returns the bytes written. */
    utf8Write(text: string, at?: number, length?: number): number;
    utf8Slice(start: number, end: number): string;
    /** Writes the low eight bits of every code unit. Returns the bytes written. */
    latin1Write(text: string, at?: number, length?: number): number;
    latin1Slice(start: number, end: number): string;
    /** Writes every code unit as two bytes, little endian. Returns the bytes written. */
    ucs2Write(text: string, at?: number, length?: number): number;
    ucs2Slice(start: number, end: number): string;
  }
}

/** A Buffer, private or over shared memory, whose raw methods are typed. */
export type RawBuffer = Buffer;
