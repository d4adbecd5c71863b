/** Every rule of the asynchronous pass: a program and its effects, natively and compiled. */
import assert from 'node:assert/strict';
import { describe, expect, test } from 'vitest';
import { programOf, same } from './equivalence.ts';

/** What must be compiled in a program: every async function in it, unless it is named. */
const compilesAll = async (source: string, ...native: string[]): Promise<void> => {
  const { report } = await same(source);
  expect(report.functions.filter(({ isCompiled }) => !isCompiled).map(({ name }) => name)).toEqual(native);
};
const leaves = async (reason: string, source: string): Promise<void> => {
  const { report } = await same(source);
  expect(report.functions.map((one) => one.reason)).toContain(reason);
};
/** Declarations outside, a body inside. */
const withMain = (outside: string, body: string): string => `${outside}\n${programOf(body)}`;

describe('calls', () => {
  const callees = 'async function g(...a) { log("g", a); return a.length; } async function h(a) { log("h", a); await later(); return a; }';
  test.each([
    ['no argument', 'return await g();'], ['one', 'return await g(1);'], ['two', 'return await g(1, 2);'], ['three', 'return await g(1, 2, 3);'], ['four', 'return await g(1, 2, 3, 4);'],
    ['spread', 'return await g(...[1, 2], 3);'], ['trailing comma', 'return await g(1,);'], ['nested', 'return await g(await g(await h(1)), await g());'],
    ['one that waits', 'return await h("x");'], ['in a row', 'let s = 0; for (const x of [1, 2, 3]) s += await h(x); return s;'],
    ['comments anywhere', 'return await /* a */ g /* b */ ( /* c */ 1 /* d */, // e\n 2 /* f */ );'],
    ['no semicolons', 'const x = 1\nawait g(x)\nawait g()\n;[1].forEach(log)\nawait (g(2))'],
    ['statement bodies', 'if (true) await g(1); else await g(2)\nwhile (false) await g(3)\ndo await g(4); while (false)\nfor (let i = 0; i < 2; i++) await g(i)'],
    ['in parentheses', 'return await (((g)))(1);'], ['a sequence', 'return await (log("s"), g)(1);'], ['conditional', 'return await (true ? g : h)(1);'],
    ['in operators', 'return [-(await g(1)), typeof await g(), !(await g()), (await g(1, 2)) ** 2, `a${await g()}b`, [...await later("xy")], { k: await g(1), ...await later({ z: 1 }) }];'],
    ['logical', 'return [false && await g(), true || await g(), null ?? await g(1), (await g()) || await g(1, 2)];'],
    ['optional', 'const o = { g }; return [await o?.g(1), await o.x?.(1), await o?.g?.(1, 2), await null?.g()];'],
    ['new', 'class K { constructor(v) { this.v = v; } } return (await new K(await g(1))).v;'],
    ['assignment', 'let x = 1; x += await g(1, 2); const o = {}; o[await g()] = await g(1); [x, o.y = await g(1, 2, 3)] = [x]; return [x, o.y, o[0]];'],
    ['tagged template', 'const tag = async (s, v) => s.join("-") + v; return await tag`a${1}b`;'],
    ['import of what is no function', 'return await Promise.all([g(1), g(2), h(3)]);'],
  ])('%s', async (_name, body) => { await same(withMain(callees, body)); });

  test.each([
    ['a bracket', 'const f = async (x) => { await later(); return x }\n[1, 2].forEach(log)\nreturn await f(1)'],
    ['a parenthesis', 'const f = async (x) => { await later(); return x }\n(() => { log("called") })()\nreturn [typeof f, await f(2)]'],
    ['a template', 'let f\nf = async (x) => { await later(); return x }\n`text ${log("template")}`\nreturn await f(3)'],
    ['an expression and a sign', 'const f = () => async (x) => { await later(); return x }\n/x/.test("x") && log("pattern")\n-log("minus")\nreturn await f()(4)'],
    ['a conditional', 'const f = log("now") ? null : async (x) => { await later(); return x }\n(log("then"))\nreturn await f(5)'],
    ['an else', 'let f\nif (log("if")) f = 1\nelse f = async (x) => { await later(); return x }\n;[await f(6)].forEach(log)\nif (true) f = async () => { await later() }\nelse f = 2\nreturn typeof f'],
    ['a loop', 'for (const f of [async (x) => { await later(); return x }]) log(await f(7))\nlet g\ndo g = async (x) => { await later(); return x }\nwhile (log("once"))\nreturn await g(8)'],
    ['a field of a class', 'class C { count = 1\nrun = async (x) => { await later(); return x + this.count }\n["name"]() { return "computed" }\nasync add(n) { await later(); this.count += n; return this.count }\nstatic made = 2\nstatic async make() { await later(); return new this() }\nother = 3\nasync [Symbol.for("s")]() { return await later(4) } }\nconst c = await C.make()\nreturn [await c.run(1), c.name(), await c.add(5), c.other, await c[Symbol.for("s")]()]'],
    ['returned', 'const make = () => { return async (x) => { await later(); return x }\n}\nconst f = make()\nreturn await f(9)'],
  ])('no semicolon, and the next line begins with %s', async (_name, body) => { await same(programOf(body)); });

  test('order: callee, arguments, then whether it can be called', async () => {
    await same(programOf('const o = { get f() { log("get"); return undefined; } }; try { await o.f(log("argument")); } catch (e) { log(e); }'));
    await same(programOf('try { await null_(log("x")); } catch (e) { log(e.name); }'));
    await same(programOf('const x = 1, y = { z: 2 }; for (const f of [async () => await x(), async () => await y.z(1), async () => await y.q.r(), async () => await (0, y.z)()]) try { await f(); } catch (e) { log(e); }'));
    await same(programOf('const missing = undefined, o = { a: { b: 1 } }; try { await missing(); } catch (e) { log(e) } try { await o.a.b(1) } catch (e) { log(e) } try { await o.a["b"](1, 2, 3) } catch (e) { log(e) }'));
  });

  test('this, of functions and of methods', async () => {
    await same(withMain('"use strict"; async function f() { return this; } const o = { async m() { return this === o; }, n: { async k(x) { return [this === o.n, x]; } } };', 'return [await f(), await f.call(1), await o.m(), await o.n.k(2), await (o.m)(), await (0, o.m)(), await o["m"](), await [o][0].m()];'));
    await same(withMain('async function f() { return typeof this + (this === globalThis); }', 'return [await f(), await f.call(1), await f.call("x"), await f.apply(null, [])];'));
  });

  test('an object that is evaluated once', async () => {
    await same(programOf('let n = 0; const o = { async m(...a) { return [this.k, a]; }, k: 1 }; const next = () => { log("next"); return o; }; return [await next().m(await next().m(1)), await next()[(log("key"), "m")](2, 3)];'));
  });

  test('deep recursion that waits at the bottom, and that does not', async () => {
    await same(withMain('async function down(n) { if (n === 0) { await later(); return 0; } return 1 + await down(n - 1); } async function quick(n) { return n === 0 ? 0 : 1 + await quick(n - 1); }', 'return [await down(3000), await quick(3000)];'));
  });

  test('what is awaited decides, not what is called', async () => {
    await same(programOf('const thenable = { then(ok) { log("then"); ok(5); } }; async function t() { return thenable; } async function p() { return later(6); } return [await thenable, await t(), await p(), await later(await t()), await 7, await null, await undefined];'));
    await same(programOf('const bad = { get then() { throw new Error("get"); } }; async function f() { return bad; } try { await bad; } catch (e) { log(e) } try { await f(); } catch (e) { log(e) } const worse = { then() { throw 1 } }; try { await worse } catch (e) { log(e) } async function g() { return worse } try { await g() } catch (e) { log(e) }'));
    await same(programOf('const rejects = { then(_, no) { no("no") } }; async function f() { return rejects } try { await f() } catch (e) { log(e) } async function g() { return Promise.reject("r") } try { return await g() } finally { log("finally") }'));
  });
});

describe('function forms', () => {
  test('declarations', async () => {
    await compilesAll(withMain('async function a() { await 1; return 1 } async function b(x, y = x + 1, { z, w = await_() } = {}, ...rest) { await 1; return [x, y, z, w, rest] } function await_() { return "w" }', 'return [await a(), await b(1), await b(1, 2, { z: 3 }, 4, 5), a.length, b.length, a.name, b.name];'));
  });
  test('hoisted: called before they stand, also where they are called from outside', async () => {
    await compilesAll(programOf('const early = await f(1); log(early); { log(await inner(2)); async function inner(x) { await 1; await 2; await 3; return x } } return early; async function f(x) { await 1; await 2; await later(); return x }'));
  });
  test('name, length, prototype, kind, constructibility', async () => {
    await compilesAll(withMain('async function f(a, b, c = 1) { await 1 } const g = async (x) => { await x }, h = async function (y, z) { await y }, i = async function named() { await named }; const o = { async m(q) { await q }, n: async () => { await 1 } }; class K { async m(w) { await w } static async s() { await 1 } }', `
      const kind = (v) => Object.prototype.toString.call(v);
      for (const v of [f, g, h, i, o.m, o.n, new K().m, K.s]) {
        let constructible = true; try { new v() } catch (e) { constructible = e.name }
        log(v.name, v.length, kind(v), Object.hasOwn(v, "prototype"), constructible, Object.getPrototypeOf(v) === Object.getPrototypeOf(async () => {}), Reflect.ownKeys(v).filter((k) => typeof k === "string").sort());
      }
      return [Object.keys(o), Object.keys(new K()), Object.getOwnPropertyNames(K.prototype), Object.getOwnPropertyDescriptor(K.prototype, "m").enumerable, Object.getOwnPropertyDescriptor(K, "s").enumerable];`), '');
  });
  test('arrow functions: this, arguments and new.target of their surroundings', async () => {
    await same(withMain('function F(a) { const inner = async (x) => { await 1; await 2; await 3; return [this.k, arguments[0], new.target === F, x, await (async () => { await 1; await 2; await 3; return [this.k, arguments.length, new.target === F] })()] }; this.k = 1; this.run = inner }', 'return await new F(7).run(8);'));
    await same(programOf('const o = { k: 1, m() { return async () => { const all = []; for (const x of [1]) all.push(await later(x + this.k)); return all } } }; return await o.m()();'));
    await same(withMain('const add = async x => x + await later(1), body = async (x) => ({ x: await x }), none = async () => {}, comma = async (a, b,) => await a + b, gap = async /* a */ ( /* b */ ) /* c */ => /* d */ { await 1 /* e */ }', 'return [await add(1), await body(2), await none(), await comma(1, 2), await gap()];'));
  });
  test('arguments: mapped, strict, passed on', async () => {
    await same(withMain('async function f(a) { arguments[0] = 9; await 1; return [a, arguments.length, [...arguments]] } async function g(a) { "use strict"; arguments[0] = 9; await 1; return [a, arguments.length] } async function h(a = 1) { await 1; return [a, arguments.length] }', 'return [await f(1, 2), await g(1), await h(), await h(undefined, 2), await f()];'));
  });
  test('parameters that throw reject', async () => {
    await same(withMain('async function f(a = (() => { throw new Error("default") })()) { await 1 } async function g({ x }) { await 1 }', 'const p = f(); log(p instanceof Promise); try { await p } catch (e) { log(e) } try { await f() } catch (e) { log(e) } try { await g(null) } catch (e) { log(e.name) }'));
  });
  test('methods: of objects, of classes, static, private, inherited, super', async () => {
    await same(withMain(`
      class A { #k = 1; async m(x) { await 1; return ["A", x, this.v] } async #p(y) { await later(); return this.#k + y } async q() { return [await this.#p(1), await this.#p(2)] } static async s() { await 1; return this.name } static async #t(z) { await 1; return z } static async u() { return await this.#t(3) } v = 2 }
      class B extends A { async m(x) { const up = await super.m(x + 1); return ["B", up, await super.q()] } static async s() { return ["B", await super.s()] } async 'quoted key'() { await 1; return 1 } async 42() { await 1; return 42 } async get() { await 1; return "get" } async static() { await 1; return "static" } async async() { await 1; return "async" } }
      const o = { async m() { await 1; return this === o }, async 'a-b'() { await 1; return 2 }, async 7() { await 1; return 7 }, async async(x) { await 1; return x }, async get() { await 1; return 1 } };`,
    'const b = new B(); return [await b.m(1), await B.s(), await b["quoted key"](), await b[42](), await b.get(), await b.static(), await b.async(), await o.m(), await o["a-b"](), await o[7](), await o.async(3), await o.get(), await b.q(), await A.u()];'));
  });
  test('a private method of another object', async () => {
    await same(withMain('class A { #v; constructor(v) { this.#v = v } async #get() { await 1; return this.#v } async both(other) { return [await this.#get(), await other.#get()] } async no(other) { try { return await other.#get() } catch (e) { return e.name } } async twice() { const f = this.#get; return [typeof f, await f.call(this)] } }', 'const a = new A(1); return [await a.both(new A(2)), await a.no({}), await a.twice()];'));
  });
  test('closures that are made often', async () => {
    await leaves('small closure', programOf('return Promise.all([1, 2, 3].map(async (x) => { await later(); return x * 2 }));'));
    await compilesAll(programOf('const make = (k) => async (n) => { let s = 0; for (let i = 0; i < n; i++) s += await later(k); return s }; return [await make(1)(2), await make(2)(3)];'));
  });
  test('a named function expression', async () => {
    await compilesAll(withMain('const f = async function self(n) { return n === 0 ? [self.name, self === f] : await self(n - 1) };', 'return await f(3);'));
    await leaves('assigns its own name', withMain('const f = async function self() { self = 1; await 1; return typeof self };', 'return await f();'));
  });
  test('default exports without a name are branded, and called so', async () => {
    const { compile } = await import('@capriccio/compiler');
    const { code } = compile('export default async function () { await 1; }', { file: 'a.js' });
    assert.match(code, /export default async function \$c_default/);
    assert.match(code, /\$c_brand\(\$c_default\d+,\$c_default\d+,"default"\)/);
  });
});

describe('control flow', () => {
  test.each([
    ['try, catch, finally', 'try { await fail(new Error("a")); } catch (e) { log(e); try { await fail(new Error("b")) } finally { log("f1"); await later() } } finally { log("f2"); await later() }'],
    ['return in finally', 'async function f() { try { await later(); return 1 } finally { await later(); return 2 } } async function g() { try { throw 1 } finally { return await later(3) } } return [await f(), await g()];'],
    ['return through finally', 'async function f() { try { return await later(1) } finally { log("f"); await later() } } return await f();'],
    ['labels', 'outer: for (const a of [1, 2, 3]) { for (const b of [1, 2, 3]) { if (await later(b) === 2) continue outer; if (a === 3) break outer; log(a, b) } }'],
    ['switch', 'switch (await later(2)) { case await later(1): log(1); case await later(2): log(2); await later(); case 3: log(3); break; default: log("d") }'],
    ['closures in loops', 'const all = []; for (let i = 0; i < 3; i++) { await later(); all.push(() => i) } return all.map((f) => f());'],
    ['generators inside', 'function* g() { const x = yield 1; log(x); yield 2 } const it = g(); log(it.next().value); await later(); log(it.next("x").value); return [...g()];'],
    ['throw', 'async function f() { throw await later(new Error("thrown")) } await f();'],
    ['a callee that throws through frames', 'async function a() { await later(); throw new Error("deep") } async function b() { await a() } async function c() { try { await b() } catch (e) { log(e); throw new Error("again", { cause: e }) } } try { await c() } catch (e) { return [e.message, e.cause.message] }'],
    ['class bodies with awaits', 'const k = await later("x"); class C { [await later("m")]() { return 1 } static f = 2 } return [new C().m(), C.f, k];'],
    ['destructuring', 'const { a = await later(1), ...r } = await later({ b: 2 }), [c, d = await later(4)] = await later([3]); return [a, r.b, c, d];'],
    ['using', 'const r = { [Symbol.dispose]() { log("disposed") } }; { using x = r; await later(); log("body") } return 1;'],
    ['for in', 'for (const k in await later({ a: 1, b: 2 })) log(k, await later(1));'],
    ['var and functions hoisted', 'log(typeof v, typeof f); await later(); var v = 1; function f() {} return v;'],
  ])('%s', async (_name, body) => { await same(programOf(body)); });

  test.each([
    ['async iterators', 'for await (const x of { async *[Symbol.asyncIterator]() { try { yield 1; yield 2; yield 3 } finally { log("closed") } } }) { log(x); if (x === 2) break }'],
    ['sync iterators of promises', 'for await (const x of [1, later(2), Promise.resolve(3)]) log(x); try { for await (const x of [fail(new Error("f")), 2]) log(x) } catch (e) { log(e) }'],
    ['destructuring, labels, continue', 'a: for await (const { x, y = await later(9) } of [{ x: 1 }, { x: 2, y: 3 }]) { for await (const z of [1, 2]) { if (z === 2) continue a; log(x, y, z) } } let q; for await (q of [4]); for await ({ q } of [{ q: 5 }]); for await ([q] of [[6]]) log(q); return q;'],
    ['errors of the body close, and win', 'const it = { [Symbol.asyncIterator]() { return { next: async () => ({ value: 1, done: false }), return() { log("return"); throw new Error("closing") } } } }; try { for await (const x of it) throw new Error("body") } catch (e) { log(e) } try { for await (const x of it) break } catch (e) { log(e) }'],
    ['return closes', 'async function f() { for await (const x of (function* () { try { yield later(1) } finally { log("closed") } })()) return x } return await f();'],
    ['what is not iterable', 'for (const bad of [1, {}, null, { [Symbol.asyncIterator]: () => 1 }, { [Symbol.asyncIterator]: () => ({ next: () => 1 }) }]) try { for await (const x of bad) log(x) } catch (e) { log(e.name) }'],
    ['without braces', 'for await (const x of [1, 2]) log(x)\nlog("after")\nif (true) for await (const x of [3]) log(x)'],
    ['closures', 'const all = []; for await (const x of [1, 2]) all.push(() => x); return all.map((f) => f());'],
  ])('for await: %s', async (_name, body) => { await same(programOf(body)); });
});

describe('left native', () => {
  test.each([
    ['async generator', 'async function* g() { yield await later(1); yield 2 } const all = []; for await (const x of g()) all.push(x); return all;'],
    ['direct eval', 'async function f(x) { await 1; return eval("x + 1") } return await f(1);'],
    ['await using', 'async function f() { await using r = { async [Symbol.asyncDispose]() { log("disposed"); await later() } }; log("body") } await f();'],
    ['super in an object method', 'const base = { async m() { return 1 } }; const o = { __proto__: base, async m() { await 1; await 2; await 3; return await super.m() } }; return await o.m();'],
    ['computed method name', 'class C { async ["m"]() { await 1; return 2 } } return await new C().m();'],
    ['may be replaced in its class', 'class C { async m() { await 1; return 1 } m() { return 2 } } return await new C().m();'],
    ['its name is declared twice', 'async function f() { await 1; return 1 } async function f() { await 1; return 2 } return await f();'],
    ['super in an arrow function', 'class A { async m() { return 1 } } class B extends A { async m() { const f = async () => { await 1; await 2; await 3; return await super.m() }; return await f() } } return await new B().m();'],
    ['this of a constructor in an arrow function', 'class A {} class B extends A { constructor() { const f = async () => { await 1; await 2; await 3; return this }; super(); this.f = f } } const b = new B(); return await b.f() === b;'],
  ])('%s', async (reason, body) => { await leaves(reason, programOf(body)); });

  test('with, and yield as a name', async () => {
    await leaves('with', programOf('with ({ x: 1 }) { const f = async () => { await 1; await 2; await 3; return x }; return await f() }'));
    await leaves('yield as a name', programOf('const f = async () => { var yield = 1; await 1; await 2; await 3; return yield }; return await f();'));
  });
});

describe('what must not pass for a compiled function', () => {
  const f = 'async function f(x) { await 1; return ["f", x] }';
  test('copies of its properties, proxies, heirs, bound functions', async () => {
    await same(withMain(f, `
      const copy = (g) => { for (const k of Reflect.ownKeys(f)) { const d = Object.getOwnPropertyDescriptor(g, k); if (!d || d.configurable) Object.defineProperty(g, k, Object.getOwnPropertyDescriptor(f, k)) } return g };
      const wrapped = copy((x) => ["wrapper", x]), assigned = Object.assign((x) => ["assigned", x], f), heir = Object.setPrototypeOf((x) => ["heir", x], f), proxy = new Proxy(f, { apply: (t, self, [x]) => ["proxy", x] });
      return [await wrapped(1), await assigned(2), await heir(3), await proxy(4), await f.bind(null, 5)(), await f(6)];`));
  });
  test('a variable that holds another function later', async () => {
    await same(withMain(f, 'const old = f; f = async (x) => ["new", x, await old(x)]; const r = await f(1); f = old; return r;'));
  });
});

describe('ticks', () => {
  test('a compiled function that is not awaited behaves as a native one in every tick', async () => {
    await same(withMain('async function f(n) { log("in", n); await null; log("1", n); await null; log("2", n); return n } async function g() { await f("nested"); }', `
      const tick = async () => { for (let k = 0; k < 6; k++) { await null; log("tick", k) } };
      const all = [f("a"), tick(), f("b")]; log("started"); return Promise.all(all);`));
  });
  test('promises are native, and each call gives a new one', async () => {
    await same(withMain('async function f() { await 1 }', 'const p = f(); return [p instanceof Promise, p.constructor === Promise, p === f(), await p];'));
  });
});
