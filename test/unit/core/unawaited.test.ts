/** What a cancelled handler has started and does not await ends with it, and ends nobody else. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, test } from 'vitest';
import { fixture, poolFor, until } from './rig.ts';
import { ask, serverFor, socketTo } from './serve-rig.ts';

describe.each(['call', 'wait', 'native'])('a %s that is not awaited', (kind) => {
  test('ends with its handler, whose client has gone, and the worker and its other requests go on', async () => {
    const pool = await poolFor({ cores: 1, lanes: 'off' });
    const server = await serverFor(pool, 'aside.ts');
    const other = ask(`${server.url}/none?ms=600`);
    const socket = await socketTo(server);
    socket.write(`GET /${kind}?ms=60000 HTTP/1.1\r\nhost: x\r\n\r\n`);
    await until(async () => (await pool.threads()).filter(({ name }) => name === `GET /${kind}`).length === 1, 'the request');
    socket.destroy();
    await until(async () => (await pool.threads()).every(({ name }) => name === 'GET /none'), 'its end');
    assert.equal((await other).text, 'done');
    assert.equal(pool.stats().lost, 0);
  });
  test('ends with its handler, whose deadline has passed', async () => {
    const pool = await poolFor({ cores: 1, lanes: 'off' });
    const server = await serverFor(pool, 'aside.ts', { routes: { [`GET /${kind}`]: { deadlineMs: 100, onDeadline: 'cancel' } } });
    const other = ask(`${server.url}/none?ms=600`);
    assert.equal((await ask(`${server.url}/${kind}?ms=60000`)).status, 503);
    assert.equal((await other).text, 'done');
    assert.equal(pool.stats().lost, 0);
  });
});

test('an error of its own that nobody handles ends the worker, as it ends a process', async () => {
  const pool = await poolFor({ cores: 1, lanes: 'off' });
  const lost: string[] = [];
  pool.on('lost', ({ reason }) => { lost.push(reason); });
  const server = await serverFor(pool, 'aside.ts');
  await fetch(`${server.url}/fails?ms=1000`).catch(() => undefined);
  await until(() => lost.length === 1, 'a death');
  assert.match(lost[0]!, /an error of its own/);
});

test.each([1, 0])('cores: %i: what is late is not printed as an error of the handler, what it throws is', async (cores) => {
  const program = fileURLToPath(fixture('serve/late-program.ts'));
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--conditions=capriccio-source', program, String(cores)]);
  assert.equal(stdout.trim(), '503,500');
  assert.equal(stderr.match(/CapriccioRequestError/g)?.length, 1, stderr);
  assert.match(stderr, /GET \/throws-late failed: thrown by a handler/);
});
