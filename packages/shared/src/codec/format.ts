/**
 * The byte form of a value: one table of tags, read by encode.ts and decode.ts, and the bounds of both.
 *
 *   bytes   = form, value, body of each LATER in the order they were met       form: PLAIN, or TRACKED when a REF or LATER occurs
 *   value   = tag below, then what the table says; numbers little endian, unaligned (u: 4 bytes unsigned, d: 8 bytes double)
 *   0x80 + n          the integer n, 0 to 127
 *   0x40 + n          n bytes of Latin-1, a string of 0 to 63 characters
 *
 * Objects come as a shape (a number that the encoder has published in its table of names) and the values of its keys in order, so
 * that keys cost nothing and the decoder makes an object literal. In a TRACKED form the decoder numbers objects in the order of
 * their tags, so that a REF finds the same object again; in a PLAIN one it need not.
 *
 * Rejected: JSON (2 to 3 times slower, knows a third of the types), v8.Serializer (1.5 us before the first byte, cannot say what
 * Node's own classes are: a Blob becomes {}), structured clone by a port (needs the receiver's number when a task is published),
 * MessagePack or CBOR (keys in every object, and still own tags for most types), variable-length integers (a branch a byte).
 */

export const PLAIN = 0;
export const TRACKED = 1;

export const NULL = 0;
export const UNDEFINED = 1;
export const FALSE = 2;
export const TRUE = 3;
/** 4 bytes, signed. */
export const INT32 = 4;
/** d */
export const DOUBLE = 5;
/** u bytes, then Latin-1. */
export const LATIN1 = 6;
/** u bytes, then UTF-8. */
export const UTF8 = 7;
/** u bytes, then UTF-16: strings with a lone surrogate. */
export const UTF16 = 8;
/** 8 bytes, signed. */
export const BIGINT64 = 9;
/** A string value: the digits in base 16, with a minus sign where needed. */
export const BIGINT = 10;
/** u elements, then that many values. */
export const ARRAY = 11;
/** As ARRAY, and an element may be HOLE. */
export const HOLEY_ARRAY = 12;
export const HOLE = 13;
/** u elements, all numbers: as many d. */
export const NUMBERS = 14;
/** u length, u entries, then key (integer or string) and value of each: sparse arrays, and arrays with other properties. */
export const SPARSE = 15;
/** u number of the shape, then a value a key. */
export const SHAPE = 16;
/** As SHAPE, and a value may be HOLE: a getter of the object has deleted the key. */
export const HOLEY_SHAPE = 17;
/** u keys, then key (a string value) and value or HOLE of each. */
export const SPELLED = 18;
/** u number of an object: how many tags of objects stand before its own. */
export const REF = 19;
/** One byte, a kind; the body follows after all that stands before: nesting beyond DEPTH_MAX. */
export const LATER = 20;
/** u entries, then key and value of each. */
export const MAP = 21;
/** u entries, then each. */
export const SET = 22;
/** d, milliseconds. */
export const DATE = 23;
/** Two string values: source and flags. */
export const REGEXP = 24;
/** One byte, an index of `errorNames`, one byte of flags, then message, stack and cause where flagged. */
export const ERROR = 25;
/** A value: the primitive. */
export const BOXED = 26;
/** u bytes, then the bytes. */
export const BUFFER = 27;
/** u bytes, d most bytes, then the bytes. */
export const RESIZABLE_BUFFER = 28;
/** u number among the shared buffers that both sides know. */
export const SHARED_BUFFER = 29;
/** One byte, an index of `viewNames`, d offset, d length in elements or LENGTH_TRACKING, then the buffer as a value. */
export const VIEW = 30;
/** u bytes of keys (string values), then a value a key: a shape without a number in a table. Those of a value are counted from 0, and a SHAPE refers to one. */
export const CARRIED = 31;
/** As CARRIED, and a value may be HOLE. */
export const HOLEY_CARRIED = 32;

export const SMALL_STRING = 0x40;
export const SMALL_STRING_MAX = 0x3f;
export const SMALL_INTEGER = 0x80;
export const SMALL_INTEGER_MAX = 0x7f;

/** Kinds of a LATER. */
export const LATER_ARRAY = 0;
export const LATER_OBJECT = 1;
export const LATER_MAP = 2;
export const LATER_SET = 3;

export const LENGTH_TRACKING = -1;

/** Flags of an ERROR: what it has. */
export const HAS_MESSAGE = 1;
export const HAS_STACK = 2;
export const HAS_CAUSE = 4;

/** Classes that structured clone keeps; every other error arrives as an Error. */
export const errorNames: readonly string[] = ['Error', 'EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError', 'URIError'];

/** By the name that %TypedArray%.prototype[Symbol.toStringTag] gives. */
export const viewNames: readonly string[] = [
  'DataView', 'Int8Array', 'Uint8Array', 'Uint8ClampedArray', 'Int16Array', 'Uint16Array', 'Int32Array', 'Uint32Array',
  'Float16Array', 'Float32Array', 'Float64Array', 'BigInt64Array', 'BigUint64Array',
];
export const DATA_VIEW = 0;
export const UINT8_ARRAY = 2;

/**
 * Levels written by recursion: about 100 frames of two functions, 30 KB of stack. What lies deeper is put off until the level above is
 * written, so depth costs no stack at all: a list of a million links crosses, where structured clone ends at about 3,700 (RangeError).
 */
export const DEPTH_MAX = 100;

/** Most keys of an object whose shape is learnt, most shapes of an encoder, and most nodes of its trie. */
export const SHAPE_KEYS_MAX = 64;
export const SHAPES_MAX = 2_000;
export const TRIE_NODES_MAX = 16_000;

/** What every interned shape begins with in the table of names. */
export const SHAPE_PREFIX = 'S';
