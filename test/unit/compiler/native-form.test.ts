/** What callers that are not compiled hold of a compiled function: an async function of the engine, which runs callees' twins where they end at once. */
import assert from 'node:assert/strict';
import vm from 'node:vm';
import { describe, test } from 'vitest';
import { compile } from '@capriccio/compiler';
import '../../../packages/worker/src/compiled/runtime.ts';
import { twinOf } from '../../../packages/worker/src/compiled/twins.ts';
import { programOf, same, threeWays } from './equivalence.ts';

type Fn = (...args: unknown[]) => Promise<unknown>;
const load = (text: string, ...given: unknown[]): Record<string, Fn> => vm.compileFunction(compile(text, { file: 'program.js', kind: 'commonjs' }).code, ['later', 'log'], { filename: 'program.js' })(...given) as Record<string, Fn>;
const later = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });
const textOf = (fn: Fn): string => Function.prototype.toString.call(fn);

describe('which functions have one', () => {
  const { leaf, around, preempted, closure, object, k } = load(`
    async function leaf(x) { return await later(x) }
    async function around(x) { async function inner() { await later(); await later(); return await later(x) } return await inner() }
    async function preempted() { await later(); let s = 0; for (let k = 0; k < 1e6; k++) s += k; await s; return s }
    const closure = async (x) => { return await later(x) }, object = { async 'a b'(x) { return await later(x) } }.a
    class K { async m(x) { return await later(x) } static async s(x) { return await later(x) } }
    return { leaf, around, preempted, closure, object: { async 'a b'(x) { return await later(x) } }['a b'], k: K }`, later) as Record<string, Fn> & { k: { prototype: Record<string, Fn>; s: Fn } };
  const isNative = (fn: Fn): boolean => /await \$c_r/.test(textOf(fn));
  test('leaves, whatever form they have', () => {
    for (const fn of [leaf, closure, object, (k as unknown as { prototype: Record<string, Fn> }).prototype['m']]) {
      assert.ok(isNative(fn as Fn), textOf(fn as Fn));
      assert.ok(twinOf(fn) !== undefined);
    }
  });
  test('not what holds compiled functions, nor where a thread may be preempted, nor static methods', () => {
    for (const fn of [around, preempted, (k as unknown as { s: Fn }).s]) assert.ok(!isNative(fn as Fn), textOf(fn as Fn));
  });
  test('a class shows its methods as the language does', () => {
    const { K } = load('class K { b = 1; async m(x) { return await later(x) } async "a b"() { await later() } c() {} get d() { return 1 } } return { K }', later) as unknown as { K: { prototype: Record<string, Fn> } };
    assert.deepEqual(Object.getOwnPropertyNames(K.prototype), ['constructor', 'm', 'a b', 'c', 'd']);
    assert.deepEqual([K.prototype['m']?.name, K.prototype['m']?.length, K.prototype['a b']?.name], ['m', 1, 'a b']);
  });
});

describe('effects as natively', () => {
  test.each([
    ['this, arguments, parameters of every kind', 'const o = { async m(a, { b = 2, ...c } = {}, ...d) { await later(); return [this === o, arguments.length, a, b, Object.keys(c), d] } };', 'return [await o.m(1, { x: 3 }, 4, 5), await Promise.all([o.m(1)])]'],
    ['super, private names, new.target', 'class A { async m(x) { await later(); return x + 1 } } class B extends A { #k = 2; async m(x) { return (await super.m(x)) + await this.#p(x) } async #p(x) { await later(); return this.#k * x } }', 'const b = new B(); return [await b.m(1), await Promise.all([b.m(2), b.m(3)])]'],
    ['an expression that knows its name', 'const f = async function own(n) { await later(); return n === 0 ? typeof own : await own(n - 1) };', 'return [await f(2), f.name, await Promise.all([f(1)])]'],
    ['arrows take this and arguments from around', 'function host() { return [async () => { await later(); await later(); await later(); return [this.x, arguments.length, new.target === undefined, { arguments }.arguments.length, { arguments: 1 }.arguments] }] }', 'const [f] = host.call({ x: 1 }, 2, 3); return [await f(), await Promise.all([f(), f()])]'],
    ['defaults that throw reject', 'async function f(a = fail("x")) { await a; await later() } async function g({ a } = null) { await later() }', 'return [await Promise.all([f().catch((e) => String(e)), g().catch((e) => e.name)])]'],
    ['text over many lines', 'async function f(x) { // comment\n const s = `a\n${await later(x)}\\\nb`\n const r = /[/\\]]/g\n return s +\n r.source }', 'return [await f(1), await Promise.all([f(2)])]'],
    ['labels, try and finally, for await', 'async function f() { const out = []; a: for (const x of [1, 2, 3]) { try { for await (const y of [later(x), 5]) { if (y === 2) continue a; out.push(y); await later() } } finally { out.push(await later("f")) } } return out }', 'return [await f(), await Promise.all([f(), f()])]'],
    ['callees that are no functions', 'const o = {}; async function f(g) { try { await g(1) } catch (e) { log(e.name, e.message) } try { await o.x.y() } catch (e) { log(e.message) } try { await o.m() } catch (e) { log(e.message) } }', 'await Promise.all([f(3), f(undefined)])'],
  ])('%s', async (_name, outside, body) => {
    const { code } = await same(`${outside}\n${programOf(body)}`);
    assert.match(code, /native(?:Call|Method)|await later|\(await /);
  });
  test('ticks of a callee that waits', async () => {
    const source = `async function g(x) { await null; return x } async function h(x) { await null; return Promise.resolve(x) }\nconst ticking = async () => { for (let k = 0; k < 12; k++) { await null; log(k) } };\n${programOf('const t = ticking(); log(await g("a")); log(await h("b")); await t')}`;
    const { native, byWrappers } = await threeWays(source, false);
    assert.deepEqual(byWrappers, native);
  });
});

test('a callee that waits is called natively for a while, ever longer, and a twin that ends at once is used again', async () => {
  const runs: string[] = [];
  const { f, run } = load('let waits = true; async function f(how) { log(how); if (waits) await later(); return how } async function run(n) { const out = []; for (let k = 0; k < n; k++) out.push(await f(k)); return out } run.stop = () => { waits = false }; return { f, run }', later, (how: unknown) => { runs.push(`${String(how)} ${/^f$|^async f$/.test(callerOf()) ? 'native' : 'twin'}`); }) as { f: Fn; run: Fn & { stop(): void } };
  assert.ok(twinOf(f) !== undefined);
  assert.deepEqual(await run(12), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  assert.deepEqual(runs.filter((line) => line.endsWith('twin')), ['0 twin', '9 twin'], runs.join());
  run.stop();
  runs.length = 0;
  await run(200);
  const native = runs.filter((line) => line.endsWith('native')).length;
  assert.ok(native <= 16, runs.join());
});
/** The name of who has called `log`, as the engine knows it. */
function callerOf(): string {
  const before = Error.prepareStackTrace;
  Error.prepareStackTrace = (_error, sites) => sites.map((site) => site.getFunctionName() ?? '');
  const names = new Error('where').stack as unknown as string[];
  Error.prepareStackTrace = before;
  return names[2] ?? '';
}

test('awaits that end at once let timers have their turn', async () => {
  const { f } = load('async function noop() {} async function f(is) { let n = 0; while (!is()) { await noop(); n++ } return n } return { f }', later);
  let isOver = false;
  setTimeout(() => { isOver = true; }, 5);
  assert.ok(await (f as Fn)(() => isOver) as number > 100);
});
