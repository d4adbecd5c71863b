import { deepEqual, equal, ok, throws } from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import * as ours from 'capriccio/piscina';
import { test } from 'vitest';
import { both, handlers, outcome, type Options } from './both.ts';

const refused: Readonly<Record<string, readonly (readonly [value: unknown, message: string])[]>> = {
  filename: [[1, 'options.filename must be a string or null']],
  name: [[1, 'options.name must be a string or null']],
  minThreads: [[-1, 'options.minThreads must be a non-negative integer'], ['a', 'options.minThreads must be a non-negative integer']],
  maxThreads: [[0, 'options.maxThreads must be a positive integer'], ['a', 'options.maxThreads must be a positive integer']],
  idleTimeout: [[-1, 'options.idleTimeout must be a non-negative integer'], ['a', 'options.idleTimeout must be a non-negative integer']],
  maxQueue: [[-1, 'options.maxQueue must be a non-negative integer'], ['x', 'options.maxQueue must be a non-negative integer']],
  concurrentTasksPerWorker: [[0, 'options.concurrentTasksPerWorker must be a positive integer'], ['a', 'options.concurrentTasksPerWorker must be a positive integer']],
  atomics: [['x', 'options.atomics should be a value of sync, sync or disabled.']],
  resourceLimits: [[1, 'options.resourceLimits must be an object'], [null, 'options.resourceLimits must be an object']],
  taskQueue: [[1, 'options.taskQueue must be a TaskQueue object'], [{}, 'options.taskQueue must be a TaskQueue object'], [null, 'options.taskQueue must be a TaskQueue object']],
  niceIncrement: [[-1, 'options.niceIncrement must be a non-negative integer on Unix systems']],
  trackUnmanagedFds: [[1, 'options.trackUnmanagedFds must be a boolean value']],
  closeTimeout: [[-1, 'options.closeTimeout must be a non-negative integer']],
  stricterFIFO: [[1, 'options.stricterFIFO must be a boolean']],
  loadBalancer: [[1, 'options.loadBalancer must be a function with at least two args']],
  workerHistogram: [[1, 'options.workerHistogram must be a boolean']],
};

both('an option that is wrong is refused in the same words', ({ library: { Piscina } }) => {
  for (const [name, cases] of Object.entries(refused)) {
    for (const [value, message] of cases) throws(() => new Piscina({ [name]: value } as Options), { name: 'TypeError', message });
  }
  throws(() => new Piscina({ minThreads: 3, maxThreads: 2 }), { name: 'RangeError', message: 'options.minThreads and options.maxThreads must not conflict' });
});

both('what the system refuses throws at once', ({ library: { Piscina } }) => {
  throws(() => new Piscina({ minThreads: 1, argv: 1 as never }), { code: 'ERR_INVALID_ARG_TYPE', message: /"options\.argv" property must be an instance of Array/ });
  throws(() => new Piscina({ minThreads: 1, env: 1 as never }), { code: 'ERR_INVALID_ARG_TYPE' });
  throws(() => new Piscina({ minThreads: 1, workerData: () => 1 }), { name: 'DataCloneError' });
});

both('defaults, and the options that are shown', async ({ library: { Piscina, ArrayTaskQueue } }) => {
  const pool = new Piscina();
  const { taskQueue, ...shown } = pool.options;
  deepEqual({ ...shown }, {
    filename: null, name: 'default', minThreads: Math.max(Math.floor(availableParallelism() / 2), 1), maxThreads: availableParallelism() * 1.5, idleTimeout: 0, maxQueue: Infinity,
    concurrentTasksPerWorker: 1, atomics: 'sync', niceIncrement: 0, trackUnmanagedFds: true, closeTimeout: 30_000, recordTiming: true, stricterFIFO: false, workerHistogram: false,
  });
  ok(taskQueue instanceof ArrayTaskQueue);
  deepEqual([pool.minThreads, pool.maxThreads], [shown.minThreads, shown.maxThreads]);
  deepEqual([pool.completed, pool.queueSize, pool.needsDrain, pool.utilization, pool.threads.length], [0, 0, false, 0, pool.minThreads]);
  ok(pool.duration >= 0);
  await pool.destroy();
});

both('one bound alone moves the other, and auto is a square', async ({ library: { Piscina } }) => {
  for (const [given, expected] of [[{ minThreads: 4 }, [4, Math.max(4, availableParallelism() * 1.5)]], [{ maxThreads: 1 }, [1, 1]]] as const) {
    const pool = new Piscina(given);
    deepEqual([pool.options.minThreads, pool.options.maxThreads], expected);
    await pool.destroy();
  }
  const pool = new Piscina({ minThreads: 1, maxThreads: 3, maxQueue: 'auto' });
  equal(pool.options.maxQueue, 9);
  await pool.destroy();
});

test('what is undefined is the default, where piscina would start no thread', async () => {
  const given = { filename: handlers, minThreads: undefined, maxThreads: undefined, concurrentTasksPerWorker: undefined, maxQueue: undefined, atomics: undefined, name: undefined, env: { ...process.env, DROP_IN: 'capriccio/piscina' } };
  const pool = new ours.Piscina(given as unknown as Options);
  const { minThreads, maxThreads, concurrentTasksPerWorker, maxQueue, atomics, name } = pool.options;
  deepEqual({ minThreads, maxThreads, concurrentTasksPerWorker, maxQueue, atomics, name }, { minThreads: Math.max(Math.floor(availableParallelism() / 2), 1), maxThreads: availableParallelism() * 1.5, concurrentTasksPerWorker: 1, maxQueue: Infinity, atomics: 'sync', name: 'default' });
  equal(await pool.run({ a: 1, b: 2 }, { name: 'add' }), 3);
  await pool.destroy();
});

both('a file: URL is shown as a path', async ({ pool }) => {
  await using piscina = pool();
  equal(piscina.options.filename, new URL(handlers).pathname);
});

both('options of run and close that are wrong reject', async ({ library: { Piscina } }) => {
  const pool = new Piscina({ minThreads: 1, maxThreads: 1 });
  const cases: readonly (readonly [options: unknown, name: string, message: string])[] = [
    [undefined, 'Error', 'filename must be provided to run() or in options object'],
    [5, 'TypeError', 'options must be an object'], [null, 'TypeError', 'options must be an object'],
    [{ filename: 5 }, 'TypeError', 'filename argument must be a string'],
    [{ filename: '/x', name: 5 }, 'TypeError', 'name argument must be a string'],
    [{ filename: '/x', signal: 5 }, 'TypeError', 'signal argument must be an object'],
    [{ filename: '/x', transferList: 5 }, 'TypeError', 'transferList argument must be an Array'],
  ];
  for (const [options, name, message] of cases) deepEqual(await outcome(pool.run(1, options as never)), { name, message });
  deepEqual(await outcome(pool.close(1 as never)), { name: 'TypeError', message: 'options must be an object' });
  deepEqual(await outcome(pool.close({ force: 1 } as never)), { name: 'TypeError', message: 'force argument must be a boolean' });
  await pool.destroy();
});

both('what the module exports', ({ library }) => {
  deepEqual(Object.keys(library).filter((name) => name !== 'module.exports').toSorted(), ['ArrayTaskQueue', 'FixedQueue', 'Piscina', 'default', 'isWorkerThread', 'move', 'queueOptionsSymbol', 'transferableSymbol', 'valueSymbol', 'version', 'workerData']);
  const { Piscina } = library;
  equal((library as { default?: unknown }).default, Piscina);
  deepEqual([Piscina.Piscina, Piscina.FixedQueue, Piscina.ArrayTaskQueue, Piscina.isWorkerThread, Piscina.workerData, Piscina.version], [Piscina, library.FixedQueue, library.ArrayTaskQueue, false, undefined, '5.3.2']);
  deepEqual([Piscina.transferableSymbol, Piscina.valueSymbol, Piscina.queueOptionsSymbol].map(String), ['Symbol(Piscina.transferable)', 'Symbol(Piscina.valueOf)', 'Symbol(Piscina.queueOptions)']);
  deepEqual([library.transferableSymbol, library.valueSymbol, library.queueOptionsSymbol], [Piscina.transferableSymbol, Piscina.valueSymbol, Piscina.queueOptionsSymbol]);
});
