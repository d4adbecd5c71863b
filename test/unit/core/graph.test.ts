/** pool.graph(): what threads met, counted exactly, and what is decided from it; and a conductor that dies. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { createPool, type BlockingGraph, type Pool, type PoolOptions } from 'capriccio';
import type { Worker } from 'node:worker_threads';
import { describe, onTestFinished, test } from 'vitest';
import { fixture, poolFor, soon, until } from './rig.ts';
import { ask, serverFor } from './serve-rig.ts';

interface Tasks { burns(ms: number): number; sleepsShort(shared: SharedArrayBuffer, ms: number): string }
const tasks = (pool: Pool) => pool.module<Tasks>(fixture('cancels.ts'));
const nodeOf = (graph: BlockingGraph, start: string): number => graph.nodes.find(({ name }) => name.startsWith(start))?.id ?? -1;
const countOf = (graph: BlockingGraph, from: string, to: string): number => graph.edges.find((edge) => edge.from === nodeOf(graph, from) && edge.to === nodeOf(graph, to))?.count ?? 0;
const url = fixture('cancels.ts').href;

describe('pool.graph()', () => {
  test('counts every passage of every thread on all cores, exactly', async () => {
    const pool = await poolFor(2);
    const { burns, sleepsShort } = tasks(pool);
    assert.deepEqual(pool.graph().nodes, [], 'nothing has happened');
    const shared = new SharedArrayBuffer(64);
    await Promise.all([...Array.from({ length: 300 }, () => burns(0.01)), ...Array.from({ length: 200 }, () => sleepsShort(shared, 1))]);
    await until(() => countOf(pool.graph(), `start of ${url}#burns`, '(end)') === 300, 'burns');
    await until(() => countOf(pool.graph(), `${url}:`, '(end)') === 200, 'sleeps');
    const graph = pool.graph();
    assert.equal(countOf(graph, `start of ${url}#sleepsShort`, `${url}:`), 200);
    assert.match(graph.nodes.find(({ name }) => name.startsWith(`${url}:`))?.name ?? '', /cancels\.ts:\d+ sleepsShort$/, 'a compiled blocking point has its place');
    assert.deepEqual(graph.roots.map(({ name, started, live }) => [name.split('#')[1], started, live]).toSorted(), [['burns', 300, 0], ['sleepsShort', 200, 0]]);
    assert.ok(graph.roots.every(({ usedMs, ownMs }) => usedMs > 0 && ownMs.mean > 0));
    assert.deepEqual(graph.resources.slice(0, 4).map(({ name }) => name), ['heap', 'external', 'descriptors', 'processors']);
    assert.deepEqual(graph.pooled, { nodes: 0, edges: 0, roots: 0 });
  });

  test('in code that is not compiled, waits are of their root, with the place of the first', async () => {
    const pool = await poolFor({ cores: 1, compile: false });
    await Promise.all(Array.from({ length: 20 }, () => tasks(pool).sleepsShort(new SharedArrayBuffer(64), 1)));
    await until(() => countOf(pool.graph(), `start of ${url}#sleepsShort`, `wait in ${url}#sleepsShort`) === 20, 'waits');
    assert.match(pool.graph().nodes.find(({ name }) => name.startsWith('wait in'))?.name ?? '', /cancels\.ts:\d+ sleepsShort$/);
  });

  test('goes through JSON and structured clone, and is drawn', async () => {
    const pool = await poolFor(1);
    await tasks(pool).burns(1);
    await until(() => pool.graph().edges.length > 0, 'a graph');
    const graph = pool.graph();
    const { toDOT: _, ...data } = graph;
    assert.deepEqual(JSON.parse(JSON.stringify(graph)), JSON.parse(JSON.stringify(data)));
    assert.equal(structuredClone(graph).edges.length, graph.edges.length);
    const dot = graph.toDOT();
    assert.match(dot, /^digraph capriccio \{\n/);
    for (const { from, to, count } of graph.edges) assert.ok(dot.includes(`n${from} -> n${to} [label="${count}`), `${from} to ${to}`);
    for (const { id } of graph.nodes) assert.ok(dot.includes(`  n${id} [label="`));
  });

  test('shows what is used of processors and of the threads of libuv', async () => {
    const pool = await poolFor(2);
    const { burns } = tasks(pool);
    const { hashes } = pool.module<{ hashes(rounds: number): Promise<number> }>(fixture('hashes.ts'));
    const usedOf = (name: string): { used: number; limit?: number } => pool.graph().resources.find((resource) => resource.name === name) ?? { used: 0 };
    const isOver = { now: false };
    const busy = Array.from({ length: 2 }, async () => { while (!isOver.now) await burns(20); });
    await until(() => usedOf('processors').used > 0.5, 'processors');
    assert.equal(usedOf('processors').limit, availableParallelism());
    if (existsSync('/proc/self/syscall')) await hashes(1);
    const hashing = Array.from({ length: 2 }, async () => { while (!isOver.now) await hashes(200_000); });
    if (existsSync('/proc/self/syscall')) await until(() => usedOf('libuv threads').used > 1, 'threads of libuv', 15_000);
    isOver.now = true;
    await Promise.all([...busy, ...hashing]);
  });

  test('memory outside of heaps is that of all workers together', async () => {
    const pool = await poolFor(2);
    const { external } = pool.module<typeof import('../../fixtures/core/hoards.ts')>(fixture('hoards.ts'));
    const bytes = 32 * 2 ** 20;
    await Promise.all(['a', 'b', 'c', 'd'].map((key) => external.with({ affinity: key })(bytes)));
    await until(() => (pool.graph().resources.find(({ name }) => name === 'external')?.used ?? 0) >= 4 * bytes, 'all of it');
  });

  test('there is none where a benchmark has the recorder off', async () => {
    const without = (parts: unknown): PoolOptions => ({ cores: 1, [Symbol.for('capriccio.without')]: parts });
    const pool = await poolFor(without(['recorder']));
    for (let k = 0; k < 3; k++) { await tasks(pool).burns(60); assert.deepEqual(pool.graph().nodes, []); }
    for (const parts of [['clock'], 'recorder']) await assert.rejects(createPool(without(parts)), { code: 'CAP_ERR_OPTION' });
  });

  test('shows the routes of a server', async () => {
    const pool = await poolFor(1);
    const server = await serverFor(pool, 'paths.ts');
    for (let k = 0; k < 5; k++) await ask(`${server.url}/wait?ms=1`);
    await until(() => pool.graph().roots.some(({ name, started }) => name === 'GET /wait' && started === 5), 'the route');
  });

  test('a conductor that dies is replaced, and goes on counting from where the workers are', async () => {
    const conductors: Worker[] = [];
    const note = (worker: Worker): void => { if (worker.threadName?.endsWith('-cond') === true) conductors.push(worker); };
    process.on('worker', note);
    onTestFinished(() => { process.off('worker', note); });
    const pool = await poolFor({ cores: 1, name: 'mortal' });
    pool.on('warning', () => { /* that one has ended */ });
    const { burns } = tasks(pool);
    await Promise.all(Array.from({ length: 50 }, () => burns(0.01)));
    await until(() => countOf(pool.graph(), `start of ${url}#burns`, '(end)') === 50, 'the first');
    for (let death = 1; death <= 2; death++) {
      await soon(conductors.findLast((one) => one.threadName?.startsWith('mortal') === true)?.terminate() ?? Promise.reject(new Error('there is none')));
      await Promise.all(Array.from({ length: 50 }, () => burns(0.01)));
      await until(() => countOf(pool.graph(), `start of ${url}#burns`, '(end)') === 50 + 50 * death, `the count after death ${death}`);
    }
  });

  test('what a dead worker had counted stays counted', async () => {
    const pool = await poolFor(1);
    const { burns } = tasks(pool);
    await Promise.all(Array.from({ length: 50 }, () => burns(0.01)));
    await until(() => countOf(pool.graph(), `start of ${url}#burns`, '(end)') === 50, 'the first worker');
    await pool.module<{ exits(): void }>(fixture('deadly.ts')).exits().catch(() => { /* so it should */ });
    await Promise.all(Array.from({ length: 30 }, () => burns(0.01)));
    await until(() => countOf(pool.graph(), `start of ${url}#burns`, '(end)') === 80, 'both');
  });

  test('of a pool without cores is that of this thread, and nothing is decided', async () => {
    const pool = await poolFor(0);
    await tasks(pool).burns(0);
    await until(() => pool.graph().roots.some(({ name, started }) => name.endsWith('#burns') && started === 1), 'the call');
    const { nodes, edges, decisions } = pool.graph();
    assert.ok(nodes.some(({ name }) => /^start of .*#burns$/.test(name)) && edges.length > 0);
    assert.deepEqual(decisions, []);
  });
});
