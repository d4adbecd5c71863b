/**
 * What the call graph knows of functions that are not in the program: the language's own, by name. Whatever is not here is unknown, and may call
 * back anything that has been given away.
 */

/** Methods that call a function argument at once, on the same stack, and which argument that is. */
const METHOD_CALLBACKS = new Map<string, number>([
  ...['forEach', 'map', 'filter', 'some', 'every', 'find', 'findIndex', 'findLast', 'findLastIndex', 'flatMap', 'reduce', 'reduceRight', 'sort', 'toSorted', 'call', 'apply'].map((name) => [name, 0] as const),
  ...['replace', 'replaceAll', 'getOrInsertComputed'].map((name) => [name, 1] as const),
]);
/** The same of functions of global objects. */
const GLOBAL_CALLBACKS = new Map<string, number>([['JSON.parse', 1], ['JSON.stringify', 1], ['Array.from', 1], ['Object.groupBy', 1], ['Map.groupBy', 1], ['Reflect.apply', 0], ['Reflect.construct', 0], ['Promise', 0], ['Iterator.from', 0]]);
/** Keep their function arguments and call them later, from an empty stack. */
const LATER = new Set(['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'nextTick', 'then', 'catch', 'finally']);

const GLOBALS = new Set(Object.getOwnPropertyNames(globalThis).filter((name) => !/^(?:global|process|globalThis)$/.test(name)));

const prototypes = [Object, Array, String, Number, Boolean, Symbol, BigInt, RegExp, Date, Map, Set, WeakMap, WeakSet, Promise, Error, Uint8Array, ArrayBuffer, DataView, Function].map(({ prototype }) => prototype as object);
const METHODS = new Set([...prototypes, Object.getPrototypeOf(Uint8Array.prototype) as object, Object.getPrototypeOf([][Symbol.iterator]()) as object].flatMap((prototype) => Object.getOwnPropertyNames(prototype)));
METHODS.delete('constructor');

/** Pure: calls nothing that it is given. Later: not on this stack. A number: the place of the argument that it calls. */
export type Known = 'pure' | 'later' | number;

const KNOWN_METHODS: ReadonlyMap<string, Known> = new Map<string, Known>([...[...METHODS].map((name) => [name, 'pure'] as const), ...[...LATER].map((name) => [name, 'later'] as const), ...METHOD_CALLBACKS]);

/** What a method of this name does when nothing in the program has one. */
export function knownMethod(name: string): Known | undefined { return KNOWN_METHODS.get(name); }

/** What a global function does, or a method of a global object. */
export function knownGlobal(name: string, method?: string): Known | undefined {
  if (LATER.has(name) || (name === 'process' && method === 'nextTick')) return 'later';
  if (name === 'console' || (name === 'process' && method !== undefined)) return 'pure';
  return GLOBALS.has(name) ? GLOBAL_CALLBACKS.get(method === undefined ? name : `${name}.${method}`) ?? 'pure' : undefined;
}
