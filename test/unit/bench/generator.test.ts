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
