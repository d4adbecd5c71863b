/**
 * The encoder's hot path: plain objects and arrays.
 *
 * It pays, for an object: one isProxy (4 ns), one look-up of `constructor` (5 ns), one scan of the objects met (10 ns), Object.keys
 * (13 ns), and for a key a step in the trie and a read by the function made for the shape (2 ns). For an array it pays 50 to 65 ns to
 * learn that the array has elements only: array-keys.ts. Rejected: to read an object's prototype (12 ns): it says less than
 * `constructor`, for to structured clone an instance of a class is as plain as any object.
 */
import { types } from 'node:util';
import { hasOnlyElements } from './array-keys.ts';
import type { CarriedNames } from './carried-shapes.ts';
import { writeField } from './compiled-shapes.ts';
import { forgetSuspects, rejectExotic, writeEntries, writeUnusual } from './encode-builtin.ts';
import {
  ARRAY, CARRIED, DEPTH_MAX, FALSE, HOLE, HOLEY_ARRAY, HOLEY_CARRIED, HOLEY_SHAPE, LATER, LATER_ARRAY, LATER_MAP, LATER_OBJECT, NULL, NUMBERS, PLAIN, REF,
  SHAPE, SPARSE, SPELLED, TRACKED, TRUE, UNDEFINED,
} from './format.ts';
import { Refusal, byPort } from './refusal.ts';
import { Seen } from './seen.ts';
import type { ShapeTrie } from './shapes.ts';
import type { SharedBuffers } from './shared-buffers.ts';
import { Writer } from './writer.ts';

/** From this many numbers on an array is tried as NUMBERS. */
const NUMBERS_MIN = 4;

const isProxy = types.isProxy;
const hasOwn = Object.prototype.hasOwnProperty;

/** True for what an array index begins with: the keys of an `arguments` object. */
function startsWithDigit(key: string): boolean {
  const code = key.charCodeAt(0);
  return code >= 48 && code <= 57;
}

/** The state of one run: what `Encoder` keeps from its users. */
export class PlainWriter extends Writer {
  readonly objects: Seen = new Seen();
  readonly #trie: ShapeTrie;
  readonly #buffers: SharedBuffers;
  readonly #met: SharedArrayBuffer[];
  /** What was put off, in order. */
  readonly #later: object[] = [];
  readonly #laterKinds: number[] = [];
  #depth = 0;
  #isTracked = false;
  readonly #carried: CarriedNames | undefined;
  /** Of each carried shape: in which run it was written last, and as which. */
  readonly #carriedIn: number[] = [];
  readonly #carriedAs: number[] = [];
  #carriedCount = 0;
  #run = 0;

  constructor(trie: ShapeTrie, buffers: SharedBuffers, met: SharedArrayBuffer[], bytesMax: number, carried: CarriedNames | undefined) {
    super(bytesMax);
    this.#trie = trie;
    this.#carried = carried;
    this.#buffers = buffers;
    this.#met = met;
  }

  run(value: unknown): number {
    this.at = 1;
    this.#run++;
    this.#carriedCount = 0;
    if (this.#met.length > 0) this.#met.length = 0;
    this.value(value);
    for (let k = 0; k < this.#later.length; k++) this.#body(this.#later[k] as object, this.#laterKinds[k] as number);
    if (this.suspects.length > 0) throw new Refusal(this.suspects.at(-1));
    this.bytes[0] = this.#isTracked ? TRACKED : PLAIN;
    if (this.at > this.bytesMax) throw byPort;
    return this.at;
  }

  /** Ready for the next value, whatever became of the last. */
  reset(): void {
    this.objects.clear();
    if (this.#later.length > 0) this.#later.length = this.#laterKinds.length = 0;
    if (this.suspects.length > 0) forgetSuspects(this.suspects);
    this.#depth = 0;
    this.#isTracked = false;
    this.settleScratch(this.at);
    this.#trie.tidy();
  }

  override value(value: unknown): void {
    if (typeof value === 'string') this.string(value);
    else if (typeof value === 'number') this.number(value);
    else if (typeof value === 'object') {
      if (value === null) this.tag(NULL);
      else this.#object(value);
    } else if (typeof value === 'boolean') this.tag(value ? TRUE : FALSE);
    else if (value === undefined) this.tag(UNDEFINED);
    else if (typeof value === 'bigint') this.bigint(value);
    else throw new Refusal(value);
  }

  #object(object: object): void {
    if (isProxy(object)) throw new Refusal(object);
    if (Array.isArray(object)) this.#array(object);
    else if (object.constructor === Object) this.ordinary(object);
    else writeUnusual(this, object);
  }

  override ordinary(object: object): void {
    const number = this.objects.find(object);
    if (number >= 0) this.reference(number);
    else if (this.#depth >= DEPTH_MAX) this.#putOff(object, LATER_OBJECT);
    else {
      this.#depth++;
      this.#fields(object);
      this.#depth--;
    }
  }

  #fields(object: object): void {
    const keys = Object.keys(object);
    if (keys.length === 0 || startsWithDigit(keys[0] as string)) rejectExotic(object);
    const trie = this.#trie;
    let node = trie.root;
    for (let k = 0; k < keys.length; k++) {
      const key = keys[k] as string;
      const next = node.lastKey === key && node.last !== null ? node.last : trie.step(node, key);
      if (next === undefined) return this.#spelled(object, keys);
      node = next;
    }
    if (node.write === null) trie.settle(node);
    if (node.write === null) return this.#spelled(object, keys);
    const start = this.at;
    if (this.#carried === undefined) this.tagged(SHAPE, node.number);
    else this.#carry(this.#carried, node.number);
    if (!node.write(this, object)) this.bytes[start] = this.bytes[start] === CARRIED ? HOLEY_CARRIED : HOLEY_SHAPE;
    return undefined;
  }

  /** With the keys of its shape, or as the same shape as one before. */
  #carry(carried: CarriedNames, number: number): void {
    if (this.#carriedIn[number] === this.#run) return this.tagged(SHAPE, this.#carriedAs[number] as number);
    const known = carried.bytes[number];
    this.tagged(CARRIED, known?.length ?? 0);
    const from = this.at;
    if (known === undefined) {
      for (const key of carried.keys(number)) this.string(key);
      carried.bytes[number] = Buffer.from(this.bytes.subarray(from, this.at));
      this.view.setUint32(from - 4, this.at - from, true);
    } else {
      this.reserve(known.length);
      const { bytes } = this;
      for (let k = 0; k < known.length; k++) bytes[from + k] = known[k] as number;
      this.at = from + known.length;
    }
    this.#carriedIn[number] = this.#run;
    this.#carriedAs[number] = this.#carriedCount++;
    return undefined;
  }

  /** With its keys: the shape is new, or there is no room for it. */
  #spelled(object: object, keys: readonly string[]): void {
    this.tagged(SPELLED, keys.length);
    for (let k = 0; k < keys.length; k++) {
      const key = keys[k] as string;
      this.string(key);
      writeField(this, object, key);
    }
  }

  #array(array: readonly unknown[]): void {
    const number = this.objects.find(array);
    if (number >= 0) this.reference(number);
    else if (this.#depth >= DEPTH_MAX) this.#putOff(array, LATER_ARRAY);
    else {
      this.#depth++;
      this.#elements(array);
      this.#depth--;
    }
  }

  #elements(array: readonly unknown[]): void {
    const length = array.length;
    if (!hasOnlyElements(array, length)) return this.#entries(array, length);
    if (length >= NUMBERS_MIN && typeof array[0] === 'number' && typeof array[length - 1] === 'number' && this.#numbers(array, length)) return undefined;
    const start = this.at;
    this.tagged(ARRAY, length);
    for (let k = 0; k < length; k++) {
      const element = array[k];
      if (element !== undefined || hasOwn.call(array, k)) this.value(element);
      else {
        this.tag(HOLE);                                 // a getter before has deleted it
        this.bytes[start] = HOLEY_ARRAY;
      }
    }
    return undefined;
  }

  /** Writes an array of numbers only; false, with nothing written, when it has something else. */
  #numbers(array: readonly unknown[], length: number): boolean {
    this.reserve(5 + length * 8);
    const view = this.view;
    let at = this.at + 5;
    for (let k = 0; k < length; k++, at += 8) {
      const element = array[k];
      if (typeof element !== 'number') return false;
      view.setFloat64(at, element, true);
    }
    this.tagged(NUMBERS, length);
    this.at = at;
    return true;
  }

  /** By keys. As in structured clone the keys are taken first, and one that a getter has deleted since is left out. */
  #entries(array: readonly unknown[], length: number): void {
    this.tagged(SPARSE, length);
    this.reserve(4);
    const countAt = this.at;
    this.at += 4;
    let count = 0;
    for (const key of Object.keys(array)) {
      if (!hasOwn.call(array, key)) continue;
      const index = Number(key);
      if (String(index) === key) this.number(index);
      else this.string(key);
      this.value((array as unknown as Record<string, unknown>)[key]);
      count++;
    }
    this.view.setUint32(countAt, count, true);
  }

  override collection(collection: object, kind: number): void {
    if (this.#depth >= DEPTH_MAX) return this.#putOff(collection, kind);
    this.#depth++;
    writeEntries(this, collection, kind === LATER_MAP);
    this.#depth--;
    return undefined;
  }

  #putOff(object: object, kind: number): void {
    this.#isTracked = true;
    this.tag(LATER);
    this.tag(kind);
    this.#later.push(object);
    this.#laterKinds.push(kind);
  }

  #body(object: object, kind: number): void {
    this.#depth = 1;
    if (kind === LATER_ARRAY) this.#elements(object as unknown[]);
    else if (kind === LATER_OBJECT) this.#fields(object);
    else writeEntries(this, object, kind === LATER_MAP);
  }

  override reference(number: number): void {
    this.#isTracked = true;
    this.tagged(REF, number);
  }

  override sharedBuffer(buffer: SharedArrayBuffer): number {
    this.#met.push(buffer);
    return this.#buffers.numberOf(buffer);
  }
}
