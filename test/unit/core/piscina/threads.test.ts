import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import type { PiscinaTask, PiscinaWorker, Task, TaskQueue } from 'capriccio/piscina';
import { EventEmitter, both, once, outcome, until, wait } from './both.ts';

const ABORTED = { name: 'AbortError', message: 'The task has been aborted' };
const TERMINATED = { name: 'Error', message: 'Terminating worker thread' };

both('aborting a task that runs ends its thread, and another comes', async ({ pool }) => {
  await using piscina = pool();
  await piscina.run(0);
  const [thread] = piscina.threads;
  for (const name of ['sleep', 'forever']) {
    const controller = new AbortController();
    const task = piscina.run(60_000, { name, signal: controller.signal });
    await wait(30);
    controller.abort(new Error('why'));
    const error = await task.then(() => undefined, (failure: unknown) => failure as Error);
    deepEqual([error?.name, error?.message, (error?.cause as Error | undefined)?.message], ['AbortError', 'The task has been aborted', 'why']);
  }
  equal(await piscina.run(5), 5);
  notEqual(piscina.threads[0], thread);
});

both('aborting one that waits takes it from the queue, and no thread with it', async ({ pool }) => {
  await using piscina = pool();
  await piscina.run(0);
  const [thread] = piscina.threads;
  const busy = piscina.run(40, { name: 'sleep' });
  const controller = new AbortController();
  const task = outcome(piscina.run(1, { signal: controller.signal }));
  equal(piscina.queueSize, 1);
  controller.abort();
  equal(piscina.queueSize, 0);
  deepEqual(await task, ABORTED);
  equal(await busy, 40);
  equal(piscina.threads[0], thread);
});

both('a signal that has aborted before, and one that is an emitter', async ({ pool }) => {
  await using piscina = pool();
  deepEqual(await outcome(piscina.run(1, { signal: AbortSignal.abort() })), ABORTED);
  const emitter = new EventEmitter();
  const task = outcome(piscina.run(60_000, { name: 'sleep', signal: emitter as never }));
  await wait(20);
  emitter.emit('abort');
  deepEqual(await task, ABORTED);
  equal(emitter.listenerCount('abort'), 0);
  deepEqual(await outcome((async () => piscina.run(1, { signal: {} as never }))()), { name: 'TypeError', message: 'abortSignal.once is not a function' });
});

both('a signal is let go when its task has ended', async ({ pool }) => {
  await using piscina = pool();
  const emitter = new EventEmitter();
  equal(await piscina.run(1, { signal: emitter as never }), 1);
  equal(emitter.listenerCount('abort'), 0);
});

both('an abortable task has its thread alone', async ({ pool }) => {
  await using piscina = pool({ concurrentTasksPerWorker: 3 });
  await piscina.run(0);
  const { signal } = new AbortController();
  deepEqual(await Promise.all([1, 2].map(() => piscina.run(0, { name: 'peak', signal }))), [1, 1]);
});

both('threads come as they are needed, and go when they are idle', async ({ pool }) => {
  await using piscina = pool({ minThreads: 1, maxThreads: 3 });
  await piscina.run(0);
  await until(() => piscina.idleThreads === 1);
  const all = Array.from({ length: 6 }, () => piscina.run(30, { name: 'sleep' }));
  deepEqual([piscina.threads.length, piscina.idleThreads, piscina.queueSize], [3, 0, 3]);
  await Promise.all(all);
  await until(() => piscina.threads.length === 1);
  await until(() => piscina.idleThreads === 1);
});

both('an idle thread stays as long as it may', async ({ pool }) => {
  await using piscina = pool({ minThreads: 0, maxThreads: 2, idleTimeout: 100_000 });
  equal(piscina.threads.length, 0);
  equal(await piscina.run(1), 1);
  await wait(50);
  equal(piscina.threads.length, 1);
  const ids = await Promise.all([1, 2, 3].map(() => piscina.run(0, { name: 'id' })));
  equal(new Set(ids).size <= 2, true);
});

both('a full queue refuses', async ({ pool }) => {
  await using piscina = pool({ maxQueue: 1 });
  await piscina.run(0);
  const running = piscina.run(40, { name: 'sleep' });
  const waiting = piscina.run(2);
  deepEqual(await outcome(piscina.run(3)), { name: 'Error', message: 'Task queue is at limit' });
  deepEqual([await running, await waiting], [40, 2]);
  await using none = pool({ maxQueue: 0 });
  await none.run(0);
  const alone = none.run(40, { name: 'sleep' });
  deepEqual(await outcome(none.run(1)), { name: 'Error', message: 'No task queue available and all Workers are busy' });
  equal(await alone, 40);
});

both('needsDrain when all threads are at work, drain when there is room again', async ({ pool }) => {
  await using piscina = pool();
  await piscina.run(0);
  const events: string[] = [];
  piscina.on('needsDrain', () => { events.push('needsDrain'); }).on('drain', () => { events.push('drain'); });
  await wait(5);
  events.length = 0;
  const all = [piscina.run(20, { name: 'sleep' }), piscina.run(1), piscina.run(2)];
  await wait(2);
  ok(piscina.needsDrain);
  equal(events[0], 'needsDrain');
  await Promise.all(all);
  await until(() => !piscina.needsDrain);
  equal(events.at(-1), 'drain');
});

both('who awaited the last task and closes hears drain before the threads go', async ({ pool }) => {
  const piscina = pool();
  await piscina.run(0);
  const events: string[] = [];
  for (const event of ['drain', 'workerDestroy', 'close']) piscina.on(event, () => { events.push(event); });
  await Promise.all([piscina.run(20, { name: 'sleep' }), piscina.run(1)]);
  await piscina.close();
  deepEqual(events, ['drain', 'workerDestroy', 'close']);
});

both('workers are told of when they come and go', async ({ pool }) => {
  await using piscina = pool({ workerHistogram: true });
  const came: PiscinaWorker[] = [];
  const went: PiscinaWorker[] = [];
  piscina.on('workerCreate', (worker: PiscinaWorker) => came.push(worker)).on('workerDestroy', (worker: PiscinaWorker) => went.push(worker));
  await piscina.run(0);
  equal(came.length, 1);
  deepEqual(Object.keys(came[0] as object), ['id', 'currentUsage', 'isRunningAbortableTask', 'histogram', 'terminating', 'destroyed']);
  deepEqual([came[0]?.id, came[0]?.currentUsage, came[0]?.terminating], [piscina.threads[0]?.threadId, 0, false]);
  ok((came[0]?.histogram?.max ?? 0) > 0);
  await piscina.run(1, { name: 'exit' }).catch(() => undefined);
  await until(() => went.length === 1);
  equal(went[0]?.id, came[0]?.id);
});

both('an error in an idle thread is told as an event', async ({ pool }) => {
  await using piscina = pool({ atomics: 'disabled' });
  const heard = once(piscina, 'error') as Promise<[Error]>;
  void piscina.run(0, { name: 'idleError', filename: new URL('../../../fixtures/core/piscina/idle-error.mjs', import.meta.url).href });
  equal((await heard)[0].message, 'while idle');
  equal(await piscina.run(5), 5);
});

both('close waits for what runs and waits', async ({ pool }) => {
  const piscina = pool();
  await piscina.run(0);
  const all = Promise.all([piscina.run(30, { name: 'sleep' }), piscina.run(2)]);
  const closed = piscina.close();
  deepEqual(await outcome(piscina.run(3)), ABORTED);
  deepEqual(await all, [30, 2]);
  await closed;
  equal(piscina.threads.length, 0);
});

both('close by force gives up what waits', async ({ pool }) => {
  const piscina = pool();
  await piscina.run(0);
  const running = piscina.run(30, { name: 'sleep' });
  const waiting = outcome(piscina.run(2));
  const closed = piscina.close({ force: true });
  deepEqual(await waiting, ABORTED);
  equal(await running, 30);
  await closed;
});

both('close that takes too long ends it', async ({ pool }) => {
  const piscina = pool({ closeTimeout: 40 });
  const errors: string[] = [];
  piscina.on('error', (error: Error) => errors.push(error.message));
  await piscina.run(0);
  const running = outcome(piscina.run(60_000, { name: 'sleep' }));
  await piscina.close();
  deepEqual(await running, TERMINATED);
  deepEqual(errors, ['Close operation timed out']);
});

both('destroy ends everything now', async ({ pool }) => {
  const piscina = pool();
  await piscina.run(0);
  const all = [piscina.run(60_000, { name: 'sleep' }), piscina.run(1)].map(outcome);
  await wait(10);
  await piscina.destroy();
  deepEqual(await Promise.all(all), [TERMINATED, TERMINATED]);
  equal(piscina.threads.length, 0);
});

both('it can be disposed of', async ({ pool }) => {
  const piscina = pool();
  const task = piscina.run(20, { name: 'sleep' });
  await piscina.run(0);
  await (Object.getPrototypeOf(piscina) as AsyncDisposable)[Symbol.asyncDispose].call(piscina);
  equal(await task, 20);
  equal(piscina.threads.length, 0);
});

/** The newest first. */
class Stack implements TaskQueue {
  readonly tasks: Task[] = [];
  get size(): number { return this.tasks.length; }
  push(task: Task): void { this.tasks.push(task); }
  shift(): Task | null { return this.tasks.pop() ?? null; }
  remove(task: Task): void { this.tasks.splice(this.tasks.indexOf(task), 1); }
}

both('a queue of one\'s own decides the order, and sees the options of tasks', async ({ pool, library: { Piscina } }) => {
  const queue = new Stack();
  await using piscina = pool({ taskQueue: queue });
  await piscina.run(0);
  const order: number[] = [];
  const all = [1, 2, 3, 4].map((k) => piscina.run({ k, [Piscina.queueOptionsSymbol]: { rank: k } }).then(({ k: done }: { k: number }) => order.push(done)));
  deepEqual(queue.tasks.map((task) => (task as unknown as Record<symbol, unknown>)[Piscina.queueOptionsSymbol]), [{ rank: 2 }, { rank: 3 }, { rank: 4 }]);
  deepEqual(queue.tasks.map((task) => (task as PiscinaTask).name), ['default', 'default', 'default']);
  await Promise.all(all);
  deepEqual(order.toSorted(), [1, 2, 3, 4]);
  equal(order[0], 1);
});

both('the queues that come along', ({ library: { ArrayTaskQueue, FixedQueue } }) => {
  for (const queue of [new ArrayTaskQueue(), new FixedQueue()]) {
    const tasks = Array.from({ length: 5000 }, (_, k) => ({ k }) as unknown as Task);
    equal(queue.shift(), null);
    for (const task of tasks) queue.push(task);
    equal(queue.size, 5000);
    queue.remove(tasks[1] as Task);
    deepEqual([queue.shift(), queue.shift()], [tasks[0], tasks[2]]);
    queue.unshift(tasks[2] as Task);
    for (let k = 2; k < 5000; k++) equal(queue.shift(), tasks[k]);
    equal(queue.size, 0);
  }
  ok(new FixedQueue().isEmpty());
});

both('a load balancer chooses the thread, or leaves the task waiting', async ({ pool }) => {
  const seen: (readonly [PiscinaTask, number])[] = [];
  let isOpen = true;
  await using piscina = pool({ minThreads: 2, maxThreads: 2, loadBalancer: (task, workers) => { seen.push([task, workers.length]); return isOpen ? workers.find(({ currentUsage }) => currentUsage === 0) ?? null : null; } });
  await until(() => piscina.idleThreads === 2);
  equal(await piscina.run(5), 5);
  const [task] = seen.at(-1) as readonly [PiscinaTask, number];
  deepEqual([task.name, task.isAbortable, typeof task.taskId, typeof task.created, task.filename], ['default', false, 'number', 'number', piscina.options.filename]);
  equal(seen.at(-1)?.[1], 2);
  isOpen = true;
  deepEqual(await Promise.all([1, 2, 3, 4, 5].map((k) => piscina.run(k))), [1, 2, 3, 4, 5]);
});

both('the process ends by itself when nothing is left to do', async ({ name }) => {
  const { spawnSync } = await import('node:child_process');
  const { handlers } = await import('./both.ts');
  const program = `import Piscina from '${name}'; const pool = new Piscina({ filename: '${handlers}', minThreads: 2, env: { ...process.env, DROP_IN: '${name}' } }); console.log(await pool.run(5));`;
  // Without what vitest.config.ts preloads: a worker that has an `env` and --input-type would look for its own file in a way that Node refuses.
  const { stdout, stderr, signal } = spawnSync(process.execPath, ['--conditions=capriccio-source', '--input-type=module', '-e', program], { encoding: 'utf8', timeout: 20_000, cwd: new URL('.', import.meta.url), env: { ...process.env, NODE_OPTIONS: '' } });
  deepEqual([stdout, signal], ['5\n', null], stderr);
});
