/** The plug-in in an app that listens itself: the pool is made, shared, or given; it is closed with the app only if it was made. */
import assert from 'node:assert/strict';
import { createPool } from 'capriccio';
import capriccio from 'capriccio/fastify';
import fastify from 'fastify';
import { onTestFinished, test } from 'vitest';

const notes = new URL('../../fixtures/core/serve/notes.ts', import.meta.url);
type Notes = typeof import('../../fixtures/core/serve/notes.ts');

test('a pool is made for the app, and closed with it', async () => {
  const app = fastify();
  await app.register(capriccio, { cores: 1 });
  app.get('/double', () => app.pool.module<Notes>(notes).double(21));
  await app.register(async (inner) => { inner.get('/inner', () => inner.pool.module<Notes>(notes).double(2)); }, { prefix: '/deep' });
  assert.equal((await app.inject('/double')).body, '42');
  assert.equal((await app.inject('/deep/inner')).body, '4');
  const { pool } = app;
  await app.close();
  await assert.rejects(pool.module<Notes>(notes).double(1), { code: 'CAP_ERR_CLOSED' });
});

test('a pool that is given stays open', async () => {
  await using pool = await createPool(1);
  const app = fastify();
  await app.register(capriccio, { pool });
  assert.equal(app.pool, pool);
  await app.close();
  assert.equal(await pool.module<Notes>(notes).double(4), 8);
});

test('request.signal aborts when the client leaves', async () => {
  const app = fastify();
  await app.register(capriccio, { cores: 1 });
  onTestFinished(() => app.close());
  let seen: AbortSignal | undefined;
  const { promise: left, resolve } = Promise.withResolvers<void>();
  app.get('/slow', async ({ signal }) => { seen = signal; signal.addEventListener('abort', () => resolve()); await left; return 'late'; });
  const url = await app.listen({ port: 0 });
  const controller = new AbortController();
  const slow = fetch(`${url}/slow`, { signal: controller.signal });
  while (seen === undefined) await new Promise((next) => { setTimeout(next, 5); });
  controller.abort();
  await assert.rejects(slow, { name: 'AbortError' });
  await left;
  assert.equal(seen.aborted, true);
});

test('what is no pool, or an option that is wrong, refuses to be registered', async () => {
  for (const options of [{ pool: 5 }, { core: 2 }]) {
    const app = fastify();
    await assert.rejects(async () => { await app.register(capriccio, options as never); }, { code: 'CAP_ERR_OPTION' });
    await app.close();
  }
});
