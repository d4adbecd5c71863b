/** A compiled thread's waits for promises: which answer is whose. */
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import vm from 'node:vm';
import { onTestFinished, test } from 'vitest';
import { compile } from '@capriccio/compiler';
import '../../../packages/worker/src/compiled/runtime.ts';
import { spawn } from '../../../packages/worker/src/thread-api.ts';

type Main = (...args: unknown[]) => Promise<unknown>;
function compiled(text: string): Main {
  const made = compile(`return async function main(...args) { const [a, b, c] = args; ${text} }`, { file: 'waits.js', kind: 'commonjs' });
  assert.equal(made.report.functions.every(({ isCompiled }) => isCompiled), true);
  return vm.compileFunction(made.code, [])() as Main;
}
const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

test('a late answer to a wait that was given up is not the answer to the next', async () => {
  const [first, second, third] = [Promise.withResolvers<string>(), Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  const main = compiled('const seen = []; try { await a; } catch (e) { seen.push(e.code); } seen.push(await b); seen.push(await c); return seen.join();');
  const thread = spawn(main, first.promise, second.promise, third.promise);
  await turn();
  thread.cancel();
  await turn();
  first.resolve('late');
  await turn();
  await turn();
  assert.equal(thread.status, 'blocked');
  second.resolve('second');
  await turn();
  await turn();
  assert.equal(thread.status, 'blocked');
  third.resolve('third');
  assert.equal(await thread.join(), 'CAP_ERR_CANCELLED,second,third');
});

test('many threads that wait for one promise each have their own answer', async () => {
  const main = compiled('const x = await a; return [x, await b, await { then(resolve) { resolve(c); } }];');
  const shared = Promise.withResolvers<string>();
  const threads = Array.from({ length: 50 }, (_, k) => spawn(main, shared.promise, k % 2 === 0 ? Promise.resolve(k) : k, -k));
  await turn();
  shared.resolve('s');
  const results = await Promise.all(threads.map((thread) => thread.join()));
  assert.deepEqual(results, threads.map((_, k) => ['s', k, -k]));
});

test('in another context than the thread’s own, and with a promise whose constructor throws', async () => {
  const store = new AsyncLocalStorage<string>();
  const main = compiled('a.enterWith("inner"); const got = [await b(), a.getStore()]; a.enterWith("second"); try { await c; } catch (e) { got.push(e.message, a.getStore()); } return got;');
  const strange = Object.defineProperty(Promise.resolve(1), 'constructor', { get() { throw new Error('no constructor'); } });
  assert.deepEqual(await store.run('outer', () => spawn(main, store, async () => { await turn(); return store.getStore(); }, strange).join()), ['inner', 'inner', 'no constructor', 'second']);
});

test('what a thread was about to await when it was cancelled may fail: that is not unhandled', async () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => { unhandled.push(error); };
  process.on('unhandledRejection', note);
  onTestFinished(() => { process.off('unhandledRejection', note); });
  const waited: Promise<never>[] = [];
  const main = compiled('await b(); return await a();');
  const thread = spawn(main, () => {
    thread.cancel();                                                     // it runs: its next wait tells it
    waited.push(turn().then(() => { throw new Error('late'); }));
    return waited[0];
  }, turn);
  await assert.rejects(thread.join(), { code: 'CAP_ERR_CANCELLED' });
  await turn();
  await turn();
  assert.equal(waited.length, 1);
  assert.deepEqual(unhandled, []);
});
