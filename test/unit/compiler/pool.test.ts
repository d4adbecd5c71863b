/** Compiled code in a pool's workers: how it gets there, and what its threads see. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPool, type Pool } from 'capriccio';

const url = new URL('../../fixtures/compiler/tasks.ts', import.meta.url);
type Tasks = typeof import('../../fixtures/compiler/tasks.ts');
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'capriccio-test-'));
const write = (name: string, text: string): URL => {
  const file = path.join(folder, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
  return pathToFileURL(file);
};

let pool: Pool;
beforeAll(async () => { process.env['CAPRICCIO_CACHE'] = path.join(folder, 'cache'); pool = await createPool(1); });
afterAll(async () => {
  await pool.close();
  delete process.env['CAPRICCIO_CACHE'];
  fs.rmSync(folder, { recursive: true, force: true });
});
const tasks = (): ReturnType<typeof pool.module<Tasks>> => pool.module<Tasks>(url);

describe('threads', () => {
  test('functions and methods are compiled, and give what they give natively', async () => {
    assert.deepEqual(await tasks().compiledOnes(), [true, true, true, false]);
    assert.equal(await tasks().sum('a', 'b', 'c'), 3);
    assert.equal(await tasks().atOnce(5), 5);
    assert.equal(await tasks().nameOfThread(), 'nameOfThread');
    assert.equal(await tasks().promiseOf('p'), 'p');
  });

  test('awaits that end at once do not keep timers waiting', async () => { assert.equal(await tasks().spins(), 'many turns'); });

  test('a cancellation reaches the innermost await, whatever it waits for, and finally blocks may wait', async () => {
    const shared = new SharedArrayBuffer(4);
    const words = new Int32Array(shared);
    const thread = tasks().waitsFor.spawn(shared);
    while (Atomics.load(words, 0) !== 1) await new Promise((resolve) => { setTimeout(resolve, 1); });
    thread.cancel('enough');
    await assert.rejects(thread.join(), { code: 'CAP_ERR_CANCELLED' });
    assert.equal(words[0], 2);
  });

  test('stores of AsyncLocalStorage are those of native code, over every wait', async () => {
    const native = await createPool({ cores: 1, compile: false });
    const expected = await native.module<Tasks>(url).contexts();
    await native.close();
    assert.deepEqual(await tasks().contexts(), expected);
    assert.deepEqual(expected, [undefined, 'x', undefined, 'entered', 'entered', 'later', 'p', 'q', 'later']);
    assert.deepEqual(await tasks().switches(), []);
  });
});

describe('stack traces', () => {
  const text = fs.readFileSync(url, 'utf8').split('\n');
  const place = (line: string, word: string): string => {
    const at = text.findIndex((one) => one.includes(line));
    return `tasks.ts:${at + 1}:${(text[at] as string).indexOf(word) + 1}`;
  };
  const framesOf = (stack: string): string[] => stack.split('\n').slice(1).filter((line) => line.startsWith('    at ')).map((line) => line.trim().replace(/\(?file:.*\//, ''). replace(/\)$/, ''));
  const callers = [`at async middle ${place('at column 18', 'await')}`, `at async outermost ${place('return await middle', 'await')}`];

  test.each([
    ['thrown at once, with callers that have waited', 'at once', [`at innermost ${place("how === 'at once'", 'new Range')}`, `at middle ${place('at column 18', 'innermost')}`, callers[1]]],
    ['thrown after a wait, with callers on the heap', 'late', [`at innermost ${place('  throw new RangeError', 'new Range')}`, ...callers]],
    ['thrown by what is awaited natively', 'native', ['nativeOne', `at async innermost ${place("how === 'native'", 'await native')}`, ...callers]],
  ])('%s: every caller, with line and column, and no frame of the runtime', async (_name, how, expected) => {
    const { stack = '' } = await tasks().outermost(how).then(() => assert.fail('it throws'), (error: Error) => error);
    const frames = framesOf(stack.slice(0, stack.indexOf('    at --- in worker')));
    if (how === 'native') frames[0] = frames[0]?.includes('nativeOne') === true ? 'nativeOne' : String(frames[0]);
    assert.deepEqual(frames, expected, stack);
  });

  test('of functions that need no frame, and of guards: as natively, called by compiled code and by others', async () => {
    const file = write('heads.mjs', `export async function plain() {
  throw new Error('plain');
}
export async function guarded(x) {
  if (x) throw new Error('guard');
  await null;
}
class C {
  async m(x) { if (x) throw new Error('method'); await null; }
}
const stack = (e) => e.stack;
export async function all() {
  const stacks = [await plain().catch(stack), await guarded(1).catch(stack), await new C().m(1).catch(stack)];
  try { await plain(); } catch (e) { stacks.push(e.stack); }
  try { await guarded(1); } catch (e) { stacks.push(e.stack); }
  try { await new C().m(1); } catch (e) { stacks.push(e.stack); }
  return stacks;
}`);
    const framesIn = async (of: Pool): Promise<string[][]> => (await (of.module(file) as unknown as { all: () => Promise<string[]> }).all()).map((stack) => framesOf(stack).filter((frame) => frame.includes('heads.mjs')));
    await using native = await createPool({ cores: 1, compile: false });
    const expected = await framesIn(native);
    assert.deepEqual(await framesIn(pool), expected);
    assert.deepEqual(expected.map(({ length }) => length), [2, 2, 2, 2, 2, 2]);
  });

  test('read where it is caught, while callers wait', async () => {
    const stack = await tasks().outermost('caught');
    assert.deepEqual(framesOf(stack), [`at innermost ${place('try { throw new RangeError', 'new Range')}`, ...callers], stack);
  });
});

describe('files', () => {
  const marked = 'const isCompiled = (fn) => Symbol.for("capriccio.twin") in fn;';
  test.each([
    ['esm.mjs', `${marked} export async function f(x) { return [isCompiled(f), await g(x)] } async function g(x) { await 1; return x }`],
    ['common.cjs', `'use strict'; ${marked} exports.f = async (x) => [isCompiled(exports.f), await g(x)]; async function g(x) { await 1; return x }`],
    ['typed.ts', `${marked.replace('fn)', 'fn: object)')} export async function f(x: number): Promise<unknown> { return [isCompiled(f), await g(x)] } async function g(x: number) { await 1; return x }`],
    ['typed.mts', `${marked.replace('fn)', 'fn: object)')} export async function f(x: number): Promise<unknown> { return [isCompiled(f), await g(x)] } async function g(x: number) { await 1; return x }`],
    ['typed.cts', `${marked.replace('fn)', 'fn: object)')} exports.f = async (x: number): Promise<unknown> => [isCompiled(exports.f), await g(x)]; async function g(x: number) { await 1; return x }`],
    ['enums.ts', `${marked.replace('fn)', 'fn: object)')} enum E { one = 1 } class P { constructor(private x: number) {} async get() { await E.one; return this.x } } export async function f(x: number): Promise<unknown> { return [isCompiled(f), await new P(x).get()] }`],
    ['plain.js', `${marked} export async function f(x) { return [isCompiled(f), await g(x)] } async function g(x) { await 1; return x }`],
  ])('%s', async (name, source) => {
    const file = write(name, source);
    assert.deepEqual(await (pool.module(file) as unknown as { f: (x: number) => Promise<unknown> }).f(7), [true, 7]);
  });

  test('CommonJS that requires CommonJS, and that is required by ESM', async () => {
    write('lib.cjs', `${marked} exports.g = async (x) => { await 1; return [x, isCompiled(exports.g)] };`);
    const file = write('requires.mjs', 'import { createRequire } from "node:module"; import lib from "./lib.cjs"; export async function f(x) { return [await lib.g(x), createRequire(import.meta.url)("./lib.cjs") === lib] }');
    assert.deepEqual(await (pool.module(file) as unknown as { f: (x: number) => Promise<unknown> }).f(7), [[7, true], true]);
  });

  test('import.meta and new.target keep their meaning', async () => {
    const file = write('meta.mjs', 'export const f = async (x) => { await 1; return import.meta.url === x };');
    assert.equal(await (pool.module(file) as unknown as { f: (x: string) => Promise<unknown> }).f(file.href), true);
  });

  test('a package is left as it is unless it is named', async () => {
    const packaged = write('node_modules/some/index.mjs', `${marked} export async function f() { await 1; return isCompiled(f) }`);
    const f = (of: Pool): Promise<boolean> => (of.module(packaged) as unknown as { f: () => Promise<boolean> }).f();
    assert.equal(await f(pool), false);
    await using named = await createPool({ cores: 1, compile: { include: ['some'], exclude: [/never/] } });
    assert.equal(await f(named), true);
    await using excluded = await createPool({ cores: 1, compile: { include: ['some'], exclude: [path.join(folder, '**/index.mjs')] } });
    assert.equal(await f(excluded), false);
  });

  test('a file that Node refuses is refused as without the compiler, and its place is told', async () => {
    await using native = await createPool({ cores: 1, compile: false });
    for (const [name, source] of [['broken.mjs', 'export async function f() { await }'], ['worse.ts', 'export async function f(: { await 1 }'], ['twice.mjs', 'let a; let a; export async function f() { await 1 }'], ['bare.mjs', '\nexport default {\n'], ['cut.ts', 'let a = 1;\nexport default {\n']] as const) {
      const file = write(name, source);
      const messageOf = (of: Pool): Promise<string> => (of.module(file) as unknown as { f: () => Promise<unknown> }).f().then(() => 'it loads', (error: Error) => `${error.message} ${(error.cause as Error).name}`);
      const message = await messageOf(pool);
      const [, place = ''] = / \((file:.*?)\)(?= \w+$)/.exec(message) ?? [];
      assert.equal(message.replace(` (${place})`, ''), await messageOf(native));
      assert.equal(place, `${file.href}:${{ 'broken.mjs': '1:35', 'worse.ts': '1:25', 'twice.mjs': '1:12', 'bare.mjs': '3:1', 'cut.ts': '2:17' }[name]}`);
    }
  });
});

describe('the cache', () => {
  const program = (n: number): string => `export async function f() { await 1; return ${n} }`;
  const call = (of: Pool, file: URL): Promise<unknown> => (of.module(file) as unknown as { f: () => Promise<unknown> }).f();
  const entries = (): string[] => fs.readdirSync(path.join(folder, 'cache'));

  test('holds what was compiled; what is damaged or unreadable in it is a miss', async () => {
    const file = write('cached.mjs', program(1));
    const before = new Set(entries());
    await using first = await createPool(1);
    assert.equal(await call(first, file), 1);
    const made = entries().filter((name) => !before.has(name));
    expect(made).toHaveLength(1);
    const entry = path.join(folder, 'cache', made[0] as string);
    const whole = fs.readFileSync(entry, 'utf8');
    fs.writeFileSync(entry, whole.replaceAll('return 1', 'return 2'));
    await using second = await createPool(1);
    assert.equal(await call(second, file), 2, 'it is taken from the cache');
    for (const damage of ['', whole.slice(0, 40), 'x'.repeat(1000), whole.slice(0, -1)]) {
      fs.writeFileSync(entry, damage);
      await using other = await createPool(1);
      assert.equal(await call(other, file), 1, JSON.stringify(damage.slice(0, 20)));
    }
  });

  test('a directory that cannot be written is no error', async () => {
    const file = write('uncached.mjs', program(3));
    const not = write('not-a-directory', '');
    await using other = await createPool({ cores: 1, env: { ...process.env, CAPRICCIO_CACHE: not.pathname } });
    assert.equal(await call(other, file), 3);
    await using off = await createPool({ cores: 1, env: { ...process.env, CAPRICCIO_CACHE: '0' } });
    assert.equal(await call(off, file), 3);
  });
});

test('a rejection that nobody handles is reported as ever', async () => {
  const file = write('unhandled.mjs', 'async function fails() { await 1; throw new Error("nobody hears") } export async function f() { fails(); await new Promise((r) => setTimeout(r, 50)); return "went on" }');
  await using own = await createPool(1);
  const lost = once(own, 'lost');
  await assert.rejects((own.module(file) as unknown as { f: () => Promise<unknown> }).f(), { code: 'CAP_ERR_WORKER_LOST' });
  assert.match((await lost as [{ reason: string }])[0].reason, /nobody hears/);
});

test('a compiled request handler runs as the frames of its request: at once, after waits, with errors, and cancelled at an await that nobody else ends', async () => {
  await using own = await createPool(1);
  await using server = await own.serve(new URL('../../fixtures/compiler/app.ts', import.meta.url), { port: 0 });
  const get = (pathname: string): Promise<string> => fetch(server.url + pathname).then((response) => response.text());
  assert.equal(await get('/once'), 'at once');
  assert.equal(await get('/name'), 'GET /name');
  assert.match(await get('/throws'), /Internal Server Error/);
  const controller = new AbortController();
  const gone = fetch(`${server.url}/waits`, { signal: controller.signal }).catch((error: Error) => error.name);
  await new Promise((resolve) => { setTimeout(resolve, 50); });
  controller.abort();
  assert.equal(await gone, 'AbortError');
  for (let tries = 0; tries < 100 && await get('/left') === ''; tries++) await new Promise((resolve) => { setTimeout(resolve, 10); });
  assert.equal(await get('/left'), 'CAP_ERR_CANCELLED');
});

test('a reader that is cancelled while it waits for a value closes its source, and does not wait for that', async () => {
  const shared = new SharedArrayBuffer(8);
  const words = new Int32Array(shared);
  const thread = tasks().readsWhatNeverComes.spawn(shared);
  for (let tries = 0; tries < 1000 && Atomics.load(words, 0) === 0; tries++) await new Promise((resolve) => { setTimeout(resolve, 5); });
  thread.cancel();
  await assert.rejects(thread.join(), { code: 'CAP_ERR_CANCELLED' });
  assert.deepEqual([...words], [1, 1]);
});
