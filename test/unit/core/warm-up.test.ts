/** A server's workers have answered requests of their own before they are given any; nobody else sees these. */
import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { onTestFinished, test } from 'vitest';
import { warmUp } from '../../../packages/core/src/serve/warm-up.ts';
import { poolFor } from './rig.ts';
import { serverFor } from './serve-rig.ts';

const options = { host: '127.0.0.1', port: 0, accept: 'placed', deadlineMs: 1000, routes: {}, headersMs: 60_000, bodyMs: 300_000, bodyBytes: Infinity, keepAliveMs: 5000, observe: false, tellsEnds: false } as const;

function count(channel: string): () => number {
  let seen = 0;
  const note = (): void => { seen++; };
  subscribe(channel, note);
  onTestFinished(() => { unsubscribe(channel, note); });
  return () => seen;
}

test('who looks at all requests of a thread sees none that are not his; without him they come, once', async () => {
  const connections = count('net.client.socket');
  const watcher = (): void => { /* tracing */ };
  subscribe('http.server.request.start', watcher);
  await warmUp(options);
  assert.equal(connections(), 0);
  unsubscribe('http.server.request.start', watcher);
  await Promise.all([warmUp(options), warmUp(options)]);
  assert.equal(connections(), 4);
});

test('a server that has just begun to listen has run nothing, and knows no routes', async () => {
  const pool = await poolFor({ cores: 2 });
  const server = await serverFor(pool, 'listener.ts', { adminPort: 0 });
  assert.deepEqual(pool.graph().roots, []);
  assert.deepEqual(pool.stats().workers.map(({ threadsRun }) => threadsRun), [0, 0]);
  assert.deepEqual([...server.histograms().keys()], []);
});
