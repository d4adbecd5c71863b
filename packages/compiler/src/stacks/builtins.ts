/**
 * What the call graph knows of functions that are not in the program: the language's own, by name. Whatever is not here is unknown, and may call
 * back anything that has been given away.
 */

/** Call their function arguments at once, on the same stack. */
const CALLING_BACK = new Set([
  'forEach', 'map', 'filter', 'some', 'every', 'find', 'findIndex', 'findLast', 'findLastIndex', 'flatMap', 'reduce', 'reduceRight', 'sort', 'toSorted',
  'replace', 'replaceAll', 'from', 'fromAsync', 'groupBy', 'parse', 'stringify', 'fromEntries', 'call', 'apply', 'construct', 'split', 'match', 'matchAll', 'search', 'defineProperty', 'defineProperties', 'create', 'getOrInsertComputed',
]);
/** Keep their function arguments and call them later, from an empty stack. */
const LATER = new Set(['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'nextTick', 'then', 'catch', 'finally']);

const GLOBALS = new Set(Object.getOwnPropertyNames(globalThis).filter((name) => !/^(?:global|process|global[tT]his)$/.test(name)));

const prototypes = [Object, Array, String, Number, Boolean, Symbol, BigInt, RegExp, Date, Map, Set, WeakMap, WeakSet, Promise, Error, Uint8Array, ArrayBuffer, DataView, Function].map(({ prototype }) => prototype as object);
const METHODS = new Set([...prototypes, Object.getPrototypeOf(Uint8Array.prototype) as object, Object.getPrototypeOf([][Symbol.iterator]()) as object].flatMap((prototype) => Object.getOwnPropertyNames(prototype)));
/** On these, too many other objects have methods of the same name that do call back. */
for (const name of ['constructor', 'next', 'return', 'throw', 'get', 'set', 'test', 'exec', 'compile', 'toString', 'valueOf', 'toJSON', 'add', 'has', 'delete', 'clear', 'concat', 'bind']) if (!/^(?:get|set|add|has|delete|clear|concat|bind|test|exec|toString|valueOf)$/.test(name)) METHODS.delete(name);

export type Known = 'pure' | 'calls back' | 'later';

/** What a method of this name does when nothing in the program has one. */
export function knownMethod(name: string): Known | undefined {
  if (CALLING_BACK.has(name)) return 'calls back';
  if (LATER.has(name)) return 'later';
  return METHODS.has(name) ? 'pure' : undefined;
}

/** What a global function does, or a method of a global object. */
export function knownGlobal(name: string, method: string | undefined): Known | undefined {
  if (LATER.has(name) || (name === 'process' && method === 'nextTick')) return 'later';
  if (name === 'console' || (name === 'process' && method !== undefined)) return 'pure';
  if (!GLOBALS.has(name)) return undefined;
  if (method !== undefined) return CALLING_BACK.has(method) ? 'calls back' : 'pure';
  return name === 'Promise' ? 'calls back' : 'pure';
}
