import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { bodyHash, runLoad } from '../../../packages/bench/src/load/generator.ts';
import type { LoadPlan, LoadResult } from '../../../packages/bench/src/load/plan.ts';

async function load(listener: RequestListener, plan: Partial<LoadPlan> = {}): Promise<LoadResult> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    return await runLoad({
      host: '127.0.0.1', port: (server.address() as AddressInfo).port, seed: 1, ratePerSecond: 200, seconds: 0.5, arrivals: 'even', timeoutMs: 2_000,
      connections: { initial: 2, max: 100 },
      requests: [{ route: 'r', weight: 1, method: 'GET', path: '/', status: 200, bodyHash: bodyHash(Buffer.from('right')) }],
      ...plan,
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

describe('the load generator', () => {
  it('sends what the schedule says and counts right answers', async () => {
    const { total, routes, lateUs } = await load((_, response) => response.end('right'));
    expect(total).toMatchObject({ sent: 100, right: 100, wrong: {}, failed: {} });
    expect(routes).toHaveLength(1);
    expect(total.latencyUs.count).toBe(100);
    expect(lateUs.count).toBe(100);
  });

  it('tells wrong answers from refusals and from silence', async () => {
    let turn = 0;
    const { total } = await load((_, response) => {
      turn++;
      if (turn % 4 === 0) response.writeHead(503).end('busy');
      else if (turn % 4 === 1) response.end('wrong');
      else if (turn % 4 === 2) response.writeHead(404).end('right');
    }, { timeoutMs: 200 });
    expect(total.right).toBe(0);
    expect(total.wrong).toEqual({ 'wrong body': 25, 'wrong status 404': 25 });
    expect(total.failed).toEqual({ 'status 503': 25, timeout: 25 });
  });

  it('goes on with other requests at another rate, and tells when right answers came', async () => {
    const request = (path: string): LoadPlan['requests'][number] => ({ route: path, weight: 1, method: 'GET', path, status: 200, bodyHash: bodyHash(Buffer.from(path)) });
    const { routes, total } = await load((incoming, response) => response.end(incoming.url), {
      ratePerSecond: 100, seconds: 0.5, requests: [request('/a'), request('/b')], phases: [{ seconds: 0.5, ratePerSecond: 400, requests: [request('/b')] }],
    });
    expect(total).toMatchObject({ sent: 250, right: 250 });
    const [a, b] = routes;
    expect((a?.right ?? 0) + (b?.right ?? 0)).toBe(250);
    expect(a?.rightByTenth.slice(0, 5).reduce((sum, count) => sum + count, 0)).toBe(a?.right);
    expect(b?.right).toBeGreaterThanOrEqual(200);
    expect(total.rightByTenth.reduce((sum, count) => sum + count, 0)).toBe(250);
  });

  it('keeps to connections that lead to the same isolates', async () => {
    const named = new WeakMap<object, string>();
    const served = new Map<string, number>();
    let connections = 0;
    const { total, connectionsMax } = await load((request, response) => {
      let name = named.get(request.socket);
      if (name === undefined) named.set(request.socket, name = `isolate ${connections++ % 3}`);
      if (request.url === '/who') { response.end(name); return; }
      served.set(name, (served.get(name) ?? 0) + 1);
      response.end('right');
    }, { connections: { initial: 8, max: 8 }, gathering: { path: '/who', groups: 1 } });
    expect(total.right).toBe(100);
    expect([...served.values()]).toEqual([100]);
    expect(connectionsMax).toBe(8);
  });

  it('charges a stall to every request that waited through it', async () => {
    let stalled = false;
    const { total } = await load((_, response) => {
      if (!stalled) {
        stalled = true;
        const end = performance.now() + 250;
        while (performance.now() < end);
      }
      response.end('right');
    });
    // Half of the run is a stall: a closed loop would see one slow request a connection, that is two of a hundred.
    expect(total.right).toBe(100);
    expect(total.latencyUs.p90).toBeGreaterThan(100_000);
  });

  it('makes requests wait, on the clock, when no more connections are allowed', async () => {
    const { total, connectionsMax } = await load((_, response) => setTimeout(() => response.end('right'), 20), { connections: { initial: 1, max: 1 }, timeoutMs: 30_000 });
    expect(connectionsMax).toBe(1);
    expect(total.right).toBe(100);
    expect(total.latencyUs.p50).toBeGreaterThan(300_000);
  });
});
