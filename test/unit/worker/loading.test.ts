import assert from 'node:assert/strict';
import { test } from 'vitest';
import { createPool } from 'capriccio';

test('a module whose top-level await waits for nothing that the loop counts is loaded, with calls waiting behind it', async () => {
  await using pool = await createPool({ cores: 1 });
  let lost = 0;
  pool.on('lost', () => { lost++; });
  const { next } = pool.module<{ next(n: number): number }>(new URL('../../fixtures/functions/waits-unseen.mjs', import.meta.url));
  assert.deepEqual(await Promise.all(Array.from({ length: 100 }, (_, k) => next(k))), Array.from({ length: 100 }, (_, k) => k + 1));
  assert.equal(lost, 0);
});
