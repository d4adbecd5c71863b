/** What compiled code does otherwise (docs/reference/compiler-differences.md): each as it is, so that it neither grows nor goes unnoticed. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { programOf, threeWays } from './equivalence.ts';

/** Effects natively, by wrappers, as a thread. */
async function effects(source: string): Promise<[string, string, string]> {
  const { native, byWrappers, asThread } = await threeWays(source);
  return [native, byWrappers, asThread].map(({ log, end }) => [...log, end].join(' ')) as [string, string, string];
}

test('an awaited compiled call that ends at once takes no tick', async () => {
  const source = `async function g() {}\n${programOf('Promise.resolve().then(() => log("tick")); await g(); log("on"); await null; return 1')}`;
  assert.deepEqual(await effects(source), ['tick on returned 1', 'on tick returned 1', 'on tick returned 1']);
});
test('a thread takes no tick for what is no promise; a literal is waited for', async () => {
  const source = programOf('const x = 1; Promise.resolve().then(() => log("tick")); await x; log("on"); await null; return 1');
  assert.deepEqual(await effects(source), ['tick on returned 1', 'tick on returned 1', 'on tick returned 1']);
});
test('toString gives generated text', async () => {
  const [native, byWrappers] = await effects(programOf('async function f() { await 1; await 2 } return String(f)'));
  assert.equal(native, 'returned async function f() { await 1; await 2 }');
  assert.match(byWrappers, /^returned async function f\(\)\{\(await 1\);/);
});
test('as frames, for await over promises reads constructor once more', async () => {
  const source = programOf('let reads = 0; const p = Promise.resolve(1); Object.defineProperty(p, "constructor", { get() { reads++; return Promise } }); for await (const x of [p]) log(x); return reads');
  assert.deepEqual(await effects(source), ['1 returned 1', '1 returned 1', '1 returned 2']);
});
test('as frames, the head of a for await sees the outer name', async () => {
  const source = programOf('const x = [1]; try { for await (const x of x) log(x) } catch (e) { log(e.name) } return 0');
  assert.deepEqual(await effects(source), ['ReferenceError returned 0', 'ReferenceError returned 0', '1 returned 0']);
});
test('arguments.callee is the twin', async () => {
  const source = programOf('async function f() { await 1; await 2; return arguments.callee === f } return await f()');
  assert.deepEqual(await effects(source), ['returned true', 'returned false', 'returned false']);
});
test('a proxy sees its twin being looked for', async () => {
  const source = programOf('const p = new Proxy(async () => 1, { get(t, k) { log(typeof k); return Reflect.get(t, k) }, apply() { log("apply"); return 2 } }); return await p()');
  assert.deepEqual(await effects(source), ['apply returned 2', 'symbol apply returned 2', 'symbol symbol apply returned 2']);
});
test('a call that is returned keeps no caller: not in the trace of what its callee throws at once, nor in ticks', async () => {
  const thrown = `async function callee() { await null; throw new Error('x') } async function early() { const x = 1; if (x) throw new Error('x'); await null }\nasync function caller(f) { await null; return f(); }\n${programOf('for (const f of [early, callee]) try { await caller(f) } catch (e) { log(/caller/.test(e.stack)) } return 0')}`;
  assert.deepEqual(await effects(thrown), ['true false returned 0', 'false false returned 0', 'false false returned 0']);
  const ticks = `async function inner() { await null; return 1 } async function outer() { return inner(); }\n${programOf('Promise.resolve().then(() => log("one")).then(() => log("two")).then(() => log("three")).then(() => log("four")); log(await outer()); await null; return 2')}`;
  assert.deepEqual(await effects(ticks), ['one two three 1 four returned 2', 'one two 1 three four returned 2', 'one 1 two three four returned 2']);
});
