/** The application of servers/stages: what it checks, and that a booking is written by the one worker that has its ledger. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { createPool } from 'capriccio';
import * as own from '../../../packages/bench/src/servers/apps/ledger.ts';

const app = new URL('../../../packages/bench/src/servers/apps/ledger.ts', import.meta.url);

test('a document is read as it was signed, and refused where it was changed', () => {
  const document = own.documentOf(3);
  assert.deepEqual(own.read(document), [{ account: 0, cents: 100, text: 'order 0' }, { account: 7919, cents: 101, text: 'order 31' }, { account: 5838, cents: 102, text: 'order 62' }]);
  assert.throws(() => own.read(document.replace(';1.01;', ';1.02;')), /line 2 is not a booking/);
  assert.throws(() => own.read(`${document}\n`), /line 4 is not a booking/);
});

test('bookings that came to both workers are in one ledger', async () => {
  await using pool = await createPool(2);
  await using server = await pool.serve(app, { port: 0 });
  const body = own.documentOf(100);
  const book = async (): Promise<string> => (await fetch(`${server.url}/book/7`, { method: 'POST', body, headers: { connection: 'close' } })).text();
  assert.deepEqual(await Promise.all(Array.from({ length: 12 }, book)), Array.from({ length: 12 }, () => '100\n'));
  const ledger = pool.module<typeof own>(app).balanceOf.with({ affinity: '7' });
  assert.equal(await ledger('7', 7919), 12 * 101);
  assert.equal(await ledger('8', 7919), 0);
});
