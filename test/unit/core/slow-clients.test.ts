/** Clients that send or read next to nothing, by the hundred: each meets its limit and is told which, and who is served beside them notices nothing. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { createPool, type Pool, type PoolServer } from 'capriccio';
import { afterAll, beforeAll, describe, onTestFinished, test } from 'vitest';
import { soon, until } from './rig.ts';
import { ask, ended, quiet, received, serverFor, socketTo } from './serve-rig.ts';

const EACH = 100;
/** As near to a byte a second as a test of a few seconds gets. Deadlines are long: nothing is to be refused for want of time. */
const BEAT_MS = 50;

let pool: Pool;
beforeAll(async () => { pool = await createPool({ cores: 2, audit: true, windows: 'auto', ...quiet }); });
afterAll(async () => { await pool.close({ graceMs: 0 }); });

const crowd = (server: PoolServer, count: number): Promise<Socket[]> => Promise.all(Array.from({ length: count }, () => socketTo(server)));

/** Sends the opening and then a byte at a time; @returns all that came until the server closed */
function trickle(socket: Socket, opening: string): Promise<string> {
  socket.write(opening);
  const timer = setInterval(() => { if (socket.writable) socket.write('x'); }, BEAT_MS);
  onTestFinished(() => { clearInterval(timer); });
  socket.once('close', () => { clearInterval(timer); });
  return received(socket, () => false);
}
const statusOf = (text: string): string => text.slice(0, 13);
/** All have ended, and each has been told why, though it was still sending. */
const allGot = (status: number, texts: readonly string[]): void => { assert.deepEqual(new Set(texts.map(statusOf)), new Set([`HTTP/1.1 ${status} `])); };

/** Light requests one after the other until it is stopped; each must be answered. */
function honest(server: PoolServer): () => Promise<number> {
  let isOn = true;
  let answered = 0;
  const loop = async (): Promise<void> => {
    while (isOn) {
      assert.equal((await ask(server.url)).text, 'hello');
      answered++;
    }
  };
  const done = loop();
  done.catch(() => { /* `stop` says so */ });
  return async () => { isOn = false; await done; return answered; };
}

const atRest = (): Promise<void> => until(() => pool.stats().workers.every(({ threads, connections }) => threads === 0 && connections === 0), 'nothing being left');

describe(`${3 * EACH} clients that send a byte now and then`, () => {
  test('in their headers, in bodies of a declared length, in chunks: 408, and light ones beside are answered', async () => {
    const server = await serverFor(pool, 'paths.ts', { deadlineMs: 60_000, limits: { headersMs: 2000, bodyMs: 3000 } });
    const stop = honest(server);
    const [headers, bodies, chunks] = [await crowd(server, EACH), await crowd(server, EACH), await crowd(server, EACH)];
    const texts = await Promise.all([
      ...headers.map((socket) => trickle(socket, 'GET / HTTP/1.1\r\nhost: x\r\nx-slow: ')),
      ...bodies.map((socket) => trickle(socket, 'POST /count HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n')),
      ...chunks.map((socket) => trickle(socket, 'POST /count HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nfffff\r\n')),
    ]);
    allGot(408, texts);
    assert.ok(await stop() > 0);
    await atRest();
  });

  test('of bodies that are larger than may be: 413 at once where it is declared, else when it is', async () => {
    const server = await serverFor(pool, 'paths.ts', { deadlineMs: 60_000, limits: { bodyBytes: 10 } });
    const stop = honest(server);
    const [declared, chunked] = [await crowd(server, EACH), await crowd(server, EACH)];
    const texts = await Promise.all([
      ...declared.map((socket) => trickle(socket, 'POST /count HTTP/1.1\r\nhost: x\r\ncontent-length: 11\r\n\r\n')),
      ...chunked.map((socket) => trickle(socket, 'POST /count HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nfffff\r\n')),
    ]);
    allGot(413, texts);
    assert.ok(await stop() > 0);
    await atRest();
  });
});

describe('an answer that ends the connection is not lost', () => {
  const CASES: readonly (readonly [number, string, string])[] = [
    [413, 'a body that is declared too large', 'POST /count HTTP/1.1\r\nhost: x\r\ncontent-length: 100000000\r\n\r\n'],
    [413, 'one that is not declared', 'POST /count HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nfffffff\r\n'],
    [400, 'what is no HTTP', 'hello\r\n\r\n'],
    [431, 'headers that are too large', `GET / HTTP/1.1\r\nhost: x\r\nbig: ${'b'.repeat(20_000)}`],
    [408, 'a body that is late', 'POST /count HTTP/1.1\r\nhost: x\r\ncontent-length: 100000000\r\n\r\n'],
    [404, 'an answer of the app that does not wait for the body', 'POST /nowhere HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 100000000\r\n\r\n'],
  ];
  test.each(CASES)('%i, %s: to a client that reads it only when it has sent much more', async (status, _, opening) => {
    const server = await serverFor(pool, 'paths.ts', { deadlineMs: 60_000, limits: status === 408 ? { bodyMs: 300 } : status === 404 ? {} : { bodyBytes: 1000 } });
    const socket = await socketTo(server);
    socket.pause();
    socket.write(opening);
    const piece = status === 408 ? 'x' : 'GET / HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(1000);
    for (let k = 0; k < 50 && socket.writable; k++) { socket.write(piece); await delay(status === 408 ? 20 : 4); }
    socket.resume();
    const text = await received(socket, () => false);
    assert.equal(statusOf(text), `HTTP/1.1 ${status} `);
    assert.equal(text.match(/HTTP\/1\.1/g)?.length, 1, 'what it sent afterwards is nobody\'s request');
    await atRest();
  });
  test('and its handler is told at once', async () => {
    const server = await serverFor(pool, 'paths.ts', { deadlineMs: 60_000, limits: { bodyBytes: 1000 } });
    const socket = await socketTo(server);
    socket.write('POST /count HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n');
    await until(() => pool.stats().workers.some(({ threads }) => threads === 1), 'its thread');
    socket.write(`800\r\n${'x'.repeat(2048)}\r\n`);
    await until(() => pool.stats().workers.every(({ threads }) => threads === 0), 'its end');
    assert.ok(socket.writable);
    assert.equal(pool.stats().workers.reduce((sum, { connections }) => sum + connections, 0), 1, 'the connection lingers, and counts');
    socket.destroy();
    await atRest();
  });
});

test('clients that read next to nothing hold their own answer up and nobody else\'s', async () => {
  const server = await serverFor(pool, 'paths.ts', { deadlineMs: 60_000 });
  const sockets = await crowd(server, EACH);
  for (const socket of sockets) { socket.pause(); socket.write('GET /big?blocks=160 HTTP/1.1\r\nhost: x\r\n\r\n'); }
  await Promise.all(sockets.map((socket) => soon(once(socket, 'readable'), 'a first byte')));
  const beat = setInterval(() => { for (const socket of sockets) socket.read(1); }, BEAT_MS);
  onTestFinished(() => { clearInterval(beat); });
  await until(() => pool.stats().workers.reduce((sum, { threads }) => sum + threads, 0) >= EACH, 'their threads waiting');
  for (let k = 0; k < 50; k++) assert.equal((await ask(server.url)).text, 'hello');
  clearInterval(beat);
  for (const socket of sockets) socket.destroy();
  await atRest();
});

test('connections above the limit get 503 and the end', async () => {
  const server = await serverFor(pool, 'paths.ts', { deadlineMs: 60_000, limits: { connections: EACH, keepAliveMs: 0 } });
  await Promise.all((await crowd(server, EACH)).map(async (socket) => { socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n'); assert.match(await received(socket, (text) => text.includes('hello')), /^HTTP\/1\.1 200 /); }));
  const above = await crowd(server, EACH);
  allGot(503, await Promise.all(above.map((socket) => received(socket, () => false))));
});

test('each server counts its own connections, and those that linger', async () => {
  const others = await serverFor(pool, 'paths.ts', { limits: { keepAliveMs: 0 } });
  const crowded = await Promise.all((await crowd(others, 20)).map(async (socket) => { socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n'); return await received(socket, (text) => text.includes('hello')); }));
  assert.equal(crowded.length, 20);
  const server = await serverFor(pool, 'paths.ts', { deadlineMs: 60_000, limits: { connections: 1, bodyBytes: 10 } });
  const socket = await socketTo(server);
  socket.write('POST /count HTTP/1.1\r\nhost: x\r\ncontent-length: 11\r\n\r\n');
  assert.match(await received(socket, (text) => text.includes('10 bytes')), /^HTTP\/1\.1 413 /);
  assert.equal(statusOf(await received(await socketTo(server), () => false)), 'HTTP/1.1 503 ');
  socket.destroy();
  await until(async () => (await ask(server.url)).status === 200, 'its place');
});

test('an idle connection is closed after its time, and told which that is', async () => {
  const server = await serverFor(pool, 'paths.ts', { deadlineMs: 60_000, limits: { keepAliveMs: 2000 } });
  const socket = await socketTo(server);
  const end = ended(socket);
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  assert.match(await received(socket, (all) => all.includes('hello')), /keep-alive: timeout=2\r\n[^]*hello$/i);
  await soon(end, 'its end');
});

test('an idle connection is kept as long as it is asked to be', async () => {
  const server = await serverFor(pool, 'paths.ts', { deadlineMs: 60_000, limits: { keepAliveMs: 0 } });
  const socket = await socketTo(server);
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  const text = await received(socket, (all) => all.includes('hello'));
  assert.doesNotMatch(text, /keep-alive: timeout/i);
  await delay(50);
  socket.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
  await soon(ended(socket), 'its end');
});
