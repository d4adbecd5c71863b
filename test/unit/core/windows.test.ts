/** Services behind a pool: what is learnt of them, how many are let through, and what becomes of the rest. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Pool } from 'capriccio';
import { describe, onTestFinished, test } from 'vitest';
import { shareWindow } from '../../../packages/core/src/conductor/share-window.ts';
import { poolFor, until } from './rig.ts';
import { ask, quiet, serverFor } from './serve-rig.ts';

/** A climb takes readings of half a second, of whatever the machine has left. */
const PATIENCE_MS = 40_000;

/** A service that answers one in five milliseconds of up to six requests, and of more the fewer the more they are: it tells nobody. Dead, it answers none. */
async function thrashing(): Promise<{ readonly port: number; readonly inside: number; readonly done: number; isDead: boolean; isOver: boolean }> {
  const waiting = new Set<ServerResponse>();
  let ticks = 0;
  const service = {
    port: 0, done: 0, isDead: false, isOver: false,
    get inside() { return waiting.size; },
  };
  const timer = setInterval(() => {
    const [first] = waiting;
    if (first === undefined || service.isDead || ++ticks < (waiting.size > 6 && !service.isOver ? waiting.size / 2 : 1)) return;
    ticks = 0;
    waiting.delete(first);
    service.done++;
    first.end('answer');
    if (service.isOver) for (const response of waiting) response.end('answer');
  }, 5);
  const server = createServer((_, response) => {
    waiting.add(response);
    response.once('close', () => { waiting.delete(response); });
  });
  onTestFinished(() => { clearInterval(timer); server.closeAllConnections(); server.close(); });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  service.port = (server.address() as AddressInfo).port;
  return service;
}

/** So many clients that ask again as soon as they are answered, until the test is over. */
function crowd(url: string, count: number): { readonly served: number } {
  const agent = new Agent({ keepAlive: true });
  let isOver = false;
  const tally = { served: 0 };
  onTestFinished(() => { isOver = true; agent.destroy(); });
  const one = async (): Promise<void> => {
    while (!isOver) {
      const answer = await ask(url, { agent }).catch(() => undefined);
      if (answer?.status === 200) tally.served++;
      else await new Promise((resolve) => { setTimeout(resolve, 20); });
    }
  };
  for (let k = 0; k < count; k++) void one();
  return tally;
}

const narrowest = (pool: Pool): number => Math.min(...pool.graph().nodes.map(({ window = Infinity }) => window));

describe('a service that thrashes', () => {
  test.each(['/query', '/second'])('%s: a window is found, obeyed and explained, and other routes do not notice; it dies, and is used again when it is back', { timeout: 120_000 }, async (path) => {
    const service = await thrashing();
    const pool = await poolFor({ cores: 2, lanes: 'off', windows: 'auto', ...quiet });
    const server = await serverFor(pool, 'asks.ts', { deadlineMs: 1000 });
    const clients = crowd(`${server.url}${path}?port=${service.port}`, 60);
    await until(() => service.done > 200 && narrowest(pool) < 11 && service.inside <= 11, 'a window that is near its best', PATIENCE_MS);
    await until(() => pool.graph().decisions.some(({ what, about, why }) => what === 'window' && about.includes('asks.ts') && /threads are there at a time/.test(why)), 'why', PATIENCE_MS);
    assert.equal((await ask(`${server.url}/other`)).text, 'other');

    service.isDead = true;
    for (let k = 0; k < 10; k++) assert.equal((await ask(`${server.url}/other`)).text, 'other');
    await until(() => pool.stats().refused.requests > 0, 'refusals');
    service.isDead = false;
    const { served } = clients;
    await until(() => clients.served >= served + 20, 'its answers again', PATIENCE_MS);
  });

  test('threads of calls are held before it as well', { timeout: 120_000 }, async () => {
    const service = await thrashing();
    const pool = await poolFor({ cores: 2, lanes: 'off', windows: 'auto' });
    const { asks } = pool.module<{ asks(port: number): string }>(new URL('../../fixtures/core/asks.ts', import.meta.url));
    const all = Promise.all(Array.from({ length: 1000 }, () => asks(service.port)));
    await until(() => service.done > 200 && narrowest(pool) < 13 && service.inside <= 13, 'a window', PATIENCE_MS);
    service.isOver = true;
    assert.deepEqual(new Set(await all), new Set(['answer']));
  });
});

describe('who waits for what comes when it comes', () => {
  test.each(['auto', 'off'] as const)('is let through: no window keeps out a hundred that wait for one event (windows: %s)', async (windows) => {
    const waiting = new Set<ServerResponse>();
    const events = createServer((_, response) => { waiting.add(response); });
    onTestFinished(() => { events.closeAllConnections(); events.close(); });
    events.listen(0, '127.0.0.1');
    await once(events, 'listening');
    const pool = await poolFor({ cores: 1, lanes: 'off', windows, ...quiet });
    const server = await serverFor(pool, 'asks.ts', { deadlineMs: 60_000 });   // however slow the machine is, none is late
    const all = Promise.all(Array.from({ length: 100 }, () => ask(`${server.url}/query?port=${(events.address() as AddressInfo).port}`)));
    await until(() => waiting.size === 100, 'all of them');
    for (const response of waiting) response.end('event');
    for (const { text } of await all) assert.equal(text, 'event');
    if (windows === 'off') assert.equal(narrowest(pool), Infinity);
  });
});

describe('parts of a window', () => {
  const wish = (inUse: number, waiting: number) => ({ inUse, waiting });
  test.each([
    ['all that is wanted, and the rest alike', 10, [wish(2, 0), wish(0, 2)], [5, 5]],
    ['alike where more is wanted', 10, [wish(5, 20), wish(5, 20)], [5, 5]],
    ['who wants little has it', 10, [wish(1, 1), wish(0, 50)], [2, 8]],
    ['who has more gets no more, and who has less only what is free', 10, [wish(9, 20), wish(0, 20)], [5, 1]],
    ['nothing is free where too many are there', 10, [wish(0, 20), wish(25, 0)], [0, 5]],
    ['what a back lane has abandoned is taken off', 10, [wish(2, 20), wish(2, 20), { ...wish(4, 0), isBack: true }], [3, 3, 4]],
    ['one at least', 0.5, [wish(0, 3)], [1]],
  ])('%s', (_, window, wishes, parts) => { assert.deepEqual(shareWindow(window, wishes, 0), parts); });
  test('with fewer places than workers each has its turn', () => {
    const turns = [0, 1, 2].map((turn) => shareWindow(1, [wish(0, 5), wish(0, 5), wish(0, 5)], turn));
    assert.deepEqual(turns, [[1, 0, 0], [0, 1, 0], [0, 0, 1]]);
  });
});
