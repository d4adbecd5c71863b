/** Requests on their way to their turn, with responses that are only looked at: no sockets, and the turn never comes. */
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Scheduler } from '@capriccio/worker';
import { afterEach, describe, test, vi } from 'vitest';
import { WriteCoalescer } from '../../../packages/core/src/http/coalesce.ts';
import { RequestThreads } from '../../../packages/core/src/serve/request-threads.ts';
import { RouteAdmission } from '../../../packages/core/src/serve/route-admission.ts';

const options = { host: '127.0.0.1', port: 0, accept: 'placed', deadlineMs: 5, routes: {}, headersMs: 0, bodyMs: 0, bodyBytes: Infinity, keepAliveMs: 5000, observe: false, tellsEnds: false } as const;

class Response extends EventEmitter {
  writableEnded = false;
  status = 0;
  writeHead(status: number): void { this.status = status; }
  end(): void { this.writableEnded = true; }
}

/** Requests come to one route, and no turn ever comes. */
function door(deadlineMs: number) {
  const scheduler = new Scheduler({ timersRef: false });
  scheduler.arm = () => { /* no turn ever comes */ };
  const threads = new RequestThreads({ scheduler, laneClock: undefined }, () => assert.fail('it has begun'), { ...options, deadlineMs }, new WriteCoalescer(), () => { /* nobody observes */ }, { shed: () => { /* the status tells */ }, expired: () => assert.fail('nothing has begun') });
  const arrive = (accept?: string): Response => {
    const res = new Response();
    threads.add({ method: 'GET', url: '/feed', headers: { accept }, socket: {}, complete: true } as unknown as IncomingMessage, res as unknown as ServerResponse);
    return res;
  };
  return { scheduler, threads, arrive, root: scheduler.roots.named('GET /feed') };
}

test('clients that have gone while their requests waited are nobody whom the next has to wait for', () => {
  const { threads, arrive } = door(5);
  const streams = Array.from({ length: 300 }, () => arrive('text/event-stream'));   // without a deadline: none is refused
  assert.ok(streams.every(({ status }) => status === 0));
  assert.equal(arrive().status, 503, '300 before it');
  for (const stream of streams) stream.emit('close');
  assert.equal(arrive().status, 0, 'the first, who found nobody before him, and nobody else');
  assert.equal(threads.active, 301);
});

describe('somebody has to leave the queue', () => {
  afterEach(() => { vi.restoreAllMocks(); });
  /** A second of computing each, ten seconds of time: some six fit, or the same in a tenth of the time. Time stands still. */
  const full = (deadlineMs = 10_000) => {
    const begin = performance.now();
    const now = vi.spyOn(performance, 'now').mockReturnValue(begin);
    const scene = { ...door(deadlineMs), after: (ms: number): void => { now.mockReturnValue(begin + ms); } };
    scene.root.costUs = deadlineMs * 100;
    const waiting: Response[] = [];
    let next = scene.arrive();
    for (; scene.threads.active > waiting.length && waiting.length < 100; next = scene.arrive()) waiting.push(next);
    return { ...scene, waiting, next };
  };
  test('it is who has waited longest, and has a refusal soon; the newcomer waits', () => {
    const left = vi.spyOn(RouteAdmission.prototype, 'left');
    const { threads, root, waiting, next, arrive } = full();
    assert.ok(waiting.length > 3 && waiting.length < 20, `${waiting.length}`);
    assert.deepEqual([waiting[0]?.status, waiting[0]?.writableEnded, next.status], [503, true, 0]);
    arrive();
    assert.deepEqual(waiting.map(({ status }) => status), [503, 503, ...Array.from({ length: waiting.length - 2 }, () => 0)]);
    assert.equal(threads.active, waiting.length);
    assert.equal(root.entries.length, waiting.length);
    assert.equal(left.mock.calls.length, 0, 'the queue has not been empty, of however few it is');
    waiting[0]?.emit('close');
    waiting[2]?.emit('close');
    assert.equal(arrive().status, 0, 'one has gone by itself: there is room');
    assert.equal(waiting[3]?.status, 0);
    arrive();
    assert.deepEqual([waiting[2]?.status, waiting[3]?.status], [0, 503], 'who has gone is told nothing');
    assert.equal(threads.active, waiting.length);
  });
  test('it is the newcomer when the first has waited for long', () => {
    const { arrive, waiting, after } = full();
    after(19);
    assert.deepEqual([arrive().status, waiting[1]?.status], [0, 503]);
    after(21);
    assert.deepEqual([arrive().status, waiting[2]?.status], [503, 0]);
  });
  test('where many are refused it is who has waited longest whatever that is, and the newest begins first', () => {
    const { arrive, waiting, next, after, root, threads } = full(1000);
    assert.equal(root.isNewestFirst, false, 'one has been refused');
    const later = Array.from({ length: 20 }, () => arrive());
    assert.equal(root.isNewestFirst, true);
    after(149);
    later.push(arrive());
    const all = [...waiting, next, ...later];
    const refused = all.filter(({ status }) => status === 503);
    assert.ok(refused.length >= 21);
    assert.deepEqual(refused, all.slice(0, refused.length), 'the first that came, also one that has waited for long');
    assert.equal((root.takeEntry() as unknown as { res: Response }).res, later.at(-1));
    assert.deepEqual([root.entries.length, threads.active], [all.length - refused.length - 1, all.length - refused.length]);
  });
  test('for each that comes two leave that have waited for half of the deadline, where it is not known how long a turn takes', () => {
    const { arrive, waiting, next, after, root } = full(1000);
    assert.deepEqual([next.status, waiting[0]?.status], [0, 503]);
    const before = root.entries.length;
    after(499);
    arrive();
    const refused = waiting.filter(({ status }) => status === 503).length;
    after(501);
    arrive();
    assert.deepEqual(waiting.map(({ status }) => status), waiting.map((_, k) => (k < refused + 2 ? 503 : 0)));
    assert.ok(root.entries.length < before);
    after(1502);
    arrive();
    assert.equal(waiting.filter(({ status }) => status === 503).length, refused + 2, 'nobody has been refused for a second');
  });
  test('once nobody has been refused for a while, two who ask again and again are not kept from their turns', () => {
    const { arrive, after, root, threads } = full(1000);
    for (let k = 0; k < 40; k++) arrive();
    while (root.entries.length > 0) { root.takeEntry(); threads.active--; }
    after(1000);
    const waits = arrive();
    for (let ms = 1001; ms < 1600; ms += 40) {
      after(ms);
      arrive();
      const first = root.takeEntry() as unknown as { res: Response };
      if (first.res === waits) return;
      assert.equal(waits.status, 0);
    }
    assert.fail('its turn has not come');
  });
  test('nobody begins before one that has no deadline', () => {
    const { arrive, root } = full();
    const stream = arrive('text/event-stream');
    for (let k = 0; k < 20; k++) arrive();
    assert.equal(root.isNewestFirst, true);
    const taken: unknown[] = [];
    while (!taken.includes(stream)) taken.push((root.takeEntry() as unknown as { res: Response }).res);
    assert.equal(taken[0], stream, 'those before it have left');
  });
  test('and when the first has no deadline', () => {
    const { arrive: come, root, threads } = door(10_000);
    root.costUs = 1e6;
    const stream = come('text/event-stream');
    const others = Array.from({ length: 30 }, () => come());
    assert.equal(stream.status, 0);
    assert.equal(others.at(-1)?.status, 503);
    assert.ok(threads.active < 20);
  });
});
