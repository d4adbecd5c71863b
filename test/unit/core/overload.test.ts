/** More than can be done in time: refused at arrival, by servers and for calls, and told of. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Overload } from 'capriccio';
import { describe, test } from 'vitest';
import { readinessOf } from '../../../packages/core/src/admin/readiness.ts';
import { OverloadWatch } from '../../../packages/core/src/overload-watch.ts';
import { fixture, poolFor, soon, until } from './rig.ts';
import { answersIn, ask, quiet, received, serverFor, socketTo } from './serve-rig.ts';

const pipelined = (path: string, count: number): string => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`.repeat(count);
const statuses = (text: string): { ok: number; refused: number } => {
  const all = answersIn(text).map((answer) => answer.slice(0, 3));
  return { ok: all.filter((status) => status === '200').length, refused: all.filter((status) => status === '503').length };
};

/** Admission to one queue. A back lane, of lower priority, would wait for whatever else the machine does. */
const one = { cores: 1, lanes: 'off' } as const;

describe('a server', () => {
  test('refuses at arrival what would come too late, tells when to come back, and goes on with what it took', async () => {
    const pool = await poolFor({ ...one, ...quiet });
    const events: Overload[] = [];
    pool.on('overload', (overload) => { events.push(overload); });
    const server = await serverFor(pool, 'busy.ts', { deadlineMs: 200 });
    const url = `${server.url}/busy?ms=5`;
    for (let k = 0; k < 20; k++) await ask(url);                          // it learns what one takes
    const socket = await socketTo(server);
    socket.write(pipelined('/busy?ms=5', 100));                           // they arrive at one time
    const text = await received(socket, (soFar) => answersIn(soFar).length === 100);
    const { ok, refused } = statuses(text);
    assert.ok(refused >= 50 && ok >= 1, `${ok} answered, ${refused} refused`);
    assert.equal(ok + refused, 100);
    for (const [, seconds] of text.matchAll(/retry-after: (.*)\r/gi)) assert.match(seconds as string, /^[1-9]\d*$/);
    assert.equal(Number((await ask(`${server.url}/begun`)).text), 20 + ok, 'what was refused never began');
    await until(() => events.reduce((sum, { refused: count }) => sum + count, 0) === refused);
    assert.deepEqual([events[0]?.what, events[0]?.root], ['request', 'GET /busy']);
    assert.ok((events[0]?.retryAfterMs ?? 0) >= 50);
    const { retryAfterMs, ...counts } = pool.stats().refused;
    assert.deepEqual(counts, { requests: refused, calls: 0, byRoot: { 'GET /busy': refused } });
    assert.ok((retryAfterMs['GET /busy'] ?? 0) > 0);
  });

  test('a flooded route harms no other', async () => {
    const pool = await poolFor({ ...one, ...quiet });
    const server = await serverFor(pool, 'busy.ts', { deadlineMs: 300 });
    for (let k = 0; k < 10; k++) await ask(`${server.url}/busy?ms=5`);
    const sockets = await Promise.all(Array.from({ length: 3 }, () => socketTo(server)));
    for (const socket of sockets) socket.write(pipelined('/busy?ms=5', 50));   // they arrive at one time, however slow this process is
    const others = await Promise.all(Array.from({ length: 10 }, () => ask(`${server.url}/other`)));
    assert.deepEqual(others.map(({ status }) => status), Array.from({ length: 10 }, () => 200));
    const flood = await Promise.all(sockets.map((socket) => received(socket, (text) => answersIn(text).length === 50)));
    assert.ok(flood.some((text) => statuses(text).refused > 0), 'it was no flood');
  });

  test('refuses a request without reading its body, and the connection goes on', async () => {
    const pool = await poolFor({ ...one, ...quiet });
    const server = await serverFor(pool, 'busy.ts', { deadlineMs: 50 });
    const socket = await socketTo(server);
    socket.write(pipelined('/busy?ms=20', 12));
    await received(socket, (text) => answersIn(text).length === 12);
    const second = await socketTo(server);
    second.write(pipelined('/busy?ms=20', 40));
    const answers = statuses(await received(second, (text) => answersIn(text).length === 40));
    assert.ok(answers.refused > 0 && answers.ok > 0, JSON.stringify(answers));
    const poster = await socketTo(server);
    poster.write(`${pipelined('/busy?ms=20', 10)}POST /busy?ms=20 HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n12345GET /other HTTP/1.1\r\nhost: a\r\n\r\n`);
    const last = answersIn(await received(poster, (text) => answersIn(text).length === 12));
    assert.equal(last[11], '200 done');
  });

  test('a slow route with hardly any time to spare is served when nothing waits', async () => {
    const pool = await poolFor({ ...one, ...quiet });
    const server = await serverFor(pool, 'busy.ts', { deadlineMs: 100 });
    for (let k = 0; k < 8; k++) assert.equal((await ask(`${server.url}/busy?ms=60`)).status, 200);
    assert.equal(pool.stats().refused.requests, 0);
  });
});

describe('a load balancer is told', () => {
  const watchOf = (refusedPerS: number, begunPerS: number, seconds: number): OverloadWatch => {
    const watch = new OverloadWatch();
    for (let ms = 0; ms <= seconds * 1000; ms += 100) watch.note(ms, refusedPerS / 10, () => begunPerS * ms / 1000);
    return watch;
  };
  test.each([
    ['where more is refused than begun, from the second second on', 200, 100, 2.5, true],
    ['not of a burst', 200, 100, 1.5, false],
    ['not where more is begun', 80, 100, 5, false],
  ])('%s', (_, refused, begun, seconds, isSo) => { assert.equal(watchOf(refused, begun, seconds).isOverloaded(seconds * 1000), isSo); });
  test('and no longer a second after the last refusal', () => {
    const watch = watchOf(200, 100, 5);
    assert.deepEqual([watch.isOverloaded(5900), watch.isOverloaded(6100)], [true, false]);
  });
  test('by /readyz', () => {
    const health = { status: 'ok', cores: 1, ready: 1, stalled: [], overloaded: true } as const;
    assert.deepEqual([readinessOf(health, false), readinessOf({ ...health, overloaded: false }, false).isReady], [{ isReady: false, reason: 'overloaded' }, true]);
  });
});

describe('calls with a deadline', () => {
  interface Tasks { burns(ms: number): number }

  test('are refused when they would not begin in time; those without one never are', async () => {
    const pool = await poolFor(one);
    const { burns } = pool.module<Tasks>(fixture('cancels.ts'));
    await burns(4);                                                      // its module has been loaded, which takes longer where it has not been compiled before
    const hurried = burns.with({ deadlineMs: 100 });
    for (let k = 0; k < 30; k++) await hurried(4);
    const patient = Promise.all(Array.from({ length: 600 }, () => burns(4)));
    let refused: (Error & { code?: unknown; retryAfterMs?: unknown }) | undefined;
    for (let k = 0; k < 400 && refused === undefined; k++) {
      hurried(4).catch((error: Error & { code?: unknown }) => { if (error.code === 'CAP_ERR_OVERLOADED') refused = error; });
      await new Promise((resolve) => { setTimeout(resolve, 5); });
    }
    assert.match(refused?.message ?? '', /would not begin within its 100 ms: \d+ calls of it are outstanding/);
    assert.ok((refused?.retryAfterMs as number) >= 50);
    if (pool.stats().refused.byRoot['cancels.ts#burns'] === undefined) await soon(once(pool, 'overload'));
    assert.ok(pool.stats().refused.calls >= 1);
    assert.equal((await patient).length, 600);
  });
});
