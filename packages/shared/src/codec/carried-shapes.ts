/**
 * Shapes for values that may outlive their encoder, as items of a shared channel do: there is no table of names to ask, so a value brings the keys of
 * each of its shapes along, once, as the very bytes that spelling them out would take. What is saved is work: the encoder copies them, and the decoder knows them by
 * their bytes and makes a literal. An object of five fields takes a third of what spelled keys take, on both sides.
 */
import { compileMaker } from './compiled-shapes.ts';
import { SHAPES_MAX, SHAPE_PREFIX } from './format.ts';
import type { Shape, ShapeNames } from './shapes.ts';

/** The encoder's side: key lists by number. The numbers mean nothing outside. */
export class CarriedNames implements ShapeNames {
  readonly #keys: (readonly string[])[] = [];
  /** The keys as bytes, once they have been written. */
  readonly bytes: (Buffer | undefined)[] = [];
  intern(text: string): number { return this.#keys.push(JSON.parse(text.slice(SHAPE_PREFIX.length)) as string[]) - 1; }
  keys(number: number): readonly string[] { return this.#keys[number] as readonly string[]; }
}

interface Known { readonly bytes: Buffer; readonly shape: Shape }

/** The decoder's side: shapes by the bytes of their keys. */
export class CarriedShapes {
  readonly #known = new Map<number, Known[]>();
  #count = 0;
  /** Of the value that is being read, in order. */
  readonly #met: Shape[] = [];

  /** A value begins. */
  begin(): void { if (this.#met.length > 0) this.#met.length = 0; }
  /** The shape of a number in this value; undefined: the bytes are corrupt. */
  at(number: number): Shape | undefined { return this.#met[number]; }

  /** The shape whose keys lie in `length` bytes from `at`, if it is known; it is the next of this value. */
  find(source: Buffer, at: number, length: number): Shape | undefined {
    for (const { bytes, shape } of this.#known.get(signature(source, at, length)) ?? NONE) {
      if (bytes.length !== length || !isSame(bytes, source, at)) continue;
      this.#met.push(shape);
      return shape;
    }
    return undefined;
  }

  /** One that was not, once its keys have been read. */
  learn(keys: readonly string[], source: Buffer, at: number, length: number): Shape {
    if (this.#count === SHAPES_MAX) { this.#known.clear(); this.#count = 0; }   // as many as one encoder makes: more encoders, each with others, begin anew
    this.#count++;
    const bytes = Buffer.from(source.subarray(at, at + length));
    const shape = { keys, make: compileMaker(keys) };
    const key = signature(bytes, 0, length);
    const alike = this.#known.get(key);
    if (alike === undefined) this.#known.set(key, [{ bytes, shape }]);
    else alike.push({ bytes, shape });
    this.#met.push(shape);
    return shape;
  }
}
const NONE: readonly Known[] = [];

/** Tells most key lists apart; the bytes decide. */
const signature = (bytes: Buffer, at: number, length: number): number => length << 16 ^ (bytes[at + 1] as number) << 8 ^ (bytes[at + length - 1] as number) ^ (bytes[at + (length >> 1)] as number) << 4;

function isSame(bytes: Buffer, source: Buffer, at: number): boolean {
  for (let k = 0; k < bytes.length; k++) if (bytes[k] !== source[at + k]) return false;
  return true;
}
