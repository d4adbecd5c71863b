/** Calls of remote functions: which modules and names, which arguments and results, by value and by reference, and what is refused. */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { threadId } from 'node:worker_threads';
import { createPool, type Pool, type Remote } from 'capriccio';
import { afterAll, beforeAll, describe, expectTypeOf, test } from 'vitest';
import { fixture, poolFor, rejection, soon, thrown } from './rig.ts';

type Values = typeof import('../../fixtures/core/values.ts');
let pool: Pool;
let values: Remote<Values>;
beforeAll(async () => {
  pool = await createPool(2);
  values = pool.module<Values>(fixture('values.ts'));
});
afterAll(async () => { await pool.close({ graceMs: 0 }); });

describe('modules', () => {
  test('a TypeScript module is typed and runs on another thread', async () => {
    const sum = values.add(1, 2);
    expectTypeOf(sum).toEqualTypeOf<Promise<number>>();
    assert.equal(await sum, 3);
    assert.notEqual(await values.where(), threadId);
    // @ts-expect-error a text is no number
    await values.add('1', 2);
    assert.equal('notAFunction' in ({} as Remote<Values>), false);
  });

  test('what is given back is a native promise', () => {
    const promise = values.add(1, 2);
    assert.equal(Object.getPrototypeOf(promise), Promise.prototype);
    assert.equal(promise.constructor, Promise);
    return promise;
  });

  test.each([
    ['kinds/typed.ts', 'default', ['you'], 'ts you'],
    ['kinds/plain.js', 'add', [1, 2], 3],
    ['kinds/esm.mjs', 'add', [1, 2], 3],
    ['kinds/esm.mjs', 'later', ['x'], 'x'],
    ['kinds/esm.mjs', 'default', ['you'], 'mjs you'],
    ['kinds/common.cjs', 'add', [1, 2], 3],
    ['kinds/common.cjs', 'computed', [4], 8],
    ['kinds/common.cjs', 'default', ['you'], 'cjs you'],
    ['kinds/single.cjs', 'default', ['you'], 'single you'],
    ['kinds/single.cjs', 'helper', [1], 2],
    ['kinds/commonjs/old.js', 'add', [1, 2], 3],
    ['kinds/commonjs/old.js', 'directory', [], fileURLToPath(fixture('kinds/commonjs'))],
  ])('%s#%s', async (file, name, args, expected) => {
    const module = pool.module<Record<string, (...args: unknown[]) => unknown>>(fixture(file));
    assert.deepEqual(await module[name]!(...args), expected);
  });

  test('a source that a build has replaced stands for its JavaScript', async () => {
    const built = pool.module<{ add(a: number, b: number): number; file(): string }>(fixture('kinds/built/module.ts'));
    assert.equal(await built.add(1, 2), 3);
    assert.equal(await built.file(), 'module.js');
  });

  test.each([
    ['a URL', (): string | URL => fixture('values.ts')],
    ['file: text', (): string => fixture('values.ts').href],
    ['an absolute path', (): string => fileURLToPath(fixture('values.ts'))],
  ])('%s names a module', async (_, given) => {
    assert.equal(await pool.module<Values>(given()).add(2, 3), 5);
    assert.equal(await pool.run<string>(given(), 'you', 2), 'hello youhello you');
  });

  test('the same module is the same object, with the same functions', () => {
    assert.equal(pool.module(fixture('values.ts')), pool.module(fixture('values.ts').href));
    assert.equal(values.add, values.add);
  });

  test('a package name, if it can be resolved from there, names its module', async () => {
    const path = pool.module<typeof import('node:path')>('node:path');
    assert.equal(await path.basename('/a/b.txt'), 'b.txt');
  });

  test.each(['./values.ts', '../values.ts', 'values.ts', ''])('%j, relative to nothing, is refused at once', (given) => {
    assert.equal(thrown(() => pool.module(given)).code, 'CAP_ERR_OPTION');
    assert.equal(thrown(() => pool.run(given)).code, 'CAP_ERR_OPTION');
  });
  test.each([undefined, null, 7, {}])('%j is no module', (given) => {
    assert.equal(thrown(() => pool.module(given as never)).code, 'CAP_ERR_OPTION');
  });
  test('text that looks like a URL and is none is refused at once', () => {
    assert.equal(thrown(() => pool.module('http://')).code, 'CAP_ERR_OPTION');
    assert.equal(thrown(() => pool.module('file://elsewhere/x.ts')).code, 'CAP_ERR_OPTION');
  });

  test('a module that is not there rejects, naming the module and the export', async () => {
    const error = await rejection(pool.module<{ f(): void }>(fixture('not-there.ts')).f());
    assert.equal(error.code, 'CAP_ERR_MODULE');
    assert.match(error.message, /not-there\.ts/);
    assert.match(error.message, /\bf\b/);
    const run = await rejection(pool.run(fixture('not-there.ts')));
    assert.equal(run.code, 'CAP_ERR_MODULE');
    assert.match(run.message, /not-there\.ts.*default/s);
  });
  test('a module that imports what is not there rejects, and says which', async () => {
    const error = await rejection(pool.module<{ use(): void }>(fixture('kinds/imports-missing.ts')).use());
    assert.equal(error.code, 'CAP_ERR_MODULE');
    assert.match(error.message, /imports-missing\.ts.*use.*not-there\.ts/s);
  });
  test('a module that throws while it loads rejects with what it threw as the cause', async () => {
    const error = await rejection(pool.module<{ never(): void }>(fixture('kinds/broken.ts')).never());
    assert.equal(error.code, 'CAP_ERR_MODULE');
    assert.match(error.message, /broken\.ts.*never.*broken on purpose/s);
    assert.equal((error.cause as Error).message, 'broken on purpose');
  });
  test('an export that is not there rejects, naming the module, the export, and what there is', async () => {
    const wrong = values as unknown as { ad(a: number, b: number): Promise<number> };
    const error = await rejection(wrong.ad(1, 2));
    assert.equal(error.code, 'CAP_ERR_MODULE');
    assert.match(error.message, /values\.ts.*\bad\b.*\badd\b/s);
  });
  test('an export that is no function rejects', async () => {
    const wrong = values as unknown as { notAFunction(): Promise<void> };
    const error = await rejection(wrong.notAFunction());
    assert.equal(error.code, 'CAP_ERR_MODULE');
    assert.match(error.message, /notAFunction.*object/s);
  });
  test('an exported class rejects: it cannot be called', async () => {
    const wrong = values as unknown as { Point(x: number): Promise<unknown> };
    const error = await rejection(wrong.Point(1));
    assert.match(error.message, /Point/);
    assert.match(error.message, /class|new/i);
  });
  test('an export may have the name of a method that objects are asked for', async () => {
    const util = pool.module<{ inspect(value: unknown): string }>('node:util');
    assert.equal(await util.inspect([1]), '[ 1 ]');
  });
  test('names of Object.prototype are no exports', async () => {
    const wrong = values as unknown as Record<string, () => Promise<unknown>>;
    for (const name of ['hasOwnProperty', 'valueOf', '__proto__', 'isPrototypeOf']) {
      const fn = wrong[name];
      if (fn !== undefined) assert.equal((await rejection(fn())).code, 'CAP_ERR_MODULE', name);
    }
  });
  test('a remote module is not thenable, so it can be given by an async function', async () => {
    const given = await (async () => values)();
    assert.equal(given, values);
  });
});

describe('arguments and results', () => {
  test('any number of arguments', async () => {
    for (const count of [0, 1, 2, 3, 4, 5, 8, 17, 100]) {
      assert.equal(await values.count(...Array.from({ length: count }, (_, k) => k)), count);
      assert.equal(await values.count(...Array.from({ length: count }, () => undefined)), count);
      assert.equal(await values.count(...Array.from({ length: count }, (_, k) => `text ${k}`)), count);
    }
  });
  test('a default applies where an argument is left out', async () => {
    assert.equal(await pool.run<string>(fixture('values.ts'), 'a'), 'hello a');
    assert.equal(await pool.run<string>(fixture('values.ts'), 'a', undefined), 'hello a');
  });
  test('no result is undefined', async () => { assert.equal(await values.nothing(), undefined); });

  const sparse = [1];
  sparse[2] = 3;
  const circular: Record<string, unknown> = { name: 'circle' };
  circular['self'] = circular;
  const date = new Date(1_700_000_000_000);
  test.each<[string, unknown]>([
    ['undefined', undefined], ['null', null], ['true', true], ['false', false],
    ['zero', 0], ['negative zero', -0], ['NaN', NaN], ['Infinity', Infinity], ['an integer', 2 ** 31], ['a large integer', 2 ** 53 - 1], ['a fraction', 0.1], ['the least number', Number.MIN_VALUE],
    ['a bigint', 2n ** 100n], ['a negative bigint', -5n],
    ['empty text', ''], ['text', 'hello'], ['long text', 'hello '.repeat(1000)], ['text beyond Latin-1', 'grüße 你好 🎉'], ['a lone surrogate', '\ud800'], ['NUL', 'a\0b'],
    ['an empty array', []], ['a sparse array', sparse], ['a nested array', [[1, [2, [3]]]]],
    ['an empty object', {}], ['an object', { a: 1, b: 'two', c: [3], d: { e: null, f: undefined } }], ['odd keys', { '': 1, 'a b': 2, 0: 3, 'ü': 4 }],
    ['a date', date], ['a regular expression', /a(?<b>c)/giu], ['a map', new Map<unknown, unknown>([[1, 'one'], [{ k: 1 }, new Map([[2, 3]])]])], ['a set', new Set([1, 'two', date])],
    ['bytes', new Uint8Array([1, 2, 3])], ['floats', new Float64Array([0.5, -0, NaN])], ['big integers', new BigInt64Array([1n, -1n])], ['a buffer', new Uint8Array([5, 6]).buffer],
    ['a view into a buffer', new Uint8Array(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2)], ['a DataView', new DataView(new ArrayBuffer(8), 2, 4)],
    ['a boxed number', Object(7)], ['a cycle', circular], ['depth', Array.from({ length: 500 }).reduce<unknown>((inner) => ({ inner }), 'bottom')],
  ])('%s arrives as it was, alone and among others', async (_, value) => {
    assert.deepEqual(await values.echo(value), value);
    assert.deepEqual(await values.all(value, 1, value), [value, 1, value]);
  });

  test('an error as a value keeps its class and message', async () => {
    const error = await values.echo(new RangeError('as a value'));
    assert.ok(error instanceof RangeError);
    assert.equal(error.message, 'as a value');
  });
  test('one object twice is one object there', async () => {
    const one = { n: 1 };
    const [a, b] = await values.all(one, one) as [unknown, unknown];
    assert.equal(a, b);
  });
  test('a class instance arrives as plain data, as structured clone has it', async () => {
    const point = await values.makePoint();
    assert.deepEqual(point, { x: 3 });
    assert.equal(Object.getPrototypeOf(point), Object.prototype);
    class Local { a = 1; }
    assert.equal(await values.isPlain(new Local()), true);
  });
  test('a getter is read, once, when the call is made', async () => {
    let reads = 0;
    assert.deepEqual(await values.echo({ get n() { return ++reads; } }), { n: 1 });
    assert.equal(reads, 1);
  });
  test('Node buffers arrive as bytes', async () => {
    const given = Buffer.from('bytes');
    const got = await values.echo(given) as Uint8Array;
    assert.equal(Buffer.from(got).toString(), 'bytes');
  });

  test('many calls at once, of two functions', async () => {
    const results = await Promise.all(Array.from({ length: 5000 }, (_, k) => k % 2 === 0 ? values.increment(k) : values.add(k, k)));
    results.forEach((result, k) => { assert.equal(result, k % 2 === 0 ? k + 1 : 2 * k); });
  });
  test('100,000 calls at once are all answered', async () => {
    const results = await soon(Promise.all(Array.from({ length: 100_000 }, (_, k) => values.increment(k))), '100,000 answers', 25_000);
    assert.equal(results.length, 100_000);
    for (let k = 0; k < results.length; k++) if (results[k] !== k + 1) assert.fail(`call ${k} gave ${results[k]}`);
    assert.equal(pool.stats().calls.outstanding, 0);
  });
  test('sizes of every class pass through the smallest region', async () => {
    const small = await poolFor({ cores: 1, memory: { slots: 16, payloadBytes: 65_536 } });
    const { echo } = small.module<Values>(fixture('values.ts'));
    const given = Array.from({ length: 300 }, (_, k) => ({ k, text: 'x'.repeat(k % 2000) }));
    assert.deepEqual(await Promise.all(given.map((value) => echo(value))), given);
  });
  test('more calls than there are slots and blocks, with objects, are all answered', async () => {
    const small = await poolFor({ cores: 1, memory: { slots: 16, payloadBytes: 2 ** 20 } });
    const { echo } = small.module<Values>(fixture('values.ts'));
    const given = Array.from({ length: 3000 }, (_, k) => ({ k, text: 'x'.repeat(k % 2000) }));
    assert.deepEqual(await Promise.all(given.map((value) => echo(value))), given);
  });
  test('work is shared: two workers take part', async () => {
    const ids = new Set(await Promise.all(Array.from({ length: 40 }, () => values.burn(2))));
    assert.equal(ids.size, 2);
  });
});

describe('by value', () => {
  test('a change of an argument after the call is not seen', async () => {
    const given = { n: 1, list: [1], text: 'x'.repeat(100) };
    const calls = Array.from({ length: 20 }, () => values.echo(given));
    given.n = 2;
    given.list.push(2);
    for (const got of await Promise.all(calls)) assert.deepEqual(got, { n: 1, list: [1], text: 'x'.repeat(100) });
  });
  test('nor while it waits for a slot', async () => {
    const small = await poolFor({ cores: 1, memory: { slots: 16 } });
    const { echo } = small.module<Values>(fixture('values.ts'));
    const given = { n: 0 };
    const calls = Array.from({ length: 200 }, (_, k) => { given.n = k; return echo(given); });
    given.n = -1;
    assert.deepEqual((await Promise.all(calls)).map(({ n }: { n: number }) => n), Array.from({ length: 200 }, (_, k) => k));
  });
  test('a change that the callee makes is not seen here', async () => {
    const given = { n: 1, list: [1] };
    assert.equal(await values.mutate(given), 2);
    assert.deepEqual(given, { n: 1, list: [1] });
  });
  test('a result is a copy of what was there when the function ended', async () => {
    assert.deepEqual(await values.changesItsResult(), { n: 1 });
    const there = values.keep.with({ affinity: 'kept' });
    const first = await there();
    await values.changeKept.with({ affinity: 'kept' })();
    assert.deepEqual(first, { list: [1, 2, 3] });
    assert.deepEqual(await there(), { list: [1, 2, 3, 4] });
  });
  test('calls from a thread, in its own worker or not, are by value too', async () => {
    const got = await values.mutateAfterNestedCall();
    const anySame = got.pop();
    const given = got.pop();
    assert.deepEqual(given, { n: 2, list: [1, 2] });
    for (const one of got) assert.deepEqual(one, { n: 1, list: [1] });
    assert.equal(anySame, false);
    assert.deepEqual(await values.calleeMutates(), { n: 1, list: [1] });
  });
});
