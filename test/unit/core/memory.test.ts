/** What requests keep of the heap is learnt from them, and no more begin than there is room for. */
import assert from 'node:assert/strict';
import type { PoolOptions } from 'capriccio';
import { test } from 'vitest';
import { poolFor, until } from './rig.ts';
import { ask, serverFor } from './serve-rig.ts';

const MIB = 2 ** 20;
const HEAP_MB = 64;
const REQUEST_MB = 4;
/** Three times what the heaps of two workers, or of their lanes, hold. */
const BURST = 80;

/** A few requests, one after the other, and then a burst. */
async function survives(options: PoolOptions): Promise<void> {
  const pool = await poolFor({ cores: 2, resourceLimits: { maxOldGenerationSizeMb: HEAP_MB }, ...options });
  const server = await serverFor(pool, 'hoards.ts', { deadlineMs: 20_000 });
  const url = `${server.url}/big?kib=${REQUEST_MB * 1024}`;
  for (let k = 0; k < 8; k++) assert.equal((await ask(url)).text, String(REQUEST_MB * 1024));
  const answers = await Promise.all(Array.from({ length: BURST }, () => ask(url)));
  assert.equal(pool.stats().lost, 0, 'no worker has run out of memory');
  assert.ok(answers.every(({ status, text }) => status === 503 || (status === 200 && text === String(REQUEST_MB * 1024))), JSON.stringify(answers.map(({ status }) => status)));
  assert.ok(answers.filter(({ status }) => status === 200).length >= 16, 'and it goes on');
}

test.each(['off', 'auto'] as const)('a burst of requests of which each keeps much is no end of any worker, lanes: %s', async (lanes) => { await survives({ lanes }); });
test('without forecasts the brake alone keeps the workers alive', async () => { await survives({ lanes: 'off', [Symbol.for('capriccio.without')]: ['forecasts'] } as PoolOptions); });

test('the blocking graph has what requests take, and the limit at which V8 ends a worker', async () => {
  const pool = await poolFor({ cores: 1, lanes: 'off', resourceLimits: { maxOldGenerationSizeMb: HEAP_MB } });
  const server = await serverFor(pool, 'hoards.ts');
  for (let k = 0; k < 16; k++) await ask(`${server.url}/big?kib=2048`);
  await until(() => pool.graph().edges.some(({ heap }) => heap.mean > MIB), 'an edge that takes megabytes');
  const taking = pool.graph().edges.filter(({ heap }) => heap.mean > MIB);
  const nodes = pool.graph().nodes;
  assert.deepEqual(taking.map(({ from }) => nodes.find(({ id }) => id === from)?.name), ['start of GET /big']);
  assert.match(nodes.find(({ id }) => id === taking[0]?.to)?.name ?? '', /hoards\.ts:\d+ fetch$/, 'the wait over which it is kept');
  assert.equal(pool.graph().resources.find(({ name }) => name === 'heap')?.limit, HEAP_MB * MIB);
});

test('who takes memory and ends at once is not held for it: what it leaves is garbage', async () => {
  const pool = await poolFor({ cores: 1, lanes: 'off', resourceLimits: { maxOldGenerationSizeMb: HEAP_MB } });
  const server = await serverFor(pool, 'hoards.ts');
  for (let k = 0; k < 64; k++) assert.equal((await ask(`${server.url}/small`)).text, '[{"k"');
  await until(() => pool.graph().roots.some(({ name, started }) => name === 'GET /small' && started === 64), 'the route');
  const { nodes, edges } = pool.graph();
  const way = edges.find(({ from, to }) => nodes.find(({ id }) => id === from)?.name === 'start of GET /small' && nodes.find(({ id }) => id === to)?.name === '(end)');
  assert.ok((way?.timeMs.count ?? 0) > 0, 'it was looked at');
  assert.equal(way?.heap.mean, 0);
});
