/**
 * Built-in functions that call back, as frames: called from a heap frame with a callback that has a twin, they would stand on the native stack between two
 * frames. Each is written step by step as the language's specification says (ECMA-262, 2025: the section is named), so what it reads, calls and
 * throws, and in which order, is what the native one does. Whatever is not here runs natively: correct, but it takes native stack.
 */
export type Frame = Generator<Frame | undefined, unknown, unknown>;
type Callable = (this: unknown, ...args: unknown[]) => unknown;

/** The part of the stack that loops need. */
export interface Caller {
  readonly linked: object;
  frame: Frame | undefined;
  call(callee: unknown, self: unknown, args: unknown[], name: string): unknown;
  isMarked(callee: unknown): boolean;
}

type Loop = (stack: Caller, self: unknown, args: readonly unknown[]) => Frame;
type Indexed = Record<number | string, unknown>;
interface Entry { readonly loop: Loop; /** Place of the callback among the arguments. */ readonly callback: number }

const builtins = new Map<unknown, Entry>();

/** The frame of a built-in that is called with a callback that has a twin; undefined: let it run natively. */
export function loopOf(stack: Caller, callee: Callable, self: unknown, args: unknown[]): Frame | undefined {
  const entry = builtins.get(callee);
  if (entry !== undefined) return stack.isMarked(args[entry.callback]) ? entry.loop(stack, self, args) : undefined;
  if (callee === functionCall) return passedOn(stack, self, args[0], args.slice(1));
  if (callee === functionApply) return passedOn(stack, self, args[0], args[1]);
  if (callee === reflectApply) return passedOn(stack, args[0], args[1], args[2]);
  return undefined;
}

const { call: functionCall, apply: functionApply } = Function.prototype as unknown as { call: Callable; apply: Callable };
const reflectApply = Reflect.apply as Callable;

/** `f.call(…)`: the frame of f, when it has one. */
function passedOn(stack: Caller, callee: unknown, self: unknown, args: unknown): Frame | undefined {
  if (!stack.isMarked(callee) || !(Array.isArray(args) || isArguments(args))) return undefined;
  const result = stack.call(callee, self, [...args as unknown[]], '');
  return result === stack.linked ? stack.frame : undefined;      // what has a check always gives its frame
}
const isArguments = (value: unknown): boolean => Object.prototype.toString.call(value) === '[object Arguments]';

/** 7.1.20 ToLength of 7.3.18 LengthOfArrayLike. */
function lengthOf(object: Indexed): number {
  const length = Math.trunc(Number(object['length']));
  return Number.isNaN(length) || length <= 0 ? 0 : Math.min(length, Number.MAX_SAFE_INTEGER);
}

const objectOf = (self: unknown, name: string): Indexed => {
  if (self === null || self === undefined) throw new TypeError(`Array.prototype.${name} called on null or undefined`);
  return Object(self) as Indexed;
};

/** 23.1.3.2.1 ArraySpeciesCreate. */
function speciesOf(original: Indexed, length: number): Indexed {
  if (!Array.isArray(original)) return new Array<unknown>(length) as unknown as Indexed;
  let constructor: unknown = (original as { constructor?: unknown }).constructor;
  if (typeof constructor === 'object' && constructor !== null || typeof constructor === 'function') {
    constructor = (constructor as { [Symbol.species]?: unknown })[Symbol.species];
    if (constructor === null) constructor = undefined;
  }
  if (constructor === undefined || constructor === Array) return new Array<unknown>(length) as unknown as Indexed;
  if (typeof constructor !== 'function') throw new TypeError('object.constructor[Symbol.species] is not a constructor');
  return Reflect.construct(constructor, [length]) as Indexed;
}

/** 7.3.7 CreateDataPropertyOrThrow. */
function create(object: Indexed, key: number, value: unknown): void {
  if (!Reflect.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })) throw new TypeError(`Cannot add property ${key}, object is not extensible`);
}

interface Walk { readonly backwards?: boolean; readonly visitsHoles?: boolean }
/** What is done with each result; what it gives ends the walk. */
type Seen = (result: unknown, value: unknown, index: number) => { result: unknown } | undefined;

/** Calls the callback for each element. */
function* walk(stack: Caller, { backwards = false, visitsHoles = false }: Walk, object: Indexed, length: number, [callback, thisArg]: readonly unknown[], seen: Seen, end?: () => unknown): Frame {
  for (let step = 0; step < length; step++) {
    const index = backwards ? length - 1 - step : step;
    if (!visitsHoles && !(index in object)) continue;
    const value = object[index];
    const given = stack.call(callback, thisArg, [value, index, object], '');
    const ended = seen(given === stack.linked ? yield undefined : given, value, index);
    if (ended !== undefined) return ended.result;
  }
  return end?.();
}

/** A method of arrays: `begin` makes what it gives and what it does with each result. */
function method(name: string, options: Walk, begin: (object: Indexed, length: number) => { seen: Seen; end?: () => unknown }): void {
  builtins.set((Array.prototype as unknown as Record<string, unknown>)[name], {
    callback: 0,
    loop(stack, self, args) {
      const object = objectOf(self, name);
      const length = lengthOf(object);
      const { seen, end } = begin(object, length);
      return walk(stack, options, object, length, args, seen, end);
    },
  });
}

method('forEach', {}, () => ({ seen: () => undefined }));
method('map', {}, (object, length) => { const made = speciesOf(object, length); return { seen: (result, _, index) => { create(made, index, result); return undefined; }, end: () => made }; });
method('filter', {}, (object) => {
  const made = speciesOf(object, 0);
  let to = 0;
  return { seen: (result, value) => { if (result) create(made, to++, value); return undefined; }, end: () => made };
});
method('some', {}, () => ({ seen: (result) => (result ? { result: true } : undefined), end: () => false }));
method('every', {}, () => ({ seen: (result) => (result ? undefined : { result: false }), end: () => true }));
method('find', { visitsHoles: true }, () => ({ seen: (result, value) => (result ? { result: value } : undefined) }));
method('findIndex', { visitsHoles: true }, () => ({ seen: (result, _, index) => (result ? { result: index } : undefined), end: () => -1 }));
method('findLast', { visitsHoles: true, backwards: true }, () => ({ seen: (result, value) => (result ? { result: value } : undefined) }));
method('findLastIndex', { visitsHoles: true, backwards: true }, () => ({ seen: (result, _, index) => (result ? { result: index } : undefined), end: () => -1 }));
method('flatMap', {}, (object) => {
  const made = speciesOf(object, 0);
  let to = 0;
  return {
    seen: (result) => {
      if (Array.isArray(result)) { const { length } = result; for (let k = 0; k < length; k++) if (k in result) create(made, to++, result[k]); } else create(made, to++, result);
      return undefined;
    },
    end: () => made,
  };
});

/** 23.1.3.24 and 25. */
function reducer(name: 'reduce' | 'reduceRight', backwards: boolean): void {
  builtins.set(Array.prototype[name], {
    callback: 0,
    * loop(stack, self, args) {
      const object = objectOf(self, name);
      const length = lengthOf(object);
      const at = (step: number): number => (backwards ? length - 1 - step : step);
      let step = 0;
      let result: unknown;
      if (args.length >= 2) result = args[1];
      else {
        while (step < length && !(at(step) in object)) step += 1;
        if (step >= length) throw new TypeError('Reduce of empty array with no initial value');
        result = object[at(step++)];
      }
      for (; step < length; step++) {
        if (!(at(step) in object)) continue;
        const given = stack.call(args[0], undefined, [result, object[at(step)], at(step), object], '');
        result = given === stack.linked ? yield undefined : given;
      }
      return result;
    },
  });
}
reducer('reduce', false);
reducer('reduceRight', true);

/** 24.1.3.5, 24.2.4.6: entries that are added meanwhile are visited as well, by the iterator as by forEach. */
function collection(prototype: object, iterate: (self: never) => Iterator<unknown>, entry: (value: never) => [unknown, unknown]): void {
  builtins.set((prototype as { forEach: unknown }).forEach, {
    callback: 0,
    * loop(stack, self, args) {
      const iterator = iterate(self as never);
      for (let step = iterator.next(); step.done !== true; step = iterator.next()) {
        const [value, key] = entry(step.value as never);
        const given = stack.call(args[0], args[1], [value, key, self], '');
        if (given === stack.linked) yield undefined;
      }
      return undefined;
    },
  });
}
const { entries } = Map.prototype;
const { values } = Set.prototype;
collection(Map.prototype, (self: Map<unknown, unknown>) => Reflect.apply(entries, self, []) as Iterator<unknown>, ([key, value]: [unknown, unknown]) => [value, key]);
collection(Set.prototype, (self: Set<unknown>) => Reflect.apply(values, self, []) as Iterator<unknown>, (value: unknown) => [value, value]);

/** 23.1.2.1 with a mapping function, for `Array` itself and arrays whose iteration nobody has changed; else natively. */
builtins.set(Array.from, {
  callback: 1,
  * loop(stack, self, [items, callback, thisArg]) {
    if (self !== Array) return Reflect.apply(Array.from, self, [items, callback, thisArg]) as unknown;
    const made: unknown[] = [];
    const source = typeof (items as Iterable<unknown>)[Symbol.iterator] === 'function' ? items as Iterable<unknown> : { [Symbol.iterator]: () => elementsOf(Object(items) as Indexed) };
    let index = 0;
    for (const value of source) {
      const given = stack.call(callback, thisArg, [value, index], '');
      create(made as unknown as Indexed, index++, given === stack.linked ? yield undefined : given);
    }
    made.length = index;
    return made;
  },
});
function* elementsOf(object: Indexed): Generator<unknown> { const length = lengthOf(object); for (let k = 0; k < length; k++) yield object[k]; }

/** 25.5.1 with a reviver. What `context.source` says is recorded by a first, native walk. */
builtins.set(JSON.parse, {
  callback: 1,
  * loop(stack, _self, [text, reviver]) {
    const sources = new Map<unknown, Map<string, { value: unknown; source: string }>>();
    const roots: unknown[] = [];
    JSON.parse(text as string, function record(this: unknown, key: string, value: unknown, context?: { source?: string }) {
      roots[0] = this;                                                   // the last one called is the one around everything
      if (context?.source !== undefined) { if (!sources.has(this)) sources.set(this, new Map()); sources.get(this)?.set(key, { value, source: context.source }); }
      return value;
    } as (this: unknown, key: string, value: unknown) => unknown);
    return yield revive(stack, reviver, sources, roots[0] as Indexed, '');
  },
});

/** 25.5.1.1 InternalizeJSONProperty. */
function* revive(stack: Caller, reviver: unknown, sources: ReadonlyMap<unknown, ReadonlyMap<string, { value: unknown; source: string }>>, holder: Indexed, key: string): Frame {
  const value = holder[key];
  if (typeof value === 'object' && value !== null) {
    const keys = Array.isArray(value) ? Array.from({ length: lengthOf(value as unknown as Indexed) }, (_, k) => String(k)) : Object.keys(value);
    for (const inner of keys) {
      const made = yield revive(stack, reviver, sources, value as Indexed, inner);
      if (made === undefined) Reflect.deleteProperty(value, inner);
      else Reflect.defineProperty(value, inner, { value: made, writable: true, enumerable: true, configurable: true });
    }
  }
  const recorded = sources.get(holder)?.get(key);
  const context = recorded !== undefined && Object.is(recorded.value, value) ? { source: recorded.source } : {};
  const given = stack.call(reviver, holder, [key, value, context], '');
  return given === stack.linked ? yield undefined : given;
}
