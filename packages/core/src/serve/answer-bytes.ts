/**
 * What a request on a back lane has been answered so far, until its front takes it. As a string wherever it is text, however it was given: a string is
 * made and dies in the young generation, where every buffer counts as memory outside of the heap, and some hundred large answers a second had V8
 * mark the heaps of both sides without end. What is no text goes as bytes.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import type { Written } from './lane-socket.ts';

/** Most of a piece, bytes, or characters of a text: blocks of shared memory hold that much. */
export const PIECE_MAX: number = 256 * 1024;

export class AnswerBytes {
  /** Text, to be encoded in UTF-8; '' where there are `#chunks`. */
  #text = '';
  #chunks: Buffer[] = [];
  /** Bytes, or characters of text, that wait. */
  length = 0;

  push(written: Written): void {
    const text = this.#chunks.length === 0 ? textOf(written) : undefined;
    if (text !== undefined && !areHalves(this.#text, text)) {
      this.#text += text;
      this.length += text.length;
      return;
    }
    if (this.#text !== '') {
      const before = Buffer.from(this.#text);
      this.#text = '';
      this.#chunks.push(before);
      this.length = before.length;
    }
    const bytes = bytesOf(written);
    this.#chunks.push(bytes);
    this.length += bytes.length;
  }

  /** Takes the next piece. */
  take(): string | Uint8Array { return this.#chunks.length === 0 ? this.#takeText() : this.#takeBytes(); }

  #takeText(): string {
    const text = this.#text;
    let end = Math.min(text.length, PIECE_MAX);
    if (end < text.length && isLeading(text.charCodeAt(end - 1))) end--;    // a pair is one character
    this.#text = text.slice(end);
    this.length -= end;
    return end === text.length ? text : text.slice(0, end);
  }

  #takeBytes(): Uint8Array {
    const all = this.#chunks.length === 1 ? this.#chunks[0] as Buffer : Buffer.concat(this.#chunks, this.length);
    const piece = all.subarray(0, PIECE_MAX);
    this.#chunks = all.length > piece.length ? [all.subarray(piece.length)] : [];
    this.length = all.length - piece.length;
    return piece.length === all.buffer.byteLength ? piece : Buffer.from(piece);   // a view would take all of its buffer along
  }
}

const isLeading = (code: number): boolean => code >= 0xd800 && code < 0xdc00;
/** Together they would make a character, which apart they are not: each half leaves as a character that stands for none. */
const areHalves = (before: string, after: string): boolean => isLeading(before.charCodeAt(before.length - 1)) && (after.charCodeAt(0) & 0xfc00) === 0xdc00;

/** What a chunk is as text, whose UTF-8 is what leaves; undefined where it is none. */
function textOf({ chunk, encoding }: Written): string | undefined {
  if (typeof chunk !== 'string') return isAscii(chunk) ? chunk.toString('latin1') : isUtf8(chunk) ? chunk.toString() : undefined;
  if (encoding === 'utf8' || encoding === 'utf-8') return chunk;
  return encoding === 'latin1' && Buffer.byteLength(chunk) === chunk.length ? chunk : undefined;
}
const bytesOf = ({ chunk, encoding }: Written): Buffer => (typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk);
