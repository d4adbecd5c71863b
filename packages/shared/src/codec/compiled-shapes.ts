/**
 * Functions made for one shape: a writer that reads its keys from an object, and a maker with an object literal of them.
 *
 * One function a shape keeps V8's inline caches of that shape apart: reading a field takes 1 ns where a loop over keys takes 7, whatever
 * other objects the program has; and what a maker makes has the hidden class of a literal at once, where assigning key after key passes
 * through a class a key. Rejected: `for…in`, which is as fast until it meets one object with integer keys or a dictionary, and
 * then slower for good (22 to 68 ns an object of five fields). Making a function costs 10 to 20 us; SHAPES_MAX bounds them.
 * Where code may not be generated from strings (--disallow-code-generation-from-strings) both are loops.
 */
import { HOLE } from './format.ts';

export interface ValueSink { value(value: unknown): void; tag(tag: number): void }
interface ValueSource { value(): unknown }

/** Writes the values of its keys, HOLE for a key that a getter of the object has deleted since; true when there was none. */
export type FieldsWriter = (sink: ValueSink, object: object) => boolean;
export type Maker = (source: ValueSource) => object;

const hasOwn = Object.prototype.hasOwnProperty;

/** Writes the value of one key; false, and HOLE, when the object has it no more. */
export function writeField(sink: ValueSink, object: object, key: string): boolean {
  const value = (object as Record<string, unknown>)[key];
  const isThere = value !== undefined || hasOwn.call(object, key);
  if (isThere) sink.value(value);
  else sink.tag(HOLE);
  return isThere;
}

export function compileWriter(keys: readonly string[]): FieldsWriter {
  const fields = keys.map((key) => JSON.stringify(key)).map((key) =>
    `if ((value = object[${key}]) !== undefined || hasOwn.call(object, ${key})) sink.value(value); else { sink.tag(${HOLE}); isWhole = false; }`);
  const make = compile('hasOwn', `return (sink, object) => { let isWhole = true, value; ${fields.join('\n')} return isWhole; };`);
  return make === undefined ? (sink, object) => writeEach(sink, object, keys) : make(hasOwn) as FieldsWriter;
}

function writeEach(sink: ValueSink, object: object, keys: readonly string[]): boolean {
  let isWhole = true;
  for (const key of keys) if (!writeField(sink, object, key)) isWhole = false;
  return isWhole;
}

export function compileMaker(keys: readonly string[]): Maker {
  // `{ "__proto__": x }` would set the prototype; the computed form makes a property.
  const fields = keys.map((key) => `${key === '__proto__' ? '["__proto__"]' : JSON.stringify(key)}: source.value()`);
  return compile('source', `return { ${fields.join(', ')} };`) as Maker | undefined ?? ((source) => assign(keys, source));
}

function compile(parameter: string, body: string): ((argument: unknown) => unknown) | undefined {
  try {
    // eslint-disable-next-line no-new-func -- keys enter as JSON texts, so no key can be more than a key
    return new Function(parameter, body) as (argument: unknown) => unknown;
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
