/** What requests leave behind is garbage at the next scavenge: nothing that has grown old holds what is young. */
import { Agent, get } from 'node:http';
import { expect, test } from 'vitest';
import { poolFor } from './rig.ts';
import { serverFor } from './serve-rig.ts';

const BETWEEN = 50;
/** What V8 compiles late, and keeps, falls into one batch or another; what requests leave is in each. */
const WARM_UP = 1500, BATCHES = 3, REQUESTS = 1500;
/** 2,700 were left where each request gave its cell a closure; some 200 are the caches of node:http and of V8. */
const BYTES_MAX = 1000;

test.each(['/light', '/waits'])('%s: requests leave next to nothing that only a full collection frees', async (path) => {
  const pool = await poolFor({ cores: 1, windows: 'off', spares: 0 });
  const server = await serverFor(pool, 'survivors.ts');
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  const ask = (to: string): Promise<string> => new Promise((resolve, reject) => {
    get({ port: server.port, path: to, agent }, (res) => { res.setEncoding('utf8').toArray().then((parts) => resolve(parts.join('')), reject); }).on('error', reject);
  });
  const heap = async (): Promise<number> => Number(await ask('/heap'));
  const load = async (count: number): Promise<number> => {
    for (let k = 0; k < count; k += BETWEEN) {
      await Promise.all(Array.from({ length: BETWEEN }, () => ask(path)));
      await heap();
    }
    return heap();
  };
  try {
    await load(WARM_UP);
    let left = Infinity;
    for (let batch = 0; batch < BATCHES; batch++) {
      await ask('/collect');                                             // so that V8 begins no full collection in between
      const before = await heap();
      left = Math.min(left, (await load(REQUESTS) - before) / REQUESTS);
    }
    console.log(`survivors: ${path}: ${Math.round(left)} bytes a request`);
    expect(left).toBeLessThan(BYTES_MAX);
  } finally {
    agent.destroy();
  }
});
