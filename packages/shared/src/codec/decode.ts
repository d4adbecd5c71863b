/**
 * Decoder: bytes back to a value. Runs no code of a user, so it cannot be entered twice.
 *
 * A PLAIN form is read in one pass that makes every object complete: literals for shapes, arrays of their length. In a TRACKED form
 * objects refer to each other, so each is made empty, numbered, and filled after. Next: decode-builtin.ts.
 */
import { CarriedShapes } from './carried-shapes.ts';
import { setOwn } from './compiled-shapes.ts';
import { readBuiltin } from './decode-builtin.ts';
import {
  ARRAY, BIGINT, BIGINT64, CARRIED, DOUBLE, FALSE, HOLE, HOLEY_ARRAY, HOLEY_CARRIED, HOLEY_SHAPE, INT32, LATER, LATER_ARRAY, LATER_MAP, LATER_OBJECT, LATER_SET, LATIN1, NULL, NUMBERS,
  PLAIN, REF, SHAPE, SMALL_INTEGER, SMALL_STRING, SPARSE, SPELLED, TRACKED, TRUE, UNDEFINED, UTF16, UTF8,
} from './format.ts';
import { Reader } from './reader.ts';
import { ShapeReader, type Shape, type ShapeTexts } from './shapes.ts';
import type { SharedBuffers } from './shared-buffers.ts';

/** One decoder a participant whose values are read: shapes are numbers in that participant's table of names. */
export class Decoder {
  readonly #session: DecodeSession;

  /** @param names  the encoder's table, or what is known of shapes that values carry */
  constructor(names: ShapeTexts | CarriedShapes, buffers: SharedBuffers) { this.#session = new DecodeSession(names instanceof CarriedShapes ? names : new ShapeReader(names), buffers); }

  /**
   * The value encoded in `length` bytes of `bytes` from `at`; `bytes` may lie over shared memory, and nothing of the value does after
   * (but SharedArrayBuffers). Throws MissingBufferError when the value refers to a shared buffer that is not known here yet: call
   * again when it is. Throws an Error for corrupt bytes.
   */
  decode(bytes: Buffer, at: number, length: number): unknown { return this.#session.run(bytes, at, length); }
}

/** The state of one run. */
export class DecodeSession extends Reader {
  readonly buffers: SharedBuffers;
  /** Of a TRACKED form: objects, numbered as the encoder numbers them; undefined while one is being made. */
  objects: (object | undefined)[] = [];
  isTracked = false;
  readonly #shapes: ShapeReader | undefined;
  readonly #carried: CarriedShapes | undefined;
  #later: object[] = [];

  constructor(shapes: ShapeReader | CarriedShapes, buffers: SharedBuffers) {
    super();
    if (shapes instanceof CarriedShapes) this.#carried = shapes;
    else this.#shapes = shapes;
    this.buffers = buffers;
  }

  run(bytes: Buffer, at: number, length: number): unknown {
    this.open(bytes, at, length);
    const form = this.byte();
    if (form !== PLAIN && form !== TRACKED) throw this.corrupt(`${form} is no form`);
    this.isTracked = form === TRACKED;
    this.#carried?.begin();
    const value = this.isTracked ? this.#tracked() : this.value();
    if (this.at !== this.end) throw this.corrupt('the value has ended');
    return value;
  }

  #tracked(): unknown {
    try {
      const value = this.value();
      for (let k = 0; k < this.#later.length; k++) this.#body(this.#later[k] as object);
      return value;
    } finally {
      this.objects = [];
      this.#later = [];
    }
  }

  value(): unknown {
    const tag = this.byte();
    if (tag >= SMALL_INTEGER) return tag - SMALL_INTEGER;
    if (tag >= SMALL_STRING) return this.smallString(tag);
    switch (tag) {
      case SHAPE: return this.#make(this.#shape());
      case CARRIED: return this.#make(this.#carriedShape());
      case ARRAY: return this.isTracked ? this.#fillArray(this.#newArray(), this.word()) : this.#array(this.word());
      case INT32: return this.view.getInt32(this.take(4), true);
      case DOUBLE: return this.double();
      case TRUE: return true;
      case FALSE: return false;
      case NULL: return null;
      case UNDEFINED: return undefined;
      case LATIN1: return this.latin1();
      case UTF8: return this.utf8();
      case UTF16: return this.utf16();
      case SPELLED: return this.#fillSpelled(this.newObject());
      case HOLEY_SHAPE: return this.#fillShape(this.newObject(), this.#shape().keys);
      case HOLEY_CARRIED: return this.#fillShape(this.newObject(), this.#carriedShape().keys);
      case NUMBERS: return this.#fillNumbers(this.#newArray());
      case HOLEY_ARRAY: return this.#fillArray(this.#newArray(), this.word());
      case SPARSE: return this.#fillSparse(this.#newArray());
      case BIGINT64: return this.view.getBigInt64(this.take(8), true);
      case BIGINT: return this.#bigint();
      case REF: return this.#refer();
      case LATER: return this.#putOff();
      default: return readBuiltin(this, tag);
    }
  }

  /** A string where the form has no other value. */
  text(): string {
    const text = this.value();
    if (typeof text !== 'string') throw this.corrupt(`a string is expected, not a ${typeof text}`);
    return text;
  }

  /** An empty object, numbered. */
  newObject(): object { return this.numbered({}); }

  numbered<T extends object>(object: T): T {
    if (this.isTracked) this.objects.push(object);
    return object;
  }

  #newArray(): unknown[] { return this.numbered<unknown[]>([]); }

  #make(shape: Shape): object { return this.isTracked ? this.#fillShape(this.newObject(), shape.keys) : shape.make(this); }

  #shape(): Shape {
    const number = this.word();
    const shape = this.#shapes === undefined ? this.#carried?.at(number) : this.#shapes.shape(number);
    if (shape === undefined) throw this.corrupt('a shape that was not met is referred to');
    return shape;
  }

  /** One whose keys lie here. */
  #carriedShape(): Shape {
    const carried = this.#carried;
    if (carried === undefined) throw this.corrupt('a value with a table of names carries a shape');
    const length = this.word();
    const at = this.take(length);
    const found = carried.find(this.bytes, at, length);
    if (found !== undefined) return found;
    const keys: string[] = [];
    this.at = at;
    while (this.at < at + length) keys.push(this.text());
    if (this.at !== at + length) throw this.corrupt('keys end where they should not');
    return carried.learn(keys, this.bytes, at, length);
  }

  #fillShape(object: object, keys: readonly string[]): object {
    for (const key of keys) if (!this.#isHole()) setOwn(object, key, this.value());
    return object;
  }

  #fillSpelled(object: object): object {
    for (let count = this.word(); count > 0; count--) {
      const key = this.text();
      if (!this.#isHole()) setOwn(object, key, this.value());
    }
    return object;
  }

  /** True when a HOLE stands here; it is stepped over. */
  #isHole(): boolean {
    if (this.bytes[this.at] !== HOLE) return false;
    this.take(1);
    return true;
  }

  /** A short array as a literal: it is allocated once, and V8 knows that it has no holes. */
  #array(length: number): unknown[] {
    switch (length) {
      case 0: return [];
      case 1: return [this.value()];
      case 2: return [this.value(), this.value()];
      case 3: return [this.value(), this.value(), this.value()];
      case 4: return [this.value(), this.value(), this.value(), this.value()];
      default: return this.#fillArray([this.value(), this.value(), this.value(), this.value(), this.value()], length);
    }
  }

  #fillArray(array: unknown[], length: number): unknown[] {
    for (let k = array.length; k < length; k++) {
      if (this.#isHole()) array.length = k + 1;
      else array.push(this.value());
    }
    return array;
  }

  #fillNumbers(array: unknown[]): unknown[] {
    const length = this.word();
    let at = this.take(length * 8);
    for (let k = 0; k < length; k++, at += 8) array.push(this.view.getFloat64(at, true));
    return array;
  }

  #fillSparse(array: unknown[]): unknown[] {
    const length = this.word();
    if (length > 1_024) {                                // a far index first makes V8 keep a table of what is there, not `length` cells
      array[length - 1] = undefined;
      delete array[length - 1];
    }
    array.length = length;
    for (let count = this.word(); count > 0; count--) {
      const key = this.value();
      if (typeof key === 'number') setOwn(array, key, this.value());
      else if (typeof key === 'string' && key !== 'length') setOwn(array, key, this.value());
      else throw this.corrupt('a key is expected');
    }
    return array;
  }

  #bigint(): bigint {
    const digits = this.text();
    return digits.startsWith('-') ? -BigInt(`0x${digits.slice(1)}`) : BigInt(`0x${digits}`);
  }

  #refer(): object {
    const object = this.objects[this.word()];
    if (object === undefined) throw this.corrupt('an object that was not met is referred to');
    return object;
  }

  #putOff(): object {
    const kind = this.byte();
    if (kind > LATER_SET || !this.isTracked) throw this.corrupt('an object is put off');
    const object = kind === LATER_ARRAY ? this.#newArray() : kind === LATER_OBJECT ? this.newObject() : this.numbered(kind === LATER_MAP ? new Map() : new Set());
    this.#later.push(object);
    return object;
  }

  /** Fills what was put off. */
  #body(object: object): void {
    const tag = this.byte();
    if (Array.isArray(object)) {
      if (tag === ARRAY || tag === HOLEY_ARRAY) this.#fillArray(object, this.word());
      else if (tag === NUMBERS) this.#fillNumbers(object);
      else if (tag === SPARSE) this.#fillSparse(object);
      else throw this.corrupt('an array is expected');
    } else if (tag === SHAPE || tag === HOLEY_SHAPE) this.#fillShape(object, this.#shape().keys);
    else if (tag === CARRIED || tag === HOLEY_CARRIED) this.#fillShape(object, this.#carriedShape().keys);
    else if (tag === SPELLED) this.#fillSpelled(object);
    else readBuiltin(this, tag, object);
  }
}
