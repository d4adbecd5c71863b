/** Calls that a compiled function ends with: the callee takes the place of its frame, with the same effects as natively. */
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import vm from 'node:vm';
import { describe, test } from 'vitest';
import { compile } from '@capriccio/compiler';
import '../../../packages/worker/src/compiled/runtime.ts';
import { spawn } from '../../../packages/worker/src/thread-api.ts';
import { programOf, same } from './equivalence.ts';

/** Calls of the generated text that give the callee's frame. */
const tailsOf = (code: string): number => (code.match(/return[^;\n]*?(?:tail\w*\(\$c_p|began\(this\.#)/g) ?? []).length;
const work = 'const work = async (...all) => { log("work", ...all); await later(); await later(); log("worked"); return all.length; };';

describe('the callee takes its place', () => {
  test.each([
    ['from a function without an await', 'async function f(a) { log("f"); return work(a); }', 'return [await f(1), await Promise.all([f(2), f(3)])];'],
    ['behind an await', 'async function f(a) { await later(); return work(a, a); }', 'return [await f(1), f.name, f.length];'],
    ['with any number of arguments', 'const f = async (...all) => { await later(); if (all.length === 0) return work(); if (all.length === 1) return work(1); if (all.length === 2) return work(1, 2); if (all.length === 3) return work(1, 2, 3); return work(...all, 4); };', 'return [await f(), await f(1), await f(1, 1), await f(1, 1, 1), await f(1, 1, 1, 1)];'],
    ['of an arrow function', 'const f = async (a) => work(a); const g = async (a) => (log("g"), work(await later(a)));', 'return [await f(1), await g(2)];'],
    ['in branches', 'async function f(a) { await later(); return a === 0 ? work(1) : a === 1 ? 5 : (a > 2 && work(1, 2)); }', 'return [await f(0), await f(1), await f(2), await f(3)];'],
    ['of a method', 'class C { x = 1; async m(a) { return this.n(a); } async n(a) { await later(); return [this.x, a]; } static async s() { return new C().m(4); } } class D extends C { x = 2; async m(a) { return super.m(a + 1); } }', 'return [await new C().m(1), await new D().m(1), await C.s()];'],
    ['of a private method', 'class C { #x = 1; async m(a) { await later(); return this.#n(a); } async #n(a) { await later(); return [this.#x, a]; } async w(a) { return this.#q(a); } async #q(a) { return this.#n(a); } }', 'return [await new C().m(1), await new C().w(2), await new C().m.call({}).catch((e) => e.name)];'],
    ['of an object’s, by a key', 'const o = { x: 3, async m(a) { await later(); return [this.x, a]; } }; const at = (name) => { log("at", name); return o; }; async function f(a) { return at("o")["m"](a); } async function g(a) { await later(); return (o.m)(a); }', 'return [await f(1), await g(2)];'],
    ['in guards', 'async function f(a) { if (a === 0) return work(0); if (a === 1) return o.m(1); if (a === 2) return at().m(2); await later(); return work(a); } const o = { async m(a) { await later(); return [this === o, a]; } }; const at = () => o;', 'return [await f(0), await f(1), await f(2), await f(3)];'],
    ['in loops and switches', 'async function f(a) { outer: for (let k = 0; ; k++) { while (k > 2) { switch (a) { case 1: return work(1); default: break outer; } } await later(); for (const key in { x: 1 }) if (a === 2) return work(key, a); } return work(); }', 'return [await f(0), await f(1), await f(2)];'],
    ['in a catch', 'async function f(a) { try { await fail(new Error("first")); } catch (e) { log(e); return work(a); } }', 'return await f(1);'],
    ['with a closure that it is given', 'async function using_(name, use) { log("open"); const x = await later(name); return use(x); } async function f() { return using_("a", async (x) => { await later(); return x + "!"; }); }', 'return await f();'],
    ['with this, arguments and new.target around', '"use strict"; async function f() { const g = async () => work(this, arguments.length, new.target); return g(); }', 'return [await f(1, 2), await f.call("x")];'],
    ['again and again', 'async function f(n) { await later(); if (n === 0) return "end"; return f(n - 1); } async function even(n) { return n === 0 ? "even" : odd(n - 1); } async function odd(n) { return n === 0 ? "odd" : even(n - 1); }', 'return [await f(20), await even(7), await even(1000)];'],
    ['what it throws', 'async function f(a) { return g(a); } async function g(a) { if (a === 0) throw new RangeError("g"); await later(); if (a === 1) throw new RangeError("late"); return h(); } const h = async ({ x }) => x;', 'for (const a of [0, 1, 2]) try { await f(a); } catch (e) { log("caught", e); }'],
  ])('%s', async (_, outside, body) => {
    const { code } = await same(`${work}\n${outside}\n${programOf(body)}`);
    assert.ok(tailsOf(code) > 0, code);
  });

  test('and what is no compiled function is called', async () => {
    await same(programOf(`
      const thenable = { then(resolve) { log("then"); resolve("t"); } };
      const plain = (a) => { log("plain", a); return a; };
      async function f(g, ...all) { await later(); return g(...all); }
      async function one(g, a) { return g(a); }
      const got = [await f(plain, 1), await f(plain, later(2)), await f(plain, thenable), await one(plain, 3), await one(plain, later(4)), await one(async (x) => { await later(); return x; }, 5), await f(plain.bind(null, 6))];
      for (const make of [() => f(1), () => one(undefined), () => f(() => { throw new Error("sync") }), () => one((a) => { throw new Error("one" + a) }, 1), () => one(class {})]) try { await make(); } catch (e) { log(e); }
      return got;`));
  });
});

describe('it does not where something is left to do', () => {
  test.each([
    ['a catch that must not see it', 'async function f() { try { return fail(new Error("outside")); } catch (e) { log("inside", e); } }'],
    ['a catch that sees what the callee throws at once', 'async function f() { try { return work2(); } catch (e) { log("inside", e); return 1; } } const work2 = () => { throw new Error("at once"); };'],
    ['finally', 'async function f() { try { return work(); } finally { log("finally"); } }'],
    ['finally behind a catch', 'async function f() { try { await fail(new Error("first")); } catch (e) { return work(e); } finally { log("finally"); } }'],
    ['an iterator to close', 'async function f() { for (const x of { [Symbol.iterator]: () => ({ next: () => ({ done: false, value: 1 }), return() { log("closed"); return {}; } }) }) return work(x); }'],
    ['an async iterator to close', 'async function f() { for await (const x of { [Symbol.asyncIterator]: () => ({ next: () => ({ done: false, value: 1 }), async return() { log("closed"); return {}; } }) }) return work(x); }'],
    ['something to dispose of', 'async function f() { using x = { [Symbol.dispose]() { log("disposed"); } }; await later(); return work(1); }'],
    ['the rest of an expression', 'async function f() { await later(); return [await work(1), 2].length; }'],
  ])('%s', async (_, outside) => {
    const { code } = await same(`${work}\n${outside}\n${programOf('try { return await f(); } catch (e) { log("caught", e); }')}`);
    assert.equal(tailsOf(code.slice(code.indexOf('async function f'), code.indexOf('module.exports'))), 0, code);
  });
});

const load = (text: string): ((...args: unknown[]) => Promise<unknown>) => vm.compileFunction(compile(text, { file: 'tails.js', kind: 'commonjs' }).code, ['later'])((value: unknown) => new Promise((resolve) => { setImmediate(resolve, value); })) as (...args: unknown[]) => Promise<unknown>;

test('a stack of such calls does not grow', async () => {
  const down = load('return async function down(n) { if (n < 0) await later(); return n === 0 ? "end" : down(n - 1); }');
  assert.equal(await spawn(down, 1_000_000).join(), 'end');              // natively a RangeError from some ten thousand on
  const waits = load('return async function waits(n) { if (n % 1000 === 0) await later(); return n === 0 ? "end" : waits(n - 1); }');
  assert.equal(await spawn(waits, 100_000).join(), 'end');
});

test('one that never ends lets others have their turn, and can be cancelled', async () => {
  const endless = load('return async function endless(a) { if (a) await later(); return endless(); }');
  const nested = load('async function endless(a) { if (!a) await later(); return endless(a); } return async function main() { const x = await endless(1); return x; }');
  for (const main of [endless, nested]) {
    const thread = spawn(main);
    assert.equal(await spawn(async () => 'other').join(), 'other');
    thread.cancel();
    assert.equal(await thread.join().catch((error: { code: string }) => error.code), 'CAP_ERR_CANCELLED');
  }
});

test('a cancellation reaches what a closure awaits that was handed on', async () => {
  const main = load('async function open(use) { await later(); return use(1); } return async function main(started, seen) { return open(async (x) => { try { started(); await new Promise(() => {}); } catch (error) { seen.push(error.code); throw error; } }); }');
  const seen: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const thread = spawn(main, resolve, seen);
  await promise;
  thread.cancel();
  await assert.rejects(thread.join(), { code: 'CAP_ERR_CANCELLED' });
  assert.deepEqual(seen, ['CAP_ERR_CANCELLED']);
});

test('it runs in its caller’s async context, and who awaits both goes on in its own', async () => {
  const store = new AsyncLocalStorage<string>();
  const main = load('async function inner(store) { await later(); return store.getStore(); } return async function main(store) { const got = [await store.run("a", async () => { await later(); return inner(store); })]; got.push(await store.run("b", async () => inner(store)), store.getStore()); return got; }');
  assert.deepEqual(await store.run('outer', () => spawn(main, store).join()), ['a', 'b', 'outer']);
  assert.deepEqual(await store.run('outer', () => main(store)), ['a', 'b', 'outer']);
});

test('small closures are compiled where the function around waits for who is given them', () => {
  const { report } = compile(`async function main(open, list) {
    await open(async function awaited(x) { await x; });
    await open.all(async function method(x) { await x; });
    await list.map(async function each(x) { await x; });
    await list.then(async function settled(x) { await x; });
    await open(async function nothing(x) { return x; });
    const later = open(async function kept(x) { await x; });
    return open(1, async function returned(x) { await x; });
  }
  function plain(open) { return open(async function inPlain(x) { await x; }); }`, { file: 'closures.js', kind: 'commonjs' });
  const compiled = report.functions.filter(({ isCompiled }) => isCompiled).map(({ name }) => name);
  assert.deepEqual(compiled, ['main', 'awaited', 'method', 'returned']);
});
