/** Cancellation and deadlines reach Node's own waits by the thread's signal: compiled, native, in this isolate and on other cores. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createPool, type Pool, type Remote, type Thread } from 'capriccio';
import { spawn } from 'capriccio/thread';
import { afterAll, beforeAll, describe, test } from 'vitest';
import * as here from '../../fixtures/core/node-waits.ts';
import { fixture, rejection, soon, until } from './rig.ts';

let server: Server;
let url = '';
/** That have begun, and are never ended. */
let answers = 0;
beforeAll(async () => {
  server = createServer((req, res) => {
    answers++;
    res.on('close', () => { answers--; });
    if (req.url === '/half') res.write('half');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => { server.closeAllConnections(); server.close(); await once(server, 'close'); });

/** Until all kinds wait, then whatever ends them, then what they say. */
async function ends(logged: () => string[] | Promise<string[]>, end: () => Promise<unknown>): Promise<void> {
  const all: string[] = [];
  const say = async (what: string): Promise<void> => { await until(async () => { all.push(...await logged()); return here.kinds.every((kind) => all.includes(`${kind} ${what}`)); }, `all ${what}`); };
  await say('begins');
  await end();
  await say('is cleaned up');
  for (const kind of here.kinds) assert.deepEqual(all.filter((line) => line.startsWith(`${kind} `)), [`${kind} begins`, `${kind} ends`, `${kind} is cleaned up`]);
  await until(() => answers === 0, 'their connections are closed');
}
/** The server has begun both of its answers: so what is cancelled waits for them. */
const answering = (): Promise<void> => until(() => answers === 2, 'two answers');
const all = <T>(one: (kind: string) => T): T[] => here.kinds.map(one);
async function cancelled(threads: readonly Thread[]): Promise<void> {
  await answering();
  for (const thread of threads) thread.cancel();
  for (const thread of threads) assert.deepEqual([(await rejection(thread.join())).code, thread.status], ['CAP_ERR_CANCELLED', 'cancelled']);
}
/** They are watched from the beginning: a deadline may pass before anybody asks. */
async function rejected(code: string, calls: readonly Promise<unknown>[]): Promise<void> {
  assert.deepEqual((await soon(Promise.allSettled(calls))).map((one) => (one.status === 'rejected' ? (one.reason as { code: unknown }).code : one.status)), calls.map(() => code));
}

describe('in this isolate, native', () => {
  test('they end with their thread', async () => {
    const threads = all((kind) => spawn(here.waits, kind, url));
    await ends(here.logged, () => cancelled(threads));
  });
  test('they end with a deadline', async () => {
    const over = rejected('CAP_ERR_DEADLINE', all((kind) => spawn(here.waitsWithin, 500, kind, url).join()));
    await ends(here.logged, () => over);
  });
});

describe.each([['compiled', undefined], ['native', false]] as const)('on another core, %s', (_, compile) => {
  let pool: Pool;
  let tasks: Remote<typeof here>;
  beforeAll(async () => {
    pool = await createPool({ cores: 1, ...compile === undefined ? {} : { compile } });
    tasks = pool.module<typeof here>(fixture('node-waits.ts'));
    await tasks.logged();
  });
  afterAll(async () => { await pool.close({ graceMs: 0 }); });
  const logged = (): Promise<string[]> => tasks.logged();

  test('they end with their thread', async () => {
    const threads = all((kind) => tasks.waits.spawn(kind, url));
    await ends(logged, () => cancelled(threads));
  });
  test('they end with the signal of their caller', async () => {
    const controller = new AbortController();
    const over = rejected('CAP_ERR_CANCELLED', all((kind) => tasks.waits.with({ signal: controller.signal })(kind, url)));
    await ends(logged, async () => { await answering(); controller.abort(); await over; });
  });
  test('they end with the deadline of their call', async () => {
    const over = rejected('CAP_ERR_DEADLINE', all((kind) => tasks.waits.with({ deadlineMs: 2000, onDeadline: 'cancel' })(kind, url)));
    await ends(logged, () => over);
  });
  test('they end with a deadline of their own', async () => {
    const over = rejected('CAP_ERR_DEADLINE', all((kind) => tasks.waitsWithin(500, kind, url)));
    await ends(logged, () => over);
  });
});
