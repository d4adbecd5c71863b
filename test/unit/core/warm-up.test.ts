/** A server's workers have answered requests of their own before they are given any; nobody else sees these. */
import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { onTestFinished, test } from 'vitest';
import { warmUp } from '../../../packages/core/src/serve/warm-up.ts';
import { poolFor } from './rig.ts';
import { ask, serverFor } from './serve-rig.ts';

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
  await warmUp();
  assert.equal(connections(), 0);
  unsubscribe('http.server.request.start', watcher);
  await Promise.all([warmUp(), warmUp()]);
  assert.equal(connections(), 4);
});

test('a server that has just begun to listen has run nothing, and knows no routes', async () => {
  const pool = await poolFor({ cores: 2 });
  const server = await serverFor(pool, 'listener.ts', { adminPort: 0, limits: { headersMs: 1, bodyMs: 1, keepAliveMs: 1, connections: 1 } });
  assert.deepEqual(pool.graph().roots, []);
  assert.deepEqual(pool.stats().workers.map(({ threadsRun }) => threadsRun), [0, 0]);
  assert.deepEqual([...server.histograms().keys()], []);
});

test('a worker does it before it loads the application', async () => {
  const preload = 'data:text/javascript,import { subscribe } from "node:diagnostics_channel"; globalThis.opened = 0; subscribe("net.client.socket", () => { globalThis.opened++; });';
  const pool = await poolFor({ cores: 1, spares: 0, execArgv: ['--conditions=capriccio-source', `--import=${preload}`] });
  const server = await serverFor(pool, 'own-connections.ts');
  assert.equal((await ask(server.url)).text, '4');
});
