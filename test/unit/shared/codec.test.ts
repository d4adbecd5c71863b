import { spawnSync } from 'node:child_process';
import { createSecretKey } from 'node:crypto';
import { createHistogram } from 'node:perf_hooks';
import { inspect } from 'node:util';
import { MessageChannel, markAsUncloneable } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { BY_PORT, CapriccioError, Decoder, Encoder, MissingBufferError, notCloneable } from '@capriccio/shared';
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
    expect(encoder.encode('x'.repeat(1e7), 'value')).toBe(BY_PORT);
    expect(encoder.scratch.length).toBeLessThan(100_000);
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
      return [list, object];
    };
    for (let k = 0; k < 4; k++) expect(difference(roundTrip(value()), structuredClone(value()))).toBeUndefined();
  });
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
    expect(difference(roundTrip(list), structuredClone(list))).toBeUndefined();
    expect(difference(roundTrip(list.slice(0, 60)), structuredClone(list.slice(0, 60)))).toBeUndefined();
  });

  test('and depth is not bounded by the stack', () => {
    const { roundTrip } = makeCodec();
    const kinds: [string, (inner: unknown) => unknown, (outer: unknown) => unknown][] = [
      ['lists', (inner) => ({ inner }), (outer) => (outer as { inner: unknown }).inner],
      ['arrays', (inner) => [inner], (outer) => (outer as unknown[])[0]],
      ['maps', (inner) => new Map([[1, inner]]), (outer) => (outer as Map<number, unknown>).get(1)],
      ['sets', (inner) => new Set([inner]), (outer) => [...(outer as Set<unknown>)][0]],
    ];
    for (const [name, wrap, unwrap] of kinds) {
      for (const depth of [98, 99, 100, 101, 102, 5_000, 50_000]) {
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

describe('shapes', () => {
  test('are published when met again, and then cost their values only', () => {
    const { encoder, names } = makeCodec();
    const lengths = [1, 2, 3].map((k) => encoder.encode({ width: k, height: k }, 'value'));
    expect(lengths[1]).toBeLessThan(lengths[0] as number);
    expect(lengths[2]).toBe(lengths[1]);
    expect(names.intern('next')).toBe(1);
  });

  test('inside an object of the same shape that is not published yet', () => {
    const { roundTrip } = makeCodec();
    const tree = (depth: number): object => ({ left: depth === 0 ? null : tree(depth - 1), right: null });
    for (let k = 0; k < 3; k++) expect(roundTrip(tree(3))).toEqual(tree(3));
  });

  test('dictionaries do not fill the table, nor keep others from learning', () => {
    const { encoder, decoder, names } = makeCodec();
    let key = 0;
    for (let k = 0; k < 10_000; k++) {
      const dictionary = Object.fromEntries(Array.from({ length: 5 }, () => [`key ${key++}`, key]));
      const length = encoder.encode(dictionary, 'value');
      if (k % 100 === 0) expect(decoder.decode(encoder.scratch, 0, length)).toEqual(dictionary);
    }
    expect(names.intern('first')).toBe(0);
    const [once, , again] = [1, 2, 3].map(() => encoder.encode({ learnt: 1, late: 2 }, 'value'));
    expect(again).toBeLessThan(once as number);
  });

  test('are bounded in number and in keys, and beyond come spelled out', () => {
    const { names, roundTrip } = makeCodec({ namesBytes: 1 << 20 });
    for (let k = 0; k < 2_100; k++) for (let turn = 0; turn < 3; turn++) expect(roundTrip({ [`a${k}`]: 1, b: turn })).toEqual({ [`a${k}`]: 1, b: turn });
    expect(names.intern('after')).toBe(2_000);
    const wide = Object.fromEntries(Array.from({ length: 65 }, (_, k) => [`w${k}`, k]));
    const huge = Object.fromEntries(Array.from({ length: 70_000 }, (_, k) => [`h${k}`, k]));
    for (let turn = 0; turn < 3; turn++) expect(roundTrip([wide, huge])).toEqual([wide, huge]);
  });

  test('work where code may not be made from strings; and a module is refused', () => {
    const script = `
      import { Encoder, Decoder } from '@capriccio/shared';
      const texts = [];
      const names = { intern: (text) => texts.indexOf(text) >= 0 ? texts.indexOf(text) : texts.push(text) - 1, text: (number) => texts[number] };
      const buffers = { numberOf: () => 0, bufferOf: () => undefined };
      const encoder = new Encoder(names, buffers), decoder = new Decoder(names, buffers);
      let clone;
      for (let k = 0; k < 4; k++) clone = decoder.decode(encoder.scratch, 0, encoder.encode({ a: k, ['__proto__']: [k], 'q"': undefined }, 'value'));
      try { encoder.encode({ module: await import('node:path') }, 'value'); } catch (error) { console.log(error.message); }
      console.log(texts.length, JSON.stringify(clone), Object.keys(clone).join());`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--conditions=capriccio-source', '--disallow-code-generation-from-strings', '--input-type=module', '-e', script], { encoding: 'utf8', cwd: import.meta.dirname });
    expect(stderr).toBe('');
    expect(stdout).toBe('value.module is a module and cannot be cloned; pass the data it is made of instead, or list it in `transfer` if it is transferable\n1 {"a":3,"__proto__":[3]} a,__proto__,q"\n');
  });
});

describe('buffers', () => {
  test('shared ones come by number, as the same object', () => {
    const { encoder, decoder, roundTrip } = makeCodec();
    const shared = new SharedArrayBuffer(16);
    const clone = roundTrip({ shared, words: new Int32Array(shared, 4, 2) }) as { shared: SharedArrayBuffer; words: Int32Array };
    expect(encoder.met).toEqual([shared]);
    expect(clone.shared).toBe(shared);
    expect(clone.words.buffer).toBe(shared);
    expect([clone.words.byteOffset, clone.words.length]).toEqual([4, 2]);
    expect(encoder.encode(1, 'next')).toBe(2);
    expect(encoder.met).toEqual([]);
    expect(decoder.decode(encoder.scratch, 0, 2)).toBe(1);
  });

  test('a view of a shared one that grows follows it, or not, as before', () => {
    const { roundTrip } = makeCodec();
    const shared = new SharedArrayBuffer(16, { maxByteLength: 64 });
    const [following, fixed] = roundTrip([new Uint8Array(shared, 8), new Uint8Array(shared, 8, 8)]) as Uint8Array[];
    shared.grow(32);
    expect([following?.length, fixed?.length]).toEqual([24, 8]);
  });

  test('a shared one that is not known here yet asks to wait', () => {
    const known: SharedArrayBuffer[] = [];
    const names = { intern: () => -1, text: () => '' };
    const encoder = new Encoder(names as never, { numberOf: () => 7, bufferOf: () => undefined });
    const decoder = new Decoder(names as never, { numberOf: () => 7, bufferOf: (number) => known[number] });
    const shared = new SharedArrayBuffer(4);
    const length = encoder.encode([{}, shared], 'value');
    const decode = (): unknown => decoder.decode(encoder.scratch, 0, length);
    expect(decode).toThrow(MissingBufferError);
    expect(decode).toThrow(expect.objectContaining({ number: 7 }));
    known[7] = shared;
    expect((decode() as unknown[])[1]).toBe(shared);
  });

  test("a Buffer of Node's pool comes without the pool, any other with its buffer", () => {
    const { encoder, roundTrip } = makeCodec();
    const pooled = Buffer.from('abc');
    expect(pooled.buffer.byteLength).toBeGreaterThan(1_000);
    const clone = roundTrip([pooled, pooled, {}]) as Uint8Array[];
    expect(clone[0]).toEqual(new Uint8Array([97, 98, 99]));
    expect(clone[0]?.buffer.byteLength).toBe(3);
    expect(clone[1]).toBe(clone[0]);
    expect(encoder.encode(pooled, 'value')).toBeLessThan(50);
    const own = Buffer.alloc(20).subarray(5, 7);
    const whole = roundTrip(own) as Uint8Array;
    expect([whole.byteOffset, whole.length, whole.buffer.byteLength]).toEqual([5, 2, 20]);
  });

  test('nothing of a clone lies in shared memory', () => {
    const { encoder, decoder } = makeCodec();
    const block = Buffer.from(new SharedArrayBuffer(70_000));
    for (const size of [1, 64, 65, 256, 257, 60_000]) {
      const length = encoder.encode(new Uint8Array(size).fill(5), 'value');
      encoder.scratch.copy(block, 3, 0, length);
      const clone = decoder.decode(block, 3, length) as Uint8Array;
      block.fill(0);
      expect(clone.buffer).toBeInstanceOf(ArrayBuffer);
      expect(clone.every((byte) => byte === 5)).toBe(true);
    }
  });

  test('scratch grows for a huge value and is let go after', () => {
    const { encoder } = makeCodec();
    encoder.encode('x'.repeat(3_000_000), 'value');
    expect(encoder.scratch.length).toBeGreaterThan(3_000_000);
    encoder.encode(1, 'value');
    encoder.encode(1, 'value');
    expect(encoder.scratch.length).toBeLessThan(100_000);
  });
});

describe('decoding', () => {
  test('refuses a window that does not lie in the bytes, and one with something left over', () => {
    const { encoder, decoder } = makeCodec();
    const length = encoder.encode([1, 'two'], 'value');
    const bytes = encoder.scratch.subarray(0, length);
    for (const [at, count] of [[0, length + 1], [-1, 2], [5, length], [Number.NaN, 1]] as const) expect(() => decoder.decode(bytes, at, count)).toThrow(/does not lie in/);
    expect(() => decoder.decode(encoder.scratch, 0, length + 1)).toThrow(/corrupt/);
    for (let cut = 0; cut < length; cut++) expect(() => decoder.decode(bytes, 0, cut)).toThrow(/corrupt/);
    expect(decoder.decode(bytes, 0, length)).toEqual([1, 'two']);
  });

  test('never allocates for counts that cannot be', () => {
    const { decoder } = makeCodec();
    for (let tag = 0; tag < 64; tag++) {
      const bytes = Buffer.concat([Buffer.from([0, tag]), Buffer.alloc(30, 0xff)]);
      expect(() => decoder.decode(bytes, 0, bytes.length)).toThrow();
    }
  });
});
