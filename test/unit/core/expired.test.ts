/** Requests that were taken, and whose deadlines pass then: counted by route, once each, wherever they were waiting or running. What is refused at arrival: overload.test.ts. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { Expired, Pool, PoolOptions, PoolServer, ServeOptions } from 'capriccio';
import { describe, onTestFinished, test } from 'vitest';
import { poolFor, until } from './rig.ts';
import { answersIn, app, ask, quiet, received, serverFor, socketTo } from './serve-rig.ts';

const inFront = { cores: 1, lanes: 'off', ...quiet } as const;
/** Where a request ran must not depend on what else this machine does. */
const withLane = { cores: 1, ...quiet, [Symbol.for('capriccio.without')]: ['hunger'] } as const;

/** A pool, and what its event has told. */
async function watched(options: number | PoolOptions): Promise<{ pool: Pool; told: Expired[] }> {
  const pool = await poolFor(options);
  const told: Expired[] = [];
  pool.on('expired', (expired) => { told.push(expired); });
  return { pool, told };
}
/** An app on a back lane, which is there. */
async function onLane(pool: Pool, route: string, options: NonNullable<ServeOptions['routes']>[string]): Promise<PoolServer> {
  const server = await pool.serve(app('paths.ts'), { port: 0, routes: { '/*': { lane: 'back' }, [route]: { lane: 'back', ...options } } });
  onTestFinished(async () => { await server.close({ graceMs: 0 }); });
  await until(async () => (await ask(`${server.url}/where`)).status === 200, 'the lane');
  return server;
}
/** No more and no fewer, also after the time in which reports are gathered. */
async function areCounted({ pool, told }: { pool: Pool; told: readonly Expired[] }, byRoute: Record<string, number>): Promise<void> {
  const requests = Object.values(byRoute).reduce((sum, count) => sum + count, 0);
  await until(() => told.reduce((sum, { expired }) => sum + expired, 0) >= requests, JSON.stringify(byRoute));
  await delay(250);
  assert.deepEqual(pool.stats().expired, { requests, byRoute });
  for (const [name, count] of Object.entries(byRoute)) assert.equal(told.reduce((sum, { route, expired }) => sum + (route === name ? expired : 0), 0), count);
}
const burst = async (server: PoolServer, path: string, count: number): Promise<string[]> => {
  const socket = await socketTo(server);
  socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`.repeat(count));
  return answersIn(await received(socket, (text) => answersIn(text).length === count)).map((answer) => answer.slice(0, 3));
};
const late = (statuses: readonly string[]): number => statuses.filter((status) => status === '503').length;

describe.each([['on a worker', inFront], ['with cores: 0', 0]])('in front, %s', (_, options) => {
  test('what waited for its turn too long', async () => {
    const seen = await watched(options);
    const server = await serverFor(seen.pool, 'paths.ts', { deadlineMs: 100 });
    const count = late(await burst(server, '/burn?ms=60', 12));           // nobody knows yet how long they take, so none is refused at arrival
    assert.ok(count >= 8, `${count} were late`);
    assert.equal(seen.pool.stats().refused.requests, 0);
    await areCounted(seen, { 'GET /burn': count });
  });
  test('what had to end in time, answered or begun to be answered', async () => {
    const seen = await watched(options);
    const server = await serverFor(seen.pool, 'paths.ts', { routes: { 'GET /*': { deadlineMs: 100, onDeadline: 'cancel' } } });
    assert.equal((await ask(`${server.url}/wait?ms=5000`)).status, 503);
    const socket = await socketTo(server);
    socket.write('GET /sse-endless HTTP/1.1\r\nhost: x\r\n\r\n');
    assert.match(await received(socket, () => false), /data: 0\n/, 'it is cut');
    await areCounted(seen, { 'GET /wait': 1, 'GET /sse-endless': 1 });
  });
  test('not whose client has left, nor what is answered and goes on', async () => {
    const seen = await watched(options);
    const server = await serverFor(seen.pool, 'paths.ts', { routes: { 'GET /*': { deadlineMs: 1000, onDeadline: 'cancel' } } });
    const socket = await socketTo(server);
    socket.write('GET /sse-endless HTTP/1.1\r\nhost: x\r\n\r\n');
    await received(socket, (text) => text.includes('data: 0'));
    socket.destroy();
    assert.equal((await ask(`${server.url}/goes-on?ms=5000`)).status, 200);
    await delay(1200);
    assert.equal((await ask(`${server.url}/wait?ms=5000`)).status, 503);
    await areCounted(seen, { 'GET /wait': 1 });
  });
});

describe('on a back lane', () => {
  test('what waited for it too long', async () => {
    const seen = await watched(withLane);
    const server = await onLane(seen.pool, 'GET /burn', { deadlineMs: 150 });
    const count = late(await burst(server, '/burn?ms=100', 8));
    assert.ok(count >= 5, `${count} were late`);
    await until(() => seen.pool.stats().expired.requests + seen.pool.stats().refused.requests === count, 'the count');
    await areCounted(seen, { 'GET /burn': count - seen.pool.stats().refused.requests });
    assert.ok(seen.pool.stats().expired.requests > 0);
  });
  test('what had to end in time there, answered or begun to be answered', async () => {
    const seen = await watched(withLane);
    const server = await onLane(seen.pool, 'GET /*', { deadlineMs: 150, onDeadline: 'cancel' });
    const { status, text } = await ask(`${server.url}/wait?ms=5000`);
    assert.deepEqual([status, text], [503, 'The request was not answered within 150 ms.\n'], 'the lane says so itself');
    const socket = await socketTo(server);
    socket.write('GET /sse-endless HTTP/1.1\r\nhost: x\r\n\r\n');
    assert.match(await received(socket, () => false), /data: 0\n/, 'it is cut');
    await areCounted(seen, { 'GET /wait': 1, 'GET /sse-endless': 1 });
  });
});

test('the metric, and the figures of the admin port', async () => {
  const { pool } = await watched(inFront);
  const server = await pool.serve(app('paths.ts'), { port: 0, adminPort: 0, routes: { 'GET /wait': { deadlineMs: 50, onDeadline: 'cancel' } } });
  onTestFinished(async () => { await server.close({ graceMs: 0 }); });
  const admin = async (path: string): Promise<string> => (await fetch(`${server.adminUrl}${path}`)).text();
  assert.doesNotMatch(await admin('/metrics'), /expired/);
  for (let k = 0; k < 2; k++) assert.equal((await ask(`${server.url}/wait?ms=5000`)).status, 503);
  await until(() => pool.stats().expired.requests === 2, 'both');
  assert.match(await admin('/metrics'), /^# TYPE capriccio_requests_expired_total counter\ncapriccio_requests_expired_total\{route="GET \/wait"\} 2$/m);
  assert.deepEqual((JSON.parse(await admin('/stats.json')) as { stats: { expired: unknown } }).stats.expired, { requests: 2, byRoute: { 'GET /wait': 2 } });
});
