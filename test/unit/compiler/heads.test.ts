/** What runs without a frame: functions that never wait, and guards before the first await. Same effects as natively, and no generator where none is needed. */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { programOf, same } from './equivalence.ts';

/** Generator functions that the generated text has beside `main`'s: those of the program, and those by which recursion through unknown functions goes on. */
const GENERATORS = /function\s*\*|[;}]\s*(?:static\s+)?\*/g;
async function generatorsOf(outside: string, body: string): Promise<number> {
  const { code } = await same(`${outside}\n${programOf(`${body}\nawait later();`)}`);
  return (code.match(GENERATORS) ?? []).length - 1;
}

describe('a function that never waits is a plain one', () => {
  test.each([
    ['a declaration', 'async function f(a, b = 2) { log("in", a, b); return a + b; }', 'return [await f(1), await f(1, 5), await Promise.all([f(2), f(3)])];'],
    ['an arrow function', 'const f = async (a) => a * 2; const g = async a => { log(a); };', 'return [await f(1), await g(2), f.name, f.length];'],
    ['an expression that knows its name', 'const f = async function own(n) { log(typeof own, n); return n; };', 'return [await f(1), f.name];'],
    ['methods, static and private', 'class C { #x = 1; async m(a) { return [this === c, a, this.#x]; } static async s() { return this === C; } async #p(a) { return a + this.#x; } async q() { return [await this.#p(1), await c.#p(2)]; } } const c = new C();', 'return [await c.m(1), await C.s(), await C.prototype.m.call(c, 2), c.m.name, c.m.length];', 1],
    ['a method of an object', 'const o = { async m(a) { return [this === o, a]; } };', 'return [await o.m(1), await (0, o.m)(2).catch((e) => e.name)];'],
    ['this, arguments, new.target', '"use strict"; async function f() { return [typeof this, arguments.length, new.target === undefined]; }', 'return [await f(1, 2), await f.call("x"), await f.apply(null, [1])];'],
    ['sloppy this', 'async function f() { return typeof this; }', 'return [await f(), await f.call(1), await f.call(null)];'],
    ['what it throws', 'async function f(a) { if (a) throw new RangeError("f" + a); return a.x; } async function g({ a }) { return a; }', 'for (const make of [() => f(1), () => f(), () => g(), () => g(undefined)]) { try { await make(); } catch (e) { log("caught", e); } }'],
    ['a promise, a thenable, a generator object as its result', 'const thenable = { then(resolve) { log("then"); resolve("t"); } }; function* numbers() { yield 1; } async function f(x) { return x; }', 'return [await f(later(1)), await f(thenable), [...await f(numbers())], await f(f(later(2))), await f(fail(new Error("no"))).catch((e) => e.message)];', 2],
    ['when others go on', 'async function f(x) { log("f", x); return x; }', 'const order = []; f(1).then((x) => log("then", x)); Promise.resolve().then(() => log("tick")); f(later(2)).then((x) => log("later", x)); log("after");'],
  ])('%s', async (_name, outside, body, generators = 0) => { assert.equal(await generatorsOf(outside, body), generators); });

  test('unless it has a loop in which a thread may be preempted', async () => {
    assert.equal(await generatorsOf('async function f(n) { let s = 0; for (let k = 0; k < n; k++) s += k; return s; }', 'return await f(10);'), 1);
  });

  test('a promise of none is never taken for its result', async () => {
    await same(programOf('const f = async (x) => x; const all = [f(1), f(2)]; log(all.every((one) => one instanceof Promise)); return await Promise.all(all);'));
  });
});

describe('guards', () => {
  /** The text that begins a generator behind guards is there. */
  const hasHead = async (outside: string, body: string): Promise<boolean> => (await same(`${outside}\n${programOf(body)}`)).code.includes('began(');

  test.each([
    ['a declaration', 'async function f(a, b) { log("in"); if (a === 0) return b; if (a < 0) throw new RangeError("less"); await later(); return [a, b]; }', 'return [await f(0, 1), await f(1, 2), await f(-1).catch((e) => e.message), await Promise.all([f(0, 1), f(2)]), f.name, f.length];'],
    ['no semicolons, an else, a block', 'async function f(a) { if (a === 0) return 1\nif (a === 1) { log("one"); return 2 } else if (a === 2) return 3\nconst x = await later(a)\nreturn x }', 'return [await f(0), await f(1), await f(2), await f(3)];'],
    ['parameters that they change', 'async function f(a, b) { a ??= 5; if (b === undefined) return a; b++; if (b > 10) return "big"; await later(); return [a, b]; }', 'return [await f(), await f(1, 1), await f(undefined, 20)];'],
    ['a method', 'class C { x = 1; async m(a) { if (a === 0) return this.x; await later(); return [this.x, a]; } static async s(a) { if (a) return this.name; await later(); return this === C; } } class D extends C { x = 2; }', 'return [await new C().m(0), await new D().m(1), await C.prototype.m.call({ x: 3 }, 4), await C.prototype.m.call({ x: 3 }, 0), await C.s(), await D.s(), await D.s(1), C.prototype.m.name];'],
    ['a loop after them', 'async function f(xs) { if (xs.length === 0) return "none"; for (const x of xs) { if (x > 1) log(await later(x)); } return xs.length; }', 'return [await f([]), await f([1, 2])];'],
    ['recursion', 'async function down(d) { if (d === 0) return 0; return 1 + await down(d - 1); }', 'return [await down(0), await down(50), await down(3000)];'],
    ['a promise as what they return', 'async function f(a) { if (a) return later("now"); await later(); return fail(new Error("no")); }', 'return [await f(1), await f(0).catch((e) => e.message)];'],
    ['functions declared behind them', 'async function f(a) { if (a) return 1; async function g() { return await later(2); } await later(); return await g(); }', 'return [await f(1), await f(0)];'],
    ['private names, in a class that has none of its own to see', 'class C { #x = 1; async m(a) { if (a) return this.#x; await later(); return this.#x + 1; } }', 'const c = new C(); return [await c.m(1), await c.m(0), await C.prototype.m.call({}, 0).catch((e) => e.name)];'],
  ])('%s', async (_name, outside, body) => { assert.equal(await hasHead(outside, body), true); });

  test.each([
    ['a name that is declared behind them', 'let v = "outer"; async function f(a) { if (a) return typeof v; var v = 1; await later(); return v; }', 'return [await f(1), await f(0)];'],
    ['a name in its dead zone', 'async function f(a) { if (a) return x; let x = 1; await later(); return x; }', 'return [await f(1).catch((e) => e.name), await f(0)];'],
    ['a function that is declared behind them', 'async function f(a) { if (a) return g(); await later(); function g() { return "g"; } }', 'return [await f(1), await f(0)];'],
    ['a function in a block behind them', 'async function f(a) { if (a) return typeof g; { function g() {} } await later(); return typeof g; }', 'return [await f(1), await f(0)];'],
    ['a closure over a parameter', 'async function f(a, keep) { if (keep(() => a++)) return a; await later(); return a; }', 'let up; return [await f(1, (one) => { up = one; return false; }), (up(), await f(1, (one) => { one(); return true; }))];'],
    ['arguments', 'async function f(a) { if (arguments.length === 0) return 0; a = 9; await later(); return arguments[0]; }', 'return [await f(), await f(1)];'],
    ['a default', 'async function f(a = log("default")) { if (a) return 1; await later(); return 2; }', 'return [await f(), await f(1)];'],
    ['super', 'class A { m() { return "super"; } } class B extends A { async m(a) { if (a) return 1; await later(); return super.m(); } }', 'return [await new B().m(1), await new B().m(0)];'],
    ['a class without a name', 'const C = class { async m(a) { if (a) return 1; await later(); return 2; } };', 'return [await new C().m(1), await new C().m(0)];'],
    ['a parameter that hides its class', 'class C { async m(C) { if (C) return 1; await later(); return C; } }', 'return [await new C().m(1), await new C().m(0)];'],
    ['an await in the first', 'async function f(a) { if (await later(a)) return 1; return 2; }', 'return [await f(1), await f(0)];'],
    ['nothing that may end it', 'async function f(a) { log("in"); await later(); return a; }', 'return [await f(1)];'],
  ])('none before %s', async (_name, outside, body) => { assert.equal(await hasHead(outside, body), false); });
});
