/**
 * Shapes, the decoder's side: a number leads to a key list and to a maker, a function with an object literal of these keys. What it
 * makes has the hidden class of a literal at once; assigning the keys one by one passes through a class a key and costs twice as much.
 * Where code may not be generated from strings (--disallow-code-generation-from-strings) the keys are assigned.
 */
import type { NameReader } from '../names.ts';
import { SHAPE_PREFIX } from './format.ts';

/** What a maker reads from. */
export interface ValueSource { value(): unknown }

export type Maker = (source: ValueSource) => object;

export interface Shape { readonly keys: readonly string[]; readonly make: Maker }

export class ShapeReader {
  readonly #names: NameReader;
  readonly #shapes: (Shape | undefined)[] = [];

  constructor(names: NameReader) { this.#names = names; }

  /** Throws when the number is not that of a shape: the bytes are corrupt. */
  shape(number: number): Shape { return this.#shapes[number] ?? this.#read(number); }

  #read(number: number): Shape {
    const text = this.#names.text(number);
    if (!text.startsWith(SHAPE_PREFIX)) throw new Error(`name ${number} is no shape: the bytes of a value are corrupt`);
    const keys = JSON.parse(text.slice(SHAPE_PREFIX.length)) as string[];
    const shape = { keys, make: compile(keys) ?? ((source: ValueSource): object => assign(keys, source)) };
    this.#shapes[number] = shape;
    return shape;
  }
}

function compile(keys: readonly string[]): Maker | undefined {
  // `{ "__proto__": x }` would set the prototype; the computed form makes a property.
  const fields = keys.map((key) => `${key === '__proto__' ? '["__proto__"]' : JSON.stringify(key)}: source.value()`);
  try {
    // eslint-disable-next-line no-new-func -- the keys are JSON texts, so no key can be more than a key
    return new Function('source', `return { ${fields.join(', ')} };`) as Maker;
  } catch {
    return undefined;
  }
}

function assign(keys: readonly string[], source: ValueSource): object {
  const object = {};
  for (const key of keys) setOwn(object, key, source.value());
  return object;
}

/** Makes `key` an own property, whatever somebody has put on the prototype. */
export function setOwn(object: object, key: string | number, value: unknown): void {
  if (key in object) Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  else (object as Record<string | number, unknown>)[key] = value;
}
