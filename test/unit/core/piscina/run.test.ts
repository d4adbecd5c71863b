import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { MessageChannel } from 'node:worker_threads';
import { it } from 'vitest';
import { both, common, handlers, once, outcome, until, wait } from './both.ts';

both('the default export, a named one, a promised one', async ({ pool }) => {
  await using piscina = pool();
  deepEqual(await piscina.run({ x: [1, { y: 'z' }] }), { x: [1, { y: 'z' }] });
  equal(await piscina.run({ a: 4, b: 6 }, { name: 'add' }), 10);
  equal(await piscina.run('x', { name: 'promised' }), 'promised x');
  await using named = pool({ name: 'add' });
  equal(await named.run({ a: 1, b: 2 }), 3);
});

both('a CommonJS module and its properties, another file for one task', async ({ pool }) => {
  await using piscina = pool();
  equal(await piscina.run({ a: 4, b: 6 }, { filename: common }), 10);
  equal(await piscina.run({ a: 4, b: 6 }, { filename: common, name: 'multiply' }), 24);
});

both('what a handler throws rejects with its kind and message', async ({ pool }) => {
  await using piscina = pool();
  deepEqual(await outcome(piscina.run('no', { name: 'fail' })), { name: 'TypeError', message: 'no' });
  deepEqual(await outcome(piscina.run('never', { name: 'failLater' })), { name: 'RangeError', message: 'never' });
  ok(await piscina.run(0, { name: 'fail' }).catch((error: unknown) => error instanceof TypeError));
});

both('a handler or a module that is not there', async ({ pool }) => {
  await using piscina = pool();
  const path = fileURLToPath(handlers);
  for (const name of ['missing', 'notFunction']) deepEqual(await outcome(piscina.run(1, { name })), { name: 'Error', message: `No handler function exported from ${path}` });
  ok((await outcome(piscina.run(1, { filename: '/nowhere.mjs' })) as Error).message.startsWith("Cannot find module '/nowhere.mjs' imported from"));
  equal(await piscina.run(5), 5);
});

both('a default module that is not there: the task rejects, the pool tells, and nothing is tried for ever', async ({ pool }) => {
  await using piscina = pool({ filename: '/nowhere.mjs' });
  const errors: Error[] = [];
  piscina.on('error', (error: Error) => errors.push(error));
  ok(/Cannot find module/.test((await outcome(piscina.run(1)) as Error).message));
  await until(() => errors.length > 0 && piscina.threads.length === 0);
  ok(/Cannot find module/.test(errors[0]?.message ?? ''));
});

both('workerData, isWorkerThread, argv, env, execArgv', async ({ pool }) => {
  await using piscina = pool({ workerData: { a: [1] }, argv: ['x', 'y'], env: { EXTRA: '1' }, execArgv: ['--conditions=capriccio-source', '--no-deprecation'] });
  deepEqual(await piscina.run(0, { name: 'info' }), { isWorkerThread: true, workerData: { a: [1] }, ofNode: { a: [1] }, required: { a: [1] }, argv: ['x', 'y'], env: '1', execArgv: true });
});

both('messages of a worker', async ({ pool }) => {
  await using piscina = pool();
  const heard = once(piscina, 'message');
  equal(await piscina.run({ hello: 1 }, { name: 'post' }), 'posted');
  deepEqual(await heard, [{ hello: 1 }]);
});

both('what is transferred leaves', async ({ pool, library: { move } }) => {
  await using piscina = pool();
  const buffer = new ArrayBuffer(16);
  equal(((await piscina.run(buffer, { transferList: [buffer] })) as ArrayBuffer).byteLength, 16);
  equal(buffer.byteLength, 0);
  const view = new Uint8Array([1, 2]);
  deepEqual(await piscina.run(move(view)), new Uint8Array([1, 2]));
  equal(view.byteLength, 0);
  const { port1, port2 } = new MessageChannel();
  const heard = once(port1, 'message');
  await piscina.run(port2, { name: 'usePort', transferList: [port2] });
  deepEqual((await heard)[0], 'hello');
  port1.close();
});

both('results that move', async ({ pool }) => {
  await using piscina = pool();
  equal((await piscina.run(10, { name: 'moved' }) as ArrayBuffer).byteLength, 10);
  equal(await piscina.run(0, { name: 'lastSize' }), 0);
  deepEqual(await piscina.run(0, { name: 'movedView' }), new Uint8Array([1, 2, 3]));
  deepEqual(await piscina.run(0, { name: 'movedParts' }), { view: new Uint8Array([7]) });
});

both('move leaves alone what is no object, and marks what says how it moves', ({ library: { move, transferableSymbol, valueSymbol } }) => {
  const fn = (): void => { /* stays */ };
  for (const value of [1, 'x', null, undefined, fn]) equal(move(value as never), value);
  const own = { [transferableSymbol]: [], [valueSymbol]: { v: 1 } };
  equal(move(own as never), own);
  const view = new Uint8Array(3);
  const marked = move(view) as unknown as Record<symbol, unknown>;
  notEqual(marked, view);
  deepEqual([marked[transferableSymbol], marked[valueSymbol]], [view.buffer, view]);
});

both('a task that cannot be cloned rejects with DataCloneError', async ({ pool }) => {
  await using piscina = pool();
  deepEqual(await outcome(piscina.run(() => 1)), { name: 'DataCloneError', message: '() => 1 could not be cloned.' });
  equal(await piscina.run(5), 5);
});

both('a worker that exits takes its task along, and another comes', async ({ pool }) => {
  await using piscina = pool();
  deepEqual(await outcome(piscina.run(7, { name: 'exit' })), { name: 'Error', message: 'worker exited with code: 7' });
  equal(await piscina.run(5), 5);
  deepEqual(await outcome(piscina.run(0, { name: 'throwLater' })), { name: 'Error', message: 'from a timer' });
  equal(await piscina.run(5), 5);
  deepEqual(await outcome(piscina.run(0, { name: 'rejectUnhandled' })), { name: 'Error', message: 'nobody caught it' });
  equal(await piscina.run(5), 5);
});

both('one task at a time a worker, unless more are allowed', async ({ pool }) => {
  await using alone = pool();
  deepEqual(await Promise.all([1, 2, 3].map(() => alone.run(0, { name: 'peak' }))), [1, 1, 1]);
  await using shared = pool({ concurrentTasksPerWorker: 3 });
  await shared.run(0);
  deepEqual((await Promise.all([1, 2, 3].map(() => shared.run(0, { name: 'peak' })))).toSorted(), [1, 2, 3]);
});

both('each thread keeps its module', async ({ pool }) => {
  await using piscina = pool();
  deepEqual([await piscina.run(0, { name: 'counted' }), await piscina.run(0, { name: 'counted' }), await piscina.run(0, { name: 'counted' })], [1, 2, 3]);
});

both('thousands of short tasks: each gets its own answer, in order of submission', async ({ pool }) => {
  await using piscina = pool({ maxThreads: 2 });
  const order: number[] = [];
  const answers = await Promise.all(Array.from({ length: 5000 }, (_, k) => piscina.run({ a: k, b: 1 }, { name: 'add' }).then((sum: number) => { order.push(k); return sum; })));
  deepEqual(answers, Array.from({ length: 5000 }, (_, k) => k + 1));
  equal(piscina.completed, 5000);
  equal(piscina.queueSize, 0);
  ok(piscina.histogram.runTime.mean > 0 && piscina.histogram.waitTime.max > 0);
});

both('among many short tasks one is asynchronous, one throws, one is uncloneable: each has its own outcome', async ({ pool }) => {
  await using piscina = pool();
  await Promise.all(Array.from({ length: 300 }, (_, k) => piscina.run(k)));
  const all = (name: string): Promise<unknown[]> => Promise.all(Array.from({ length: 100 }, (_, k) => outcome(piscina.run(k, { name }))));
  deepEqual(await all('asyncOnThird'), Array.from({ length: 100 }, (_, value) => ({ value })));
  deepEqual(await all('failOnThird'), Array.from({ length: 100 }, (_, k) => (k % 3 === 0 ? { name: 'Error', message: `no ${k}` } : { value: k })));
});

both('among many short tasks one ends its worker: it is the only one that is lost', async ({ pool }) => {
  await using piscina = pool();
  await Promise.all(Array.from({ length: 300 }, (_, k) => piscina.run(-k, { name: 'exitOnThird' })));
  deepEqual(await Promise.all(Array.from({ length: 40 }, (_, k) => outcome(piscina.run(k, { name: 'exitOnThird' })))),
    Array.from({ length: 40 }, (_, k) => (k === 3 ? { name: 'Error', message: 'worker exited with code: 3' } : { value: k })));
});

both('an object that is submitted twice arrives twice', async ({ pool }) => {
  await using piscina = pool();
  await Promise.all(Array.from({ length: 300 }, (_, k) => piscina.run({ k }, { name: 'sameObject' })));
  const one = { seen: false };
  deepEqual(await Promise.all(Array.from({ length: 100 }, () => piscina.run(one, { name: 'sameObject' }))), Array.from({ length: 100 }, () => false));
});

both('a long task does not hold short ones that another thread could run', async ({ pool }) => {
  await using piscina = pool({ minThreads: 2, maxThreads: 2 });
  await Promise.all(Array.from({ length: 400 }, (_, k) => piscina.run(k)));
  let isOver = false;
  const long = piscina.run(2_000, { name: 'spin' }).then((value: number) => { isOver = true; return value; });
  await Promise.all(Array.from({ length: 200 }, (_, k) => piscina.run(k)));
  ok(!isOver);
  equal(await long, 2_000);
});

both('timing can be left out', async ({ pool }) => {
  await using piscina = pool({ recordTiming: false });
  await piscina.run(1);
  equal(piscina.utilization, 0);
  equal(piscina.completed, 1);
});

both('times are in milliseconds, and can be reset', async ({ pool }) => {
  await using piscina = pool();
  await piscina.run(0);
  piscina.histogram.resetRunTime();
  await piscina.run(30, { name: 'sleep' });
  const { runTime } = piscina.histogram;
  deepEqual(Object.keys(runTime), ['average', 'mean', 'stddev', 'min', 'max', 'p0_001', 'p0_01', 'p0_1', 'p1', 'p2_5', 'p10', 'p25', 'p50', 'p75', 'p90', 'p97_5', 'p99', 'p99_9', 'p99_99', 'p99_999']);
  ok(runTime.min >= 29 && runTime.max < 1000 && runTime.average === runTime.mean);
  ok(piscina.utilization > 0 && piscina.utilization < 1);
});

it('what CommonJS requires is the class, with the rest as its properties', () => {
  const file = fileURLToPath(new URL('../../../fixtures/core/piscina/consumer.cjs', import.meta.url));
  const { stdout, stderr } = spawnSync(process.execPath, ['--conditions=capriccio-source', file], { encoding: 'utf8', timeout: 20_000 });
  equal(stdout, '5 true false function function\n', stderr);
});

it('a result that cannot be cloned rejects, and its worker lives on', async () => {
  const { Piscina } = await import('capriccio/piscina');
  const pool = new Piscina({ filename: handlers, minThreads: 1, maxThreads: 1, env: { ...process.env, DROP_IN: 'capriccio/piscina' } });
  await pool.run(0);
  const [thread] = pool.threads;
  equal((await outcome(pool.run(0, { name: 'notClonable' })) as Error).name, 'DataCloneError');
  const mixed = await Promise.all(Array.from({ length: 60 }, (_, k) => outcome(pool.run(k, { name: 'functionOnThird' }))));
  deepEqual(mixed.map((one, k) => ('value' in (one as object) ? 'value' : (one as Error).name) === (k % 3 === 0 ? 'DataCloneError' : 'value')), Array.from({ length: 60 }, () => true));
  equal(pool.threads[0], thread);
  await pool.destroy();
  await wait(0);
});
