/** examples/queue with a real Redis: two processes share the work, no job that computes loses its lock, progress and cancellation pass. Needs Debian's redis-server; .ci/run installs it. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Queue, QueueEvents, type Job } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, onTestFinished, test } from 'vitest';
import { CANCELLED, QUEUE, type Asked, type Counted } from '../../../examples/queue/queue.ts';
import { soon, until } from '../core/rig.ts';

const executable = ['/usr/bin/redis-server', '/usr/local/bin/redis-server'].find((path) => existsSync(path));
const missing = executable === undefined ? 'there is no Redis: apt-get install redis-server' : undefined;
if (missing !== undefined) console.log(missing);

/** So short that a main thread which computed itself would lose it: a job takes more than twice as long. */
const LOCK_MS = 1000;
const example = (name: string): string => fileURLToPath(new URL(`../../../examples/queue/${name}`, import.meta.url));

let folder: string;
let socket: string;
let redis: ChildProcess;
beforeAll(async () => {
  if (executable === undefined) return;
  folder = mkdtempSync(join(tmpdir(), 'capriccio-redis-'));
  socket = join(folder, 'redis.sock');
  redis = spawn(executable, ['--port', '0', '--unixsocket', socket, '--save', '', '--dir', folder], { stdio: 'ignore' });
  await until(() => existsSync(socket), 'Redis');
});
afterAll(async () => {
  if (executable === undefined) return;
  const ended = once(redis, 'exit');
  redis.kill();
  await ended;
  rmSync(folder, { recursive: true, force: true });
});

function node(name: string, args: readonly string[] = []): ChildProcess {
  const child = spawn(process.execPath, ['--conditions=capriccio-source', '--disable-warning=ExperimentalWarning', example(name), ...args], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, REDIS: socket, LOCK_MS: String(LOCK_MS), CAPRICCIO_CORES: '2' } });
  onTestFinished(() => { child.kill('SIGKILL'); });
  return child;
}
async function consumer(): Promise<ChildProcess> {
  const child = node('consumer.ts');
  await soon(once(createInterface(child.stdout as NonNullable<typeof child.stdout>), 'line'), 'a consumer');
  return child;
}
async function ends(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  assert.deepEqual(await soon(exited, 'its exit'), [0, null]);
}

async function watched(): Promise<{ queue: Queue<Asked, Counted>; events: QueueEvents; stalled: string[] }> {
  const connection = { path: socket };
  const [queue, events] = [new Queue<Asked, Counted>(QUEUE, { connection }), new QueueEvents(QUEUE, { connection })];
  onTestFinished(async () => { await events.close(); await queue.obliterate({ force: true }); await queue.close(); });
  const stalled: string[] = [];
  events.on('stalled', ({ jobId }) => { stalled.push(jobId); });
  await events.waitUntilReady();
  return { queue, events, stalled };
}

describe('examples/queue', () => {
  test('two processes share the jobs, and leave when they are told to', { timeout: 60_000 }, async (context) => {
    if (missing !== undefined) { context.skip(missing); return; }
    const consumers = await Promise.all([consumer(), consumer()]);
    const producer = node('producer.ts', Array.from({ length: 12 }, () => '100000'));
    const lines: string[] = [];
    createInterface(producer.stdout as NonNullable<typeof producer.stdout>).on('line', (line) => lines.push(line));
    assert.deepEqual(await soon(once(producer, 'exit'), 'the producer', 40_000), [0, null]);
    const found = lines.map((line) => JSON.parse(line) as Counted);
    assert.deepEqual(found.map(({ primes }) => primes), Array.from({ length: 12 }, () => 9592));
    assert.deepEqual(new Set(found.map(({ by }) => by)), new Set(consumers.map(({ pid }) => pid)));
    await Promise.all(consumers.map(ends));
  });

  test('a job that computes for many times its lock keeps it, and tells how far it is', { timeout: 120_000 }, async (context) => {
    if (missing !== undefined) { context.skip(missing); return; }
    const { queue, events, stalled } = await watched();
    const own = await consumer();
    const heard = new Map<string, number[]>();
    events.on('progress', ({ jobId, data }) => { heard.set(jobId, [...heard.get(jobId) ?? [], data as number]); });
    const jobs = await queue.addBulk([1, 2].map(() => ({ name: 'count', data: { limit: 10_000_000 } })));
    const results = await soon(Promise.all(jobs.map((job) => job.waitUntilFinished(events))), 'the jobs', 100_000);
    assert.deepEqual(results.map(({ primes }) => primes), [664_579, 664_579]);
    assert.deepEqual(stalled, []);
    for (const job of jobs) {
      const after = await queue.getJob(job.id as string) as Job<Asked, Counted>;
      assert.equal(after.attemptsStarted, 1, 'begun once');
      assert.ok((after.finishedOn as number) - (after.processedOn as number) > 2 * LOCK_MS, 'long enough to lose a lock');
      assert.deepEqual(heard.get(job.id as string), [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]);
    }
    await ends(own);
  });

  test('a job is stopped from elsewhere, and its core is free again', { timeout: 60_000 }, async (context) => {
    if (missing !== undefined) { context.skip(missing); return; }
    const { queue, events } = await watched();
    const own = await consumer();
    const begun = once(events, 'progress');
    const job = await queue.add('count', { limit: 30_000_000 });          // a minute
    await soon(begun, 'its begin', 40_000);
    const redisClient = new Redis(socket);
    onTestFinished(() => { redisClient.disconnect(); });
    const failed = job.waitUntilFinished(events).then(() => undefined, (error: Error) => error.message);
    await redisClient.publish(CANCELLED, job.id as string);
    assert.match(await soon(failed, 'its end') ?? '', /cancel|no longer|nobody waits/i);
    const next = await Promise.all([1, 2].map(() => queue.add('count', { limit: 1000 })));   // on both cores
    assert.deepEqual(await soon(Promise.all(next.map(async (one) => (await one.waitUntilFinished(events)).primes)), 'the next'), [168, 168]);
    await ends(own);
  });
});
