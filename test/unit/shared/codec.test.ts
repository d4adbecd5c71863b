import { createSecretKey } from 'node:crypto';
import { createHistogram } from 'node:perf_hooks';
import { inspect } from 'node:util';
import { MessageChannel, markAsUncloneable } from 'node:worker_threads';
import { describe, expect, test, vi } from 'vitest';
import { BY_PORT, CapriccioError, notCloneable } from '@capriccio/shared';
import { difference, makeCodec } from './codec-harness.ts';

function refusal(run: () => unknown): CapriccioError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(CapriccioError);
    expect((error as CapriccioError).code).toBe('CAP_ERR_NOT_CLONEABLE');
    return error as CapriccioError;
  }
  throw new Error('nothing is thrown');
}

const record = (k: number): object => ({ id: k, name: `user${k}`, ok: true, score: k * 1.5, tags: ['a', 'bb'] });
// The types of this project have no DOM, and WebAssembly comes with it.
const { WebAssembly } = globalThis as unknown as { WebAssembly: { Module: new (bytes: Uint8Array) => object } };
const wasm = (): object => new WebAssembly.Module(new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]));

describe('what is refused', () => {
  const { encoder } = makeCodec();
  const message = (value: unknown): string => refusal(() => encoder.encode(value, 'argument 1')).message;

  test('is named with its path and a way out', () => {
    expect(message({ user: { callbacks: [1, 2, () => 3] } })).toBe('argument 1.user.callbacks[2] is a function and cannot be cloned; pass data, or export the function from a module and call it there');
    expect(message({ 'odd key': { x: Symbol('s') } })).toMatch(/^argument 1\["odd key"\]\.x is a symbol and cannot be cloned; pass a string/);
    expect(message([new Map([['k', new WeakMap()]])])).toMatch(/^argument 1\[0\]\.get\("k"\) is an instance of WeakMap and/);
    expect(message(new Map([[new WeakSet(), 1]]))).toMatch(/^argument 1 \(key of entry 0\) is an instance of WeakSet/);
    expect(message(new Set([1, Promise.resolve()]))).toMatch(/^argument 1 \(member 1\) is a promise and cannot be cloned; await it first/);
    expect(message(new Error('x', { cause: () => 1 }))).toMatch(/^argument 1\.cause is a function/);
    expect(message({ list: new Proxy([], {}) })).toMatch(/^argument 1\.list is a proxy and cannot be cloned; pass what it stands for/);
    expect(message(() => 1)).toMatch(/^argument 1 is a function/);
    expect(message({ url: new URL('http://localhost') })).toMatch(/^argument 1\.url is an instance of URL and/);
    expect(message({ port: new MessageChannel().port1 })).toMatch(/^argument 1\.port is an instance of MessagePort and cannot be cloned; .* list it in `transfer`/);
    expect(message({ mark: Object(Symbol('m')) })).toMatch(/^argument 1\.mark is an instance of Symbol/);
    const gone = new Uint8Array(8);
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    expect(message({ gone })).toMatch(/^argument 1\.gone is detached, or a view beyond the end of its buffer, and cannot be cloned; pass it before/);
    expect(message({ buffer: gone.buffer })).toMatch(/^argument 1\.buffer is detached/);
    expect(message(new Intl.Segmenter().segment('a'))).toMatch(/^argument 1 is/);
  });

  test('is found behind a class instance and behind a cycle', () => {
    class User { friend: unknown; handler: unknown; }
    const user = new User();
    user.friend = [user, new User()];
    user.handler = () => 1;
    expect(message({ user })).toMatch(/^argument 1\.user\.handler is a function/);
    const chain = Array.from({ length: 3_000 }, () => new User());
    chain.forEach((one, k) => { one.friend = chain[k + 1] ?? new URL('http://localhost'); });
    expect(message(chain[0])).toMatch(/^argument 1(\.friend){3000} is an instance of URL/);
  });

  test('even where something else needs a port', () => {
    const { port1 } = new MessageChannel();
    try {
      port1.postMessage({ blob: new Blob([]), run: () => 1 });
    } catch (error) {
      const refused = notCloneable(error, undefined, 'argument 1');
      expect([refused.code, refused.cause]).toEqual(['CAP_ERR_NOT_CLONEABLE', error]);
      expect(refused.message).toMatch(/^argument 1 cannot be cloned: .* could not be cloned/);
    } finally {
      port1.close();
    }
    expect.assertions(2);
  });

  test('says so when only a getter leads there', () => {
    expect(message({ get made() { return { at: () => 1 }; } })).toMatch(/^argument 1 leads, through a getter, to something that is a function/);
  });

  test('a getter that throws is the cause', () => {
    const broken = new RangeError('out of reach');
    const error = refusal(() => encoder.encode({ get x() { throw broken; } }, 'result'));
    expect(error.cause).toBe(broken);
    expect(error.message).toBe('result could not be read: its getter threw out of reach; see `cause`');
  });

  test('an instance whose class marks it', () => {
    class Handle { id = 1; constructor() { markAsUncloneable(this); } }
    expect(message([new Handle()])).toMatch(/^argument 1\[0\] is an instance of Handle/);
  });

  test('does not spoil the next value', () => {
    for (let k = 0; k < 50; k++) {
      message({ a: [{ b: [() => 1] }] });
      expect(encoder.encode([1], 'next')).toBeGreaterThan(0);
      expect(encoder.scratch[0]).toBe(0);                // nothing in it is a reference or was put off
    }
    expect(encoder.encode([1], 'next')).toBeGreaterThan(0);
    expect(encoder.met).toEqual([]);
  });
});

describe('what travels by a port', () => {
  const hosts = { blob: new Blob(['x']), key: createSecretKey(Buffer.alloc(8)), histogram: createHistogram(), exception: new DOMException('m', 'AbortError'), module: wasm() };

  test.each(Object.entries(hosts))('%s, on its own and inside', (_name, host) => {
    const { encoder } = makeCodec();
    for (const value of [host, { a: [host] }, new Map([[1, host]])]) {
      expect(encoder.encode(value, 'value')).toBe(BY_PORT);
      expect(() => structuredClone(value)).not.toThrow();
    }
  });

  test('what is larger than the bound, to the byte', () => {
    const { encoder } = makeCodec({ bytesMax: 1_000 });
    for (const make of [(n: number) => 'x'.repeat(n), (n: number) => new Uint8Array(n), (n: number) => Array.from({ length: n }, () => 1n), (n: number) => `${'x'.repeat(n)}é`]) {
      let largest = 0;
      for (let n = 0; n < 1_100; n++) {
        const length = encoder.encode(make(n), 'value');
        if (length === BY_PORT) break;
        largest = length;
      }
      expect(largest).toBeLessThanOrEqual(1_000);
      expect(largest).toBeGreaterThan(980);
    }
    const allocate = vi.spyOn(Buffer, 'allocUnsafeSlow');
    for (const value of ['x'.repeat(1e7), 'ž'.repeat(1e6), new Uint8Array(1e7), Array.from({ length: 1e6 }, (_, k) => k)]) expect(encoder.encode(value, 'value')).toBe(BY_PORT);
    expect(Math.max(0, ...allocate.mock.calls.map(([bytes]) => bytes))).toBeLessThan(100_000);
    allocate.mockRestore();
  });
});

describe('getters', () => {
  test('are called once, in order', () => {
    const { roundTrip } = makeCodec();
    const calls: string[] = [];
    const value = (): object => ({ get a() { calls.push('a'); return new Map([[1, { get b() { calls.push('b'); return 1; } }]]); }, get c() { calls.push('c'); return [record(1)]; } });
    for (let k = 0; k < 5; k++) roundTrip(value());
    expect(calls.join('')).toBe('abc'.repeat(5));
  });

  test('may encode with the same encoder', () => {
    const { encoder, decoder, roundTrip } = makeCodec();
    const shared = new SharedArrayBuffer(8);
    let inner: unknown;
    const value = {
      before: [shared, 'x'.repeat(40)],
      get nested() {
        const length = encoder.encode({ deep: [1, 2, 3], again: { get more() { encoder.encode('inmost', 'c'); return 1; } } }, 'b');
        inner = decoder.decode(encoder.scratch, 0, length);
        return 'done';
      },
      after: record(3),
    };
    for (let k = 0; k < 3; k++) {
      const clone = roundTrip(value) as { before: unknown };
      expect(clone).toEqual({ before: [shared, 'x'.repeat(40)], nested: 'done', after: record(3) });
      expect(inner).toEqual({ deep: [1, 2, 3], again: { more: 1 } });
      expect(encoder.met).toEqual([shared]);
    }
  });

  test('may change what is being encoded', () => {
    const { roundTrip } = makeCodec();
    const value = (): unknown[] => {
      const list: unknown[] = [1, { get x() { list.pop(); return 1; } }, 3, 4];
      const object = { get x() { delete (object as { y?: number }).y; (object as { w?: number }).w = 5; return 1; }, y: 2, z: 3 };
      const described = Object.assign([1, { get x() { delete (described as { gone?: number }).gone; delete described[0]; described[2] = 0; return 1; } }], { gone: 1, kept: 2 }) as unknown[];
      const sparse: unknown[] = [];
      sparse[2] = { get x() { delete sparse[4]; return 1; } };
      sparse[4] = 5;
      sparse[6] = 6;
      return [list, object, described, sparse];
    };
    for (let k = 0; k < 4; k++) expect(difference(roundTrip(value()), structuredClone(value()))).toBeUndefined();
  });
});

test('strings of any width and length come back to the last unit', () => {
  for (const piece of ['a', 'é', 'ž', '日', '😀', '\ud800', 'a\udc00']) {
    for (const count of [1, 23, 24, 25, 64, 1_000, 4_095, 4_096, 4_097, 50_000]) {
      const text = piece.repeat(count);
      for (const value of [text, `${text}a`, `a${text}`]) expect(makeCodec().roundTrip(value) === value).toBe(true);
    }
  }
});

describe('prototypes', () => {
  const pollute = (prototype: object, key: PropertyKey, descriptor: PropertyDescriptor, run: () => void): void => {
    Object.defineProperty(prototype, key, { configurable: true, ...descriptor });
    try {
      run();
    } finally {
      Reflect.deleteProperty(prototype, key);
    }
  };

  test('what others have added to them does not travel', () => {
    const { roundTrip } = makeCodec();
    const keys: string[] = [];
    pollute(Object.prototype, 'polluted', { value: 1, enumerable: true }, () => {
      pollute(Array.prototype, 'extra', { value: 1, enumerable: true }, () => {
        for (let k = 0; k < 3; k++) {
          const clone = roundTrip({ a: [1, { b: 2 }], c: Array.from({ length: 100 }, (_, n) => `${n}`) }) as { a: object; c: object };
          keys.push(Object.keys(clone).join(), Object.keys(clone.a).join(), String(Object.keys(clone.c).length));
        }
      });
    });
    expect(keys).toEqual(['a,c', '0,1', '100', 'a,c', '0,1', '100', 'a,c', '0,1', '100']);
  });

  test('setters on them are not called', () => {
    const { roundTrip } = makeCodec();
    const shared = {};
    pollute(Object.prototype, 'a', { set: () => { throw new Error('a setter is called'); } }, () => {
      const value = { a: 1, b: shared, c: shared };
      for (let k = 0; k < 3; k++) expect(Object.entries(roundTrip(value) as object).map(([key]) => key)).toEqual(['a', 'b', 'c']);
    });
  });

  test('__proto__ is a key like any other', () => {
    const { roundTrip } = makeCodec();
    const value = (): object => JSON.parse('{"__proto__":{"admin":true},"b":1,"list":[{"__proto__":null}]}') as object;
    for (let k = 0; k < 4; k++) {
      const clone = roundTrip(value()) as { admin?: boolean };
      expect(difference(clone, structuredClone(value()))).toBeUndefined();
      expect(Object.getPrototypeOf(clone)).toBe(Object.prototype);
      expect(clone.admin).toBeUndefined();
      expect(({} as { admin?: boolean }).admin).toBeUndefined();
    }
    const cyclic = value() as { self?: object };
    cyclic.self = cyclic;
    expect(difference(roundTrip(cyclic), structuredClone(cyclic))).toBeUndefined();
  });
});

describe('arrays', () => {
  test('keep properties and holes at any length', () => {
    const { roundTrip } = makeCodec();
    for (const length of [0, 1, 2, 63, 64, 65, 66, 500]) {
      const plain = Array.from({ length }, (_, k) => `${k}`);
      const described = Object.assign([...plain], { columns: ['a'], '-1': 2 });
      const numbers = Array.from({ length }, (_, k) => (k === 3 ? -0 : k / 3));
      const holey = [...plain];
      if (length > 0) delete holey[length >> 1];
      const both = Object.assign([...holey], { columns: 1 });
      const nothing = plain.map(() => undefined);
      for (const value of [plain, described, numbers, holey, both, nothing, [...numbers, undefined], [...numbers, 'x']]) expect(difference(roundTrip(value), structuredClone(value))).toBeUndefined();
    }
    const match = /b(?<c>c)/d.exec('abcd');
    expect(difference(roundTrip(match), structuredClone(match))).toBeUndefined();
  });

  test('may be long and nearly empty', () => {
    const { roundTrip } = makeCodec();
    const sparse: number[] = [];
    sparse[4_000_000_000] = 1;
    const empty: number[] = [];
    empty.length = 10_000_000;
    const heapBytes = (): number => {
      (globalThis as { gc?: () => void }).gc?.();
      return process.memoryUsage().heapUsed;
    };
    const before = heapBytes();
    expect((roundTrip(sparse) as number[]).length).toBe(4_000_000_001);
    const clone = roundTrip(empty) as number[];
    expect(clone.length).toBe(10_000_000);
    expect(heapBytes() - before).toBeLessThan(40_000_000);
  });

  test('are known to have elements only by what util.inspect prints', () => {
    const options = { maxArrayLength: 0, depth: 0 };
    expect(inspect(Array.from({ length: 100 }), options)).toBe('[ ... 100 more items ]');
    expect(inspect(Object.assign(Array.from({ length: 100 }), { a: 1 }), options)).not.toBe('[ ... 100 more items ]');
  });
});

describe('identity', () => {
  test('holds among hundreds of objects', () => {
    const { roundTrip } = makeCodec();
    const list: unknown[] = Array.from({ length: 500 }, (_, k) => record(k));
    for (const k of [0, 31, 63, 64, 65, 200, 499]) list.push(list[k], [list[k]], list);
    list.push(...list.slice(500));                       // what was new after the first reference, again
    expect(difference(roundTrip(list), structuredClone(list))).toBeUndefined();
    for (let count = 1; count < 70; count++) {
      const few = Array.from({ length: count }, () => ({}));
      const twice = [...few, ...few];
      expect(difference(roundTrip(twice), structuredClone(twice))).toBeUndefined();
    }
  });

  test('and depth is not bounded by the stack', () => {
    class Link { inner: unknown; constructor(inner: unknown) { this.inner = inner; } }
    const { roundTrip } = makeCodec();
    const kinds: [string, (inner: unknown) => unknown, (outer: unknown) => unknown][] = [
      ['lists', (inner) => ({ inner }), (outer) => (outer as { inner: unknown }).inner],
      ['arrays', (inner) => [inner], (outer) => (outer as unknown[])[0]],
      ['maps', (inner) => new Map([[1, inner]]), (outer) => (outer as Map<number, unknown>).get(1)],
      ['instances', (inner) => new Link(inner), (outer) => (outer as Link).inner],
      ['sets', (inner) => new Set([inner]), (outer) => [...(outer as Set<unknown>)][0]],
    ];
    for (const [name, wrap, unwrap] of kinds) {
      for (const depth of [50_000, 98, 99, 100, 101, 102, 5_000]) {
        const end = {};
        let value: unknown = [end, end];
        for (let k = 0; k < depth; k++) value = wrap(value);
        let clone = roundTrip(value);
        for (let k = 0; k < depth; k++) clone = unwrap(clone);
        expect(clone, name).toEqual([{}, {}]);
        expect((clone as unknown[])[0], name).toBe((clone as unknown[])[1]);
      }
    }
  });
});

describe('decoding', () => {
  test('refuses a window that does not lie in the bytes, and one with something left over', () => {
    const { encoder, decoder } = makeCodec();
    const length = encoder.encode([1, 'two'], 'value');
    const bytes = encoder.scratch.subarray(0, length);
    for (const [at, count] of [[0, length + 1], [-1, 2], [5, length], [Number.NaN, 1]] as const) expect(() => decoder.decode(bytes, at, count)).toThrow(/does not lie in/);
    expect(() => decoder.decode(encoder.scratch, 0, length + 1)).toThrow(/corrupt/);
    for (let cut = 0; cut < length; cut++) expect(() => decoder.decode(bytes, 0, cut)).toThrow(/more bytes are announced/);
    expect(decoder.decode(bytes, 0, length)).toEqual([1, 'two']);
  });

  test('refuses references to nothing, and properties that no array has', () => {
    const { decoder } = makeCodec();
    const decode = (...bytes: number[]): unknown => decoder.decode(Buffer.from(bytes), 0, bytes.length);
    expect(() => decode(1, 19, 0, 0, 0, 0)).toThrow(/not met/);
    expect(decode(0, 15, 2, 0, 0, 0, 1, 0, 0, 0, 0x46, ...Buffer.from('lengt_'), 0x80)).toEqual(Object.assign(Array.from({ length: 2 }), { lengt_: 0 }));
    expect(() => decode(0, 15, 2, 0, 0, 0, 1, 0, 0, 0, 0x46, ...Buffer.from('length'), 0x80)).toThrow(/a key is expected/);
    expect(() => decode(0, 15, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0x80)).toThrow(/a key is expected/);
  });

  test('never allocates for counts that cannot be', () => {
    const { decoder } = makeCodec();
    for (let tag = 0; tag < 64; tag++) {
      const bytes = Buffer.concat([Buffer.from([0, tag]), Buffer.alloc(30, 0xff)]);
      expect(() => decoder.decode(bytes, 0, bytes.length)).toThrow();
    }
  });
});
