/** Each example of examples/servers, served on two cores by a pool, does what its README says. */
import assert from 'node:assert/strict';
import { createPool, type Pool, type PoolServer } from 'capriccio';
import { afterAll, beforeAll, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { until } from '../core/rig.ts';
import { PATIENCE_MS } from '../core/serve-rig.ts';

const example = (name: string): URL => new URL(`../../../examples/servers/${name}`, import.meta.url);
let pool: Pool;
beforeAll(async () => { pool = await createPool(2); });
afterAll(() => pool.close({ graceMs: 0 }));

async function serve(name: string): Promise<PoolServer> {
  const server = await pool.serve(example(name), { port: 0, deadlineMs: PATIENCE_MS });
  onTestFinished(() => server.close({ graceMs: 0 }));
  return server;
}
const jsonOf = async (url: string): Promise<unknown> => (await fetch(url)).json();

test.for(['fastify', 'hono', 'express', 'koa', 'node-http', 'fetch'])('%s: a light route, a heavy one on another core, and what is not there', async (name) => {
  const { url } = await serve(`${name}.ts`);
  const [light, heavy] = await Promise.all([jsonOf(`${url}/`), jsonOf(`${url}/prime/1000000`)]);
  assert.deepEqual(light, { hello: name === 'node-http' ? 'node:http' : name });
  assert.deepEqual(heavy, { prime: 999_983 });
  assert.equal((await fetch(`${url}/nowhere`)).status, 404);
});

test('fastify: what runs for a client that leaves is cancelled, and cleans up', async () => {
  await using own = await createPool(2);                                 // a Fastify app that was closed, by the test before, stays closed
  const { url } = await own.serve(example('fastify.ts'), { port: 0, graceMs: 0 });
  const controller = new AbortController();
  const request = fetch(`${url}/patient/reader`, { signal: controller.signal });
  setTimeout(() => controller.abort(), 100);
  await assert.rejects(request, { name: 'AbortError' });
  await until(async () => (await jsonOf(`${url}/abandoned`) as string[]).includes('reader'));
});

test('events: they come one by one, and end with their client', async () => {
  const { url } = await serve('events.ts');
  const response = await fetch(url, { headers: { accept: 'text/event-stream' } });
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  let text = '';
  while (!text.includes('data: 3\n\n')) text += Buffer.from((await reader.read()).value ?? []).toString();
  assert.ok(text.startsWith('data: 1\n\ndata: 2\n\n'));
  await reader.cancel();
  await until(async () => (await Promise.all([1, 2, 3, 4].map(() => jsonOf(`${url}/open`)))).every((open) => open === 0));
});

test('websocket: messages go both ways', async () => {
  const { url } = await serve('websocket.ts');
  assert.equal(await (await fetch(url)).text(), 'connect by WebSocket\n');
  const socket = new WebSocket(url.replace('http', 'ws'));
  onTestFinished(() => { socket.terminate(); });
  const answers: string[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.on('error', reject).on('open', () => { socket.send('100'); socket.send('1000'); });
  socket.on('message', (data: Buffer) => { if (answers.push(data.toString()) === 2) resolve(); });
  await promise;
  assert.deepEqual(answers.toSorted(), ['97', '997']);
});

test('uploads: a file of a form is hashed on another core', async () => {
  const { url } = await serve('uploads.ts');
  const form = new FormData();
  form.set('file', new File([new Uint8Array(1_000_000).fill(7)], 'sevens.bin'));
  const { createHash } = await import('node:crypto');
  assert.deepEqual(await (await fetch(url, { method: 'POST', body: form })).json(), { name: 'sevens.bin', bytes: 1_000_000, sha256: createHash('sha256').update(new Uint8Array(1_000_000).fill(7)).digest('hex') });
  assert.deepEqual([(await fetch(url)).status, (await fetch(url, { method: 'POST', body: new FormData() })).status], [405, 400]);
});

test('static: files of a folder', async () => {
  const { url } = await serve('static.ts');
  assert.ok((await (await fetch(url)).text()).includes('From the folder.'));
  const style = await fetch(`${url}/style.css`);
  assert.deepEqual([style.status, style.headers.get('content-type')?.split(';')[0], style.headers.get('cache-control')], [200, 'text/css', 'public, max-age=60']);
  assert.equal((await fetch(`${url}/../package.json`)).status, 404);
});
