/**
 * The codec against structuredClone: the same result to the last hole, and an error for the same values. Values are built from plans,
 * twice each, so that getters which answer differently every time begin anew for either side.
 */
import { createContext, runInContext } from 'node:vm';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { BY_PORT, isCapriccioError } from '@capriccio/shared';
import { difference, makeCodec, type Codec } from './codec-harness.ts';

const realm = createContext({});
const foreign = (source: string): object => runInContext(source, realm) as object;

class Point { x = 1; #hidden = 2; get sum(): number { return this.x + this.#hidden; } }
class Stack extends Array {}
class Registry extends Map {}
class AppError extends RangeError { override name = 'AppError'; }

/** A primitive, or the number of a node, which may come before or after: so references are shared, and cycles close. */
type Content = { readonly node: number } | { readonly primitive: unknown };
interface Node { readonly kind: Kind; readonly keys: readonly string[]; readonly contents: readonly Content[]; readonly size: number }

const makers = {
  object: (): object => ({}),
  bare: (): object => Object.create(null) as object,
  array: (): object => [],
  sparse: (): object => [],
  described: (): object => [],
  longArray: (): object => [],
  stack: (): object => new Stack(),
  map: (): object => new Map(),
  set: (): object => new Set(),
  registry: (): object => new Registry(),
  point: (): object => new Point(),
  inherited: (): object => Object.create({ inherited: 1, toJSON: () => 1 }) as object,
  frozen: (): object => ({}),
  counting: (): object => ({}),
  deleting: (): object => ({}),
  error: (): object => new Error('plain'),
  typeError: (): object => new TypeError(''),
  appError: (): object => new AppError('app'),
  aggregate: (): object => new AggregateError([1], 'many'),
  date: (size: number): object => new Date(size * 1e9),
  noDate: (): object => new Date(Number.NaN),
  regExp: (): object => Object.assign(/a(b)\/[c]/giu, { lastIndex: 2 }),
  boxedNumber: (size: number): object => Object(-size / 3) as object,
  boxedString: (): object => Object('boxed \ud800') as object,
  boxedFlag: (): object => Object(false) as object,
  boxedBig: (size: number): object => Object(BigInt(size) ** 30n) as object,
  buffer: (size: number): object => new Uint8Array(size).fill(size).buffer,
  resizable: (size: number): object => new ArrayBuffer(size, { maxByteLength: size * 2 + 8 }),
  sharedBuffer: (size: number): object => new SharedArrayBuffer(size),
  view: (size: number): object => new Uint8Array(size),
  subarray: (size: number): object => new Uint16Array(size + 4).subarray(2, 3),
  floats: (size: number): object => new Float64Array(size).fill(Math.PI),
  bigs: (): object => new BigInt64Array([1n, -1n]),
  halves: (): object => new Float16Array([0.5, Number.NaN]),
  dataView: (size: number): object => new DataView(new ArrayBuffer(size + 8), 3, 4),
  tracking: (size: number): object => new Uint8Array(new ArrayBuffer(size + 8, { maxByteLength: size + 16 }), 2),
  notTracking: (size: number): object => new Uint8Array(new ArrayBuffer(size + 8, { maxByteLength: size + 16 }), 2, size + 6),
  sharedView: (size: number): object => new Int32Array(new SharedArrayBuffer(size * 4 + 8)),
  ownBuffer: (size: number): object => Buffer.alloc(size + 1, 7),
  foreignObject: (): object => foreign('({})'),
  foreignArray: (): object => foreign('[]'),
  foreignMap: (): object => foreign('new Map()'),
  foreignError: (): object => foreign('new TypeError("far")'),
} as const;

const refused = {
  function: (): unknown => () => 1,
  symbol: (): unknown => Symbol('s'),
  proxy: (): unknown => new Proxy({ a: 1 }, {}),
  arrayProxy: (): unknown => new Proxy([1], {}),
  promise: (): unknown => Promise.resolve(),
  weakMap: (): unknown => new WeakMap(),
  weakRef: (): unknown => new WeakRef({}),
  generator: (): unknown => (function* (): Generator { yield 1; })(),
  iterator: (): unknown => [][Symbol.iterator](),
  arguments: (): unknown => (function (..._input: unknown[]): unknown { return arguments; })(1, 2),
  noArguments: (): unknown => (function (): unknown { return arguments; })(),
  throwing: (): unknown => ({ get broken(): never { throw new RangeError('broken getter'); } }),
  boxedSymbol: (): unknown => Object(Symbol('boxed')),
  detached: (): unknown => { const buffer = new ArrayBuffer(8); structuredClone(buffer, { transfer: [buffer] }); return buffer; },
  detachedView: (): unknown => { const view = new Uint8Array(8); structuredClone(view.buffer, { transfer: [view.buffer] }); return view; },
  outOfBounds: (): unknown => { const buffer = new ArrayBuffer(8, { maxByteLength: 8 }); const view = new Uint8Array(buffer, 4, 4); buffer.resize(2); return view; },
  format: (): unknown => new Intl.NumberFormat(),
  url: (): unknown => new URL('http://localhost'),
} as const;

type Kind = keyof typeof makers | keyof typeof refused;

const keyTexts = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('a', 'b', 'c', 'id', 'name', 'value') },
  { weight: 2, arbitrary: fc.constantFrom('__proto__', 'constructor', 'toString', 'length', 'hasOwnProperty', '', '0', '1', '01', '-1', '4294967295', 'key with "quotes"\n\u2028', '\ud800', 'ž', '日本') },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 8 }) },
);
const texts = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('', 'é', 'ÿ'.repeat(24), 'é'.repeat(30), '\ud800', `${'a'.repeat(50)}\udc00`, '😀'.repeat(20), 'x'.repeat(24), 'x'.repeat(25), 'x'.repeat(5_000), 'ž'.repeat(5_000), `${'y'.repeat(5_000)}\ud83d`),
);
const primitives = fc.oneof(
  texts, fc.integer(), fc.double(), fc.boolean(), fc.bigInt(),
  fc.constantFrom<unknown>(undefined, null, 0, -0, Number.NaN, Infinity, 127, 128, -1, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), -(2 ** 31) - 1, 2 ** 53, 5e-324, 2n ** 63n, -(2n ** 63n), 2n ** 64n - 1n, -(2n ** 200n)),
);

/** A plan: node 0 is the value. One in ten plans has something that is refused. */
const plans = fc.tuple(fc.nat(9), fc.array(fc.record({
  kind: fc.constantFrom(...(Object.keys(makers) as Kind[])),
  keys: fc.array(keyTexts, { minLength: 6, maxLength: 6 }),
  contents: fc.array(fc.oneof({ weight: 3, arbitrary: fc.record({ node: fc.nat(30) }) }, { weight: 4, arbitrary: fc.record({ primitive: primitives }) }), { maxLength: 6 }),
  size: fc.nat(20),
}), { minLength: 1, maxLength: 14 }), fc.constantFrom(...(Object.keys(refused) as Kind[])), fc.nat(13))
  .map(([chance, nodes, kind, at]): readonly Node[] => (chance > 0 ? nodes : nodes.map((node, k) => (k === at % nodes.length ? { ...node, kind } : node))));

function build(plan: readonly Node[]): unknown {
  const shells = plan.map(({ kind, size }) => (kind in makers ? makers[kind as keyof typeof makers](size) : refused[kind as keyof typeof refused]()));
  plan.forEach((node, k) => { if (node.kind in makers) fill(shells[k] as object, node, node.contents.map((content) => ('node' in content ? shells[content.node % shells.length] : content.primitive))); });
  return shells[0];
}

function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}

function fill(object: object, { kind, keys, size }: Node, contents: readonly unknown[]): void {
  const fields = (): void => { contents.forEach((content, k) => { define(object, keys[k] as string, content); }); };
  switch (kind) {
    case 'object': case 'bare': case 'point': case 'inherited': case 'foreignObject': case 'regExp': case 'date': case 'boxedNumber': return fields();
    case 'frozen': fields(); Object.freeze(object); return undefined;
    case 'array': case 'stack': case 'foreignArray': (object as unknown[]).push(...contents); return undefined;
    case 'longArray': for (let k = 0; k < 64 + size; k++) (object as unknown[]).push(contents.length === 0 ? k : contents[k % contents.length]); if (size === 3) delete (object as unknown[])[5]; if (size === 4) define(object, 'columns', contents); return undefined;
    case 'sparse': contents.forEach((content, k) => { (object as unknown[])[k * 2 + size] = content; }); (object as unknown[]).length += size; return undefined;
    case 'described': (object as unknown[]).push(...contents); keys.slice(0, size % 4).forEach((key) => { if (key !== 'length') define(object, key, size); }); if (size > 15) delete (object as unknown[])[0]; return undefined;
    case 'map': case 'registry': case 'foreignMap': contents.forEach((content, k) => { (object as Map<unknown, unknown>).set(k % 2 === 0 ? keys[k] : contents[k - 1], content); }); return undefined;
    case 'set': for (const content of contents) (object as Set<unknown>).add(content); return undefined;
    case 'error': case 'typeError': case 'appError': case 'aggregate': case 'foreignError':
      if (contents.length > 0) Object.defineProperty(object, 'cause', { value: contents[0], configurable: true });
      if (size > 10) Object.assign(object, { extra: contents[1] });
      if (size === 1) Object.defineProperty(object, 'message', { get: () => 'from a getter' });
      if (size === 2) define(object, 'name', 'SyntaxError');
      return undefined;
    case 'counting': {
      let count = 0;
      fields();
      Object.defineProperty(object, 'count', { get: () => ({ count: count++ }), enumerable: true });
      return undefined;
    }
    case 'deleting':
      Object.defineProperty(object, 'first', { get(this: Record<string, unknown>) { delete this['a']; this['late'] = 1; return 'deleted'; }, enumerable: true, configurable: true });
      return fields();
    default: return undefined;
  }
}

type Outcome = { readonly clone: unknown } | { readonly thrown: unknown };
function attempt(clone: () => unknown): Outcome {
  try {
    return { clone: clone() };
  } catch (thrown) {
    return { thrown };
  }
}

function expectAlike(codec: Codec, make: () => unknown): void {
  const [ours, theirs] = [0, 1].map(() => make());        // from one line, so that the stacks of errors are alike
  const expected = attempt(() => structuredClone(theirs));
  const actual = attempt(() => codec.roundTrip(ours));
  if ('thrown' in expected) {
    if (!('thrown' in actual)) throw new Error(`structuredClone throws ${String(expected.thrown)}, the codec gives a value`);
    if (!isCapriccioError(actual.thrown, 'CAP_ERR_NOT_CLONEABLE')) throw new Error('the codec throws something else', { cause: actual.thrown });
    return;
  }
  if ('thrown' in actual) throw new Error('the codec throws, structuredClone does not', { cause: actual.thrown });
  if (actual.clone === BY_PORT && expected.clone !== BY_PORT) throw new Error('nothing in the value needs a port');
  const where = difference(actual.clone, expected.clone);
  if (where !== undefined) throw new Error(`differs at ${where}`);
}

const codec = makeCodec();
const full = makeCodec({ namesBytes: 128 });
const carrying = makeCodec({ carries: true });
// A class met for the first time is judged by a clone of that instance, which calls the getters in it once more: let it be met before.
for (const instance of [new Point(), foreign('({})')]) codec.roundTrip(instance);

test('the same where values carry their shapes', () => {
  fc.assert(fc.property(plans, fc.boolean(), (plan, isTwice) => { expectAlike(carrying, () => (isTwice ? [build(plan), build(plan)] : build(plan))); }), { numRuns: 4_000 });
});

test('a value of any kind comes back as structuredClone gives it, or is refused as it refuses it', () => {
  fc.assert(fc.property(plans, (plan) => { expectAlike(codec, () => build(plan)); }), { numRuns: 6_000 });
});

test('the same with a full table of names', () => {
  fc.assert(fc.property(plans, (plan) => { expectAlike(full, () => build(plan)); }), { numRuns: 2_000 });
});

test("what fast-check calls anything comes back as structuredClone gives it", () => {
  const anything = fc.anything({ key: keyTexts, values: [primitives], maxDepth: 4, withBigInt: true, withBoxedValues: true, withDate: true, withMap: true, withSet: true, withNullPrototype: true, withObjectString: true, withSparseArray: true, withTypedArray: true, withUnicodeString: true });
  fc.assert(fc.property(anything, (value) => { expectAlike(codec, () => value); }), { numRuns: 4_000 });
});

test.each([['', codec], [', where values carry their shapes', carrying]] as const)('corrupt bytes end in a value or an error, whatever lies around them%s', (_, codec) => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
  fc.assert(fc.property(plans, damage, fc.nat(3), (plan, bytes, cut) => {
    let length: number;
    try {
      length = codec.encoder.encode(build(plan), 'value');
    } catch {
      return;
    }
    const whole = Buffer.from(codec.encoder.scratch.subarray(0, length));
    for (const [at, byte] of bytes) whole[at % length] = byte;
    const shorter = whole.subarray(0, Math.max(0, length - cut));
    const [one, other] = [0x00, 0xff].map((around) => {
      const block = Buffer.concat([Buffer.alloc(40, around), shorter, Buffer.alloc(40, around)]);
      return attempt(() => codec.decoder.decode(block, 40, shorter.length));
    }) as [Outcome, Outcome];
    expect('thrown' in one).toBe('thrown' in other);
    if ('thrown' in one) expect(one.thrown).toBeInstanceOf(Error);
    else if ('clone' in other) expect(difference(one.clone, other.clone)).toBeUndefined();
  }), { numRuns: 2_000 });
});
