import { createContext, runInContext } from 'node:vm';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CapriccioError, describeFailure, rebuildFailure, type FailureCaller } from '@capriccio/shared';
import { makeCodec } from './codec-harness.ts';

const codec = makeCodec();

/** As the pool does it: described where it is thrown, encoded, decoded, rebuilt. */
function cross(thrown: unknown, caller?: FailureCaller): unknown {
  return rebuildFailure(codec.roundTrip(describeFailure(thrown)) as ReturnType<typeof describeFailure>, caller);
}

type Fields = Error & Record<string, unknown>;
function crossError(thrown: unknown, caller?: FailureCaller): Fields {
  const error = cross(thrown, caller);
  expect(error).toBeInstanceOf(Error);
  return error as Fields;
}

function thrownBy(run: () => unknown): Error {
  try {
    run();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing is thrown');
}

describe('errors of the language and of Node', () => {
  const errors = {
    'an Error': new Error('plain'),
    'an Error without a message': new Error(),
    'a TypeError of V8': thrownBy(() => (null as unknown as { x: number }).x),
    'a SyntaxError': thrownBy(() => JSON.parse('{')),
    'a RangeError': new RangeError('out'),
    'a TypeError of Node': thrownBy(() => Buffer.alloc('x' as unknown as number)),
    'a system error': thrownBy(() => process.chdir('/no such folder')),
    'an invalid URL': thrownBy(() => new URL('::')),
    'a DOMException': new DOMException('gone', 'AbortError'),
    'an abort': thrownBy(() => { AbortSignal.abort().throwIfAborted(); }),
    'an error of ours': new CapriccioError('CAP_ERR_OVERLOADED', 'busy', { retryAfterMs: 20 }),
    'another of ours': new CapriccioError('CAP_ERR_WORKER_LOST', 'lost', { started: false }),
  };

  test.each(Object.entries(errors))('%s keeps class, name, message, code, text and fields', (_name, error) => {
    const rebuilt = crossError(error);
    expect(Object.getPrototypeOf(rebuilt).constructor.name).toBe(error.constructor.name);
    expect([rebuilt.name, rebuilt.message, rebuilt['code'], String(rebuilt)]).toEqual([error.name, error.message, (error as Fields)['code'], String(error)]);
    expect({ ...rebuilt }).toEqual({ ...error });
    expect(rebuilt.stack).toBe(error.stack);
    for (const errorClass of [TypeError, RangeError, SyntaxError, DOMException, CapriccioError]) expect(rebuilt instanceof errorClass).toBe(error instanceof errorClass);
  });

  test('ours are told by their code whichever copy of the package made them', () => {
    class CapriccioErrorOfAnotherCopy extends Error { override name = 'CapriccioError'; code = 'CAP_ERR_CLOSED'; }
    Object.defineProperty(CapriccioErrorOfAnotherCopy, 'name', { value: 'CapriccioError' });
    const rebuilt = crossError(new CapriccioErrorOfAnotherCopy('closed'));
    expect(rebuilt).toBeInstanceOf(CapriccioError);
    expect([rebuilt['code'], rebuilt.name]).toEqual(['CAP_ERR_CLOSED', 'CapriccioError']);
  });

  test('an error of another realm becomes one of this', () => {
    expect(crossError(runInContext('new RangeError("far")', createContext({})))).toBeInstanceOf(RangeError);
  });
});

describe("a user's errors", () => {
  class HttpError extends TypeError {
    override name = 'HttpError';
    readonly status: number;
    readonly handler = (): number => 1;
    constructor(message: string, status: number) { super(message); this.status = status; }
  }
  class NotFound extends HttpError {
    readonly where = { path: '/x', tried: new Map([[1, new Date(0)]]) };
    get late(): string { return 'not own'; }
  }

  test('come as a class of their name over the nearest built-in, with what can be cloned', () => {
    const rebuilt = crossError(new NotFound('missing', 404));
    expect([rebuilt.constructor.name, rebuilt.name, rebuilt.message, rebuilt['status']]).toEqual(['NotFound', 'HttpError', 'missing', 404]);
    expect(String(rebuilt)).toBe('HttpError: missing');
    expect(rebuilt).toBeInstanceOf(TypeError);
    expect(rebuilt['where']).toEqual({ path: '/x', tried: new Map([[1, new Date(0)]]) });
    expect(Object.keys(rebuilt)).toEqual(['name', 'status', 'where']);
    expect(crossError(new NotFound('again', 404)).constructor).toBe(rebuilt.constructor);
  });

  test('keep a toString of their own, and a name on the prototype', () => {
    class Quiet extends Error { override toString(): string { return 'hush'; } }
    Object.defineProperty(Quiet.prototype, 'name', { value: 'Silence' });
    const rebuilt = crossError(new Quiet('m'));
    expect([String(rebuilt), rebuilt.name, Object.keys(rebuilt)]).toEqual(['hush', 'Silence', []]);
  });

  test('made the old way are errors too', () => {
    function OldError(this: Error, message: string): void { this.message = message; this.name = 'OldError'; }
    OldError.prototype = Object.create(Error.prototype, { constructor: { value: OldError } });
    const made = new (OldError as unknown as new (message: string) => Error)('old');
    const rebuilt = crossError(made);
    expect([rebuilt.constructor.name, rebuilt.name, rebuilt.message]).toEqual(['OldError', 'OldError', 'old']);
  });

  test('carry causes, aggregates and cycles', () => {
    const root = Object.assign(new RangeError('root'), { code: 'E_ROOT' });
    const many = new AggregateError([root, 'text', new NotFound('inner', 404), () => 1], 'many', { cause: root });
    const outer = new Error('outer', { cause: many });
    Object.assign(root, { outer });
    const rebuilt = crossError(outer);
    const cause = rebuilt.cause as AggregateError & { cause: unknown };
    expect(cause).toBeInstanceOf(AggregateError);
    expect(cause.message).toBe('many');
    const [first, second, third, fourth] = cause.errors as Fields[];
    expect(first).toBeInstanceOf(RangeError);
    expect(first?.['code']).toBe('E_ROOT');
    expect(first?.['outer']).toBe(rebuilt);
    expect(cause.cause).toBe(first);
    expect(second).toBe('text');
    expect(third?.constructor.name).toBe('NotFound');
    expect(fourth?.message).toBe('a function was thrown, which cannot be cloned');
    expect(Object.keys(rebuilt)).toEqual([]);
    const suppressed = crossError(new SuppressedError(new TypeError('late'), 'early', 'both'));
    expect([(suppressed['error'] as Error).message, suppressed['suppressed']]).toEqual(['late', 'early']);
  });

  test('are bounded', () => {
    let chain = new Error('end');
    for (let k = 0; k < 5_000; k++) chain = new Error(`e${k}`, { cause: chain });
    let length = 0;
    for (let at: unknown = cross(chain); at instanceof Error; at = at.cause) length++;
    expect(length).toBe(100);
    const wide = Object.assign(new Error('m'.repeat(1e7)), Object.fromEntries(Array.from({ length: 1_000 }, (_, k) => [`k${k}`, k])));
    const rebuilt = crossError(wide);
    expect(rebuilt.message.length).toBe(65_536);
    expect(Object.keys(rebuilt).length).toBe(64);
    const heavy = Object.assign(new Error('m'), { text: 'x'.repeat(1e7), bytes: new Uint8Array(1e7), list: Array.from({ length: 1e5 }, (_, k) => k) });
    expect(codec.encoder.encode(describeFailure(heavy), 'failure')).toBeLessThan(1e6);
    expect(Object.keys(crossError(heavy))).toEqual(['text']);
  });
});

describe('stacks', () => {
  test('are those of both sides, with a line between', () => {
    const error = new Error('far');
    const caller = { stack: new Error('here').stack as string, where: 'main' };
    const lines = (crossError(error, caller).stack as string).split('\n');
    const own = (error.stack as string).split('\n');
    expect(lines.slice(0, own.length)).toEqual(own);
    expect(lines[own.length]).toBe('    at --- in main, called by ---');
    expect(lines.slice(own.length + 1)).toEqual(caller.stack.split('\n').slice(1));
    expect(lines.every((line, k) => k === 0 || /^ {4}at /.test(line))).toBe(true);
  });

  test('of causes stay as they are', () => {
    const rebuilt = crossError(new Error('a', { cause: new Error('b') }), { where: 'worker 2' });
    expect(rebuilt.stack).toMatch(/--- in worker 2, called by ---$/);
    expect((rebuilt.cause as Error).stack).not.toMatch(/called by/);
  });

  test('are not enumerable and no part of what is cloned twice', () => {
    const rebuilt = crossError(new Error('a'), { where: 'main' });
    expect(Object.keys(rebuilt)).toEqual([]);
    expect(crossError(rebuilt).stack).toBe(rebuilt.stack);
  });
});

describe('what is no error', () => {
  test('crosses as itself', () => {
    const shared = new SharedArrayBuffer(4);
    for (const thrown of ['text', undefined, null, 0, -0, 5n, true, { code: 1, list: [1, 2] }, new Map([[1, 2]]), shared]) expect(cross(thrown)).toEqual(thrown);
    const proxied = { a: [1] };
    expect(cross({ proxied, again: proxied })).toEqual({ proxied, again: proxied });
  });

  test('and cannot be cloned is told in an error', () => {
    expect(crossError(() => 1).message).toBe('a function was thrown, which cannot be cloned');
    expect(crossError(Symbol('mark')).message).toBe('a symbol, Symbol(mark), was thrown, which cannot be cloned');
    expect(crossError(new Proxy(new Error('x'), {})).message).toBe('a proxy was thrown, which cannot be cloned');
    expect(crossError(new Blob([])).message).toBe('an object (Blob) was thrown, which cannot be cloned');
    expect(crossError({ run: () => 1 }).message).toBe('an object (Object) was thrown, which cannot be cloned');
  });
});

describe('hostile errors', () => {
  const boom = (): never => { throw new Error('boom'); };
  const hostile: Record<string, () => unknown> = {
    'getters that throw': () => Object.defineProperties(new Error('x'), Object.fromEntries(['name', 'message', 'stack', 'code', 'cause', 'errors', 'constructor', 'extra'].map((key) => [key, { get: boom, enumerable: true }]))),
    'texts that are symbols': () => Object.assign(new Error('x'), { name: Symbol('n'), message: Symbol('m'), stack: Symbol('s') }),
    'toString that throws': () => Object.assign(new Error('x'), { toString: boom, message: { toString: boom } }),
    'a class whose name throws': () => { class A extends Error {} Object.defineProperty(A, 'name', { get: boom }); return new A('x'); },
    'a prototype that is a proxy': () => Object.setPrototypeOf(new Error('x'), new Proxy({}, { get: boom, getPrototypeOf: boom, getOwnPropertyDescriptor: boom, ownKeys: boom })),
    'a plain object over a hostile proxy': () => Object.create(new Proxy({}, { get: boom, getPrototypeOf: boom })),
    'no prototype': () => Object.setPrototypeOf(new Error('x'), null),
    'a revoked proxy': () => { const { proxy, revoke } = Proxy.revocable(new Error('x'), {}); revoke(); return proxy; },
    'properties that are proxies': () => Object.assign(new Error('x'), { a: new Proxy({}, { ownKeys: boom }), cause: new Proxy(new Error('y'), { get: boom }) }),
    'frozen': () => Object.freeze(Object.assign(new TypeError('x'), { a: 1 })),
    'keys of the language': () => Object.assign(new Error('x'), JSON.parse('{"__proto__": {"a": 1}, "constructor": 1, "toString": 2, "stack": "s", "name": ""}')),
    'a DOMException over nothing': () => Object.create(DOMException.prototype),
    'a bad code of ours': () => Object.assign(new Error('x'), { name: 'CapriccioError', code: 'CAP_ERR_DEADLINE', retryAfterMs: {} }),
    'a getter that adds properties': () => Object.defineProperty(new Error('x'), 'grow', { enumerable: true, get(this: Fields) { this[`n${Object.keys(this).length}`] = 1; return 1; } }),
  };

  test.each(Object.entries(hostile))('with %s end in an error', (_name, make) => {
    expect(crossError(make(), { where: 'main', stack: 'no frames' }).stack).toMatch(/--- in main, called by ---$/);
  });

  test('keep what can be read', () => {
    const rebuilt = crossError((hostile['getters that throw'] as () => unknown)());
    expect([rebuilt.constructor.name, rebuilt.name, Object.keys(rebuilt)]).toEqual(['Error', 'Error', []]);
    const proxied = crossError((hostile['properties that are proxies'] as () => unknown)());
    expect([proxied.message, Object.keys(proxied)]).toEqual(['x', []]);
    expect(crossError((hostile['frozen'] as () => unknown)())).toMatchObject({ message: 'x', a: 1 });
  });

  test('of any make never throw', () => {
    const anything = fc.anything({ withBigInt: true, withMap: true, withNullPrototype: true, withSparseArray: true });
    const keys = fc.constantFrom('name', 'message', 'stack', 'cause', 'errors', 'code', 'constructor', '__proto__', 'toString', 'extra');
    const errors = fc.tuple(fc.constantFrom(Error, TypeError, AggregateError, DOMException, CapriccioError), fc.array(fc.tuple(keys, anything, fc.boolean()), { maxLength: 6 })).map(([ErrorClass, properties]) => {
      const error = Reflect.construct(ErrorClass as ErrorConstructor, ErrorClass === AggregateError as unknown ? [[], 'm'] : ['m', 'n']) as object;
      for (const [key, value, isGetter] of properties) Object.defineProperty(error, key, { configurable: true, enumerable: true, ...(isGetter ? { get: () => value } : { value }) });
      return error;
    });
    fc.assert(fc.property(fc.oneof(errors, anything), (thrown) => { cross(thrown, { where: 'main' }); }), { numRuns: 2_000 });
    for (const record of [undefined, null, 5, {}, { kind: 'error' }, { kind: 'error', fields: 7, baseName: 'AggregateError' }]) expect(rebuildFailure(record as never, {})).toBeInstanceOf(Error);
  });
});
