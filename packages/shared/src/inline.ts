/**
 * Values small enough to lie in a slot itself: no block, no codec. Four bits say what a value is, eight bytes hold it.
 *
 *   tag 0 undefined   1 null   2 true   3 false   4 int32   5 double   6 ''   7 string of 9 to 32 characters (alone in the slot)
 *   tag 8 … 15        string of 1 to 8 characters, all below U+0100
 */
import type { Memory } from './memory.ts';

const TAG_UNDEFINED = 0;
const TAG_NULL = 1, TAG_TRUE = 2, TAG_FALSE = 3, TAG_INT32 = 4, TAG_DOUBLE = 5, TAG_EMPTY = 6;
/** A string of 9 to 32 characters: its length travels beside the tag. */
export const TAG_STRING = 7;
const TAG_SHORT = 7;                                                     // + length
const SHORT_MAX = 8;
/** Longest string that fits the argument words, when it is the only argument. */
export const STRING_MAX = 32;

/** Writes a value at an even word; @returns its tag, or -1 when it does not fit eight bytes. */
export function writeInline(memory: Memory, at: number, value: unknown): number {
  switch (typeof value) {
    case 'number':
      if ((value | 0) === value && (value !== 0 || 1 / value > 0)) { memory.words[at] = value; return TAG_INT32; }
      memory.floats[at >> 1] = value;
      return TAG_DOUBLE;
    case 'undefined': return TAG_UNDEFINED;
    case 'boolean': return value ? TAG_TRUE : TAG_FALSE;
    case 'string': {
      if (value.length > SHORT_MAX) return -1;
      if (value.length === 0) return TAG_EMPTY;
      return writeLatin1(memory.bytes, at * 4, value) ? TAG_SHORT + value.length : -1;
    }
    default: return value === null ? TAG_NULL : -1;
  }
}

/** Reads what `writeInline` wrote under `tag`. */
export function readInline(memory: Memory, at: number, tag: number): unknown {
  switch (tag) {
    case TAG_UNDEFINED: return undefined;
    case TAG_NULL: return null;
    case TAG_TRUE: return true;
    case TAG_FALSE: return false;
    case TAG_INT32: return memory.words[at];
    case TAG_DOUBLE: return memory.floats[at >> 1];
    case TAG_EMPTY: return '';
    default: return readLatin1(memory.bytes, at * 4, tag - TAG_SHORT);
  }
}

/** Writes a string whose characters are all below U+0100; false when one is not (what was written is void). */
export function writeLatin1(bytes: Buffer, at: number, text: string): boolean {
  for (let k = 0; k < text.length; k++) {
    const code = text.charCodeAt(k);
    if (code > 0xff) return false;
    bytes[at + k] = code;
  }
  return true;
}

export function readLatin1(bytes: Buffer, at: number, length: number): string {
  if (length > 12) return bytes.toString('latin1', at, at + length);
  let text = '';
  for (let k = 0; k < length; k++) text += String.fromCharCode(bytes[at + k] as number);
  return text;
}
