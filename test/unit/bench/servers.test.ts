/** The contenders of servers/: each gives the bytes that the application gives, whatever it is made of, and says what it has used. */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import type { FetchApp } from '../../../packages/bench/src/servers/protocol.ts';
import { ServerProcess } from '../../../packages/bench/src/servers/server-process.ts';

const sources = new URL('../../../packages/bench/src/servers/', import.meta.url);
const paths = { 'light.ts': ['/'], 'mixed.ts': ['/light', '/heavy'], 'blocks.ts': ['/'], 'routes.ts': ['/spin/10/light', '/wait/10/wait'] };
const CORES = 2;

describe.each(['threads.ts', 'fastify-piscina.ts'])('%s', (file) => {
  test.each(Object.entries(paths))('serves %s as it is', async (name, all) => {
    const app = new URL(`apps/${name}`, sources);
    const { default: own } = await import(app.href) as { default: FetchApp };
    await using server = await ServerProcess.start(new URL(file, sources), { app, port: 0, cores: CORES });
    for (const path of all) {
      const expected = await own.fetch(new Request(`http://127.0.0.1${path}`));
      const answers = await Promise.all(Array.from({ length: 4 }, () => fetch(`http://127.0.0.1:${server.port}${path}`, { headers: { connection: 'close' } })));
      const text = await expected.text();
      for (const answer of answers) {
        assert.equal(answer.status, expected.status, path);
        assert.equal(await answer.text(), text, path);
      }
    }
    const { cpuUs, parts } = await server.usage();
    assert.ok(cpuUs > 0);
    assert.equal(parts.length, file === 'threads.ts' ? CORES : 1);
    assert.equal(parts.reduce((sum, { threadsRun }) => sum + threadsRun, 0), all.length * 4);
  });
});

test('what is beyond the queue of the pool by hand is refused with 503, and the rest is answered', async () => {
  await using server = await ServerProcess.start(new URL('fastify-piscina.ts', sources), { app: new URL('apps/routes.ts', sources), port: 0, cores: CORES });
  const statuses = await Promise.all(Array.from({ length: 60 }, async () => { const answer = await fetch(`http://127.0.0.1:${server.port}/spin/100000/x`); await answer.text(); return answer.status; }));
  assert.ok(statuses.includes(200) && statuses.includes(503), statuses.join(' '));
  assert.deepEqual([...new Set(statuses)].toSorted((a, b) => a - b), [200, 503]);
});
