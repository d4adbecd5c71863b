/** `serve` with cores: 0: the application in this thread, as on a worker, and where a debugger finds it. What HTTP there is: serve-http.test.ts. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { threadId } from 'node:worker_threads';
import { createPool, type GraphData, type Pool } from 'capriccio';
import { afterAll, beforeAll, describe, onTestFinished, test } from 'vitest';
import { inspectorOf, type Fields } from '../inspector-rig.ts';
import { poolFor, rejection, soon, until } from './rig.ts';
import { answersIn, app, ask, ended, isRefused, received, serverFor, socketTo } from './serve-rig.ts';

let pool: Pool;
beforeAll(async () => { pool = await createPool(0); });
afterAll(async () => { await pool.close({ graceMs: 0 }); });

type Notes = typeof import('../../fixtures/core/serve/notes.ts');
const notes = (): Promise<Record<string, number>> => pool.module<Notes>(app('notes.ts')).read();

describe('requests', () => {
  test('are threads of this thread, and what they call runs here too', async () => {
    const server = await serverFor(pool, 'paths.ts', { routes: { 'GET /name': { tickets: 2 } } });
    assert.equal((await ask(`${server.url}/where`)).text, String(threadId));
    assert.equal((await ask(`${server.url}/name`)).text, 'GET /name');
    assert.deepEqual(JSON.parse((await ask(`${server.url}/nested-many`)).text), Array.from({ length: 20 }, (_, k) => k * 2));
  });
  test.each(['fetch-app.ts', 'hono-app.ts', 'fastify-app.ts', 'express-app.ts', 'koa-app.ts', 'factory.ts'])('of any shape of app: %s', async (name) => {
    const server = await serverFor(pool, name);
    const echo = await ask(`${server.url}/echo`, { method: 'POST', body: 'grüße', headers: { 'content-type': 'text/plain' } });
    assert.deepEqual([echo.status, echo.text, echo.headers['x-method']], [200, 'grüße', 'POST']);
  });
  test('one that cannot begin before its deadline is refused; at arrival, and counted, once it is known how long they take', async () => {
    const server = await serverFor(pool, 'paths.ts', { deadlineMs: 100 });
    const before = pool.stats().refused.requests;
    const statuses = async (): Promise<string[]> => {
      const socket = await socketTo(server);
      socket.write('GET /burn?ms=60 HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(12));
      return answersIn(await received(socket, (text) => answersIn(text).length === 12)).map((answer) => answer.slice(0, 3));
    };
    for (const got of [await statuses(), await statuses()]) assert.deepEqual([...new Set(got)].toSorted(), ['200', '503']);
    await until(() => pool.stats().refused.requests > before, 'the count');
  });
  test('that await what is Node\'s are listed with the time since when', async () => {
    const server = await serverFor(pool, 'paths.ts');
    const socket = await socketTo(server);
    socket.write('POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n');
    const listed = async () => (await pool.threads()).filter(({ name }) => name === 'POST /echo');
    await until(async () => (await listed()).length === 1, 'the request waiting for its body');
    const [{ waitingFor, waitingMs } = {}] = await listed();
    assert.deepEqual([waitingFor, (waitingMs ?? Infinity) < 60_000], [['a promise'], true], `${waitingMs} ms`);
    socket.destroy();
  });
  test('of a client that leaves are cancelled', async () => {
    const server = await serverFor(pool, 'paths.ts');
    const { began = 0, cleaned = 0 } = await notes();
    const socket = await socketTo(server);
    socket.write('GET /hangs HTTP/1.1\r\nhost: x\r\n\r\n');
    await until(async () => (await notes())['began'] === began + 1, 'the request having begun');
    socket.destroy();
    await until(async () => (await notes())['cleaned'] === cleaned + 1, 'the clean-up');
    await until(() => pool.stats().workers.every(({ threads, connections }) => threads === 0 && connections === 0), 'nothing being left');
  });
});

describe('a server', () => {
  test('on the admin port is ready, measured, and drains', async () => {
    const server = await pool.serve(app('paths.ts'), { port: 0, adminPort: 0 });
    const admin = (path: string): Promise<Response> => fetch(`${server.adminUrl}${path}`);
    assert.equal((await ask(`${server.url}/wait?ms=20`)).text, 'waited');
    assert.deepEqual([(await admin('/readyz')).status, (await admin('/livez')).status], [200, 200]);
    assert.match(await (await admin('/metrics')).text(), /capriccio_request_duration_seconds_count\{[^}]*route="GET \/wait"[^}]*\} 1\n/);
    const { stats, health } = await (await admin('/stats.json')).json() as { stats: { cores: number; workers: unknown[] }; health: unknown };
    assert.deepEqual([stats.cores, stats.workers.length, health], [0, 1, { status: 'ok', cores: 0, ready: 1, stalled: [], overloaded: false }]);
    const graph = async (): Promise<GraphData> => await (await admin('/graph.json')).json() as GraphData;
    const passages = async (): Promise<number> => { const { nodes, edges } = await graph(); const start = nodes.find(({ name }) => name === 'start of GET /wait'); return edges.filter(({ from }) => from === start?.id).reduce((sum, { count }) => sum + count, 0); };
    await until(async () => await passages() === 1, 'the request in the graph');
    const { decisions, resources, roots } = await graph();
    assert.deepEqual([decisions, resources.map(({ name }) => name).slice(0, 3), roots.find(({ name }) => name === 'GET /wait')?.started], [[], ['heap', 'external', 'descriptors'], 1]);
    assert.match(pool.graph().toDOT(), /start of GET \/wait/);
    assert.ok((server.histograms().get('GET /wait')?.count ?? 0) === 1);
    const slow = ask(`${server.url}/wait?ms=300`);
    const waits = async (): Promise<boolean> => ((await (await admin('/threads.json')).json()) as { name: string }[]).some(({ name }) => name === 'GET /wait');
    await until(waits, 'the request in the list of threads');
    const closed = server.close();
    const ready = await admin('/readyz');
    assert.deepEqual([ready.status, await ready.text()], [503, 'draining\n']);
    assert.equal((await slow).text, 'waited');
    await closed;
    await isRefused(server);
  });
  test('stands beside others of its pool, with reusePort too', async () => {
    const [one, other] = [await serverFor(pool, 'paths.ts', { accept: 'reusePort' }), await serverFor(pool, 'listener.ts')];
    assert.deepEqual((await Promise.all([ask(one.url), ask(other.url)])).map(({ text }) => text), ['hello', 'hello']);
  });
  test('that closes answers what a new connection is about to send, and keeps no idle one', async () => {
    const server = await serverFor(pool, 'paths.ts');
    const connections = (count: number): Promise<void> => until(() => pool.stats().workers[0]?.connections === count, `${count} connections`);
    await connections(0);
    const [idle, fresh] = [await socketTo(server), await socketTo(server)];
    const answer = (socket: Socket): Promise<string> => received(socket, (text) => answersIn(text).length === 1);
    idle.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    assert.deepEqual(answersIn(await answer(idle)), ['200 hello']);
    await connections(2);
    const [closed, gone] = [server.close(), ended(idle)];
    fresh.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    assert.deepEqual(answersIn(await answer(fresh)), ['200 hello']);
    await soon(Promise.all([closed, gone]), 'the end');
  });
  test('that closes waits for no connection that sends nothing', async () => {
    const server = await serverFor(pool, 'paths.ts');
    const silent = await socketTo(server);
    await soon(Promise.all([server.close(), ended(silent)]), 'the end', 10_000);
  });
  test('is closed with its pool', async () => {
    const own = await poolFor(0);
    const server = await own.serve(app('paths.ts'), { port: 0 });
    const slow = ask(`${server.url}/wait?ms=200`);
    await until(() => own.stats().workers[0]?.connections === 1, 'the connection');
    await own.close();
    assert.equal((await slow).text, 'waited');
    assert.equal((await rejection(own.serve(app('paths.ts'), { port: 0 }))).code, 'CAP_ERR_CLOSED');
  });
  test('is refused as on workers: what is no app, what cannot be loaded, a port in use, another host', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => { taken.close(); });
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const of = (name: string, options = {}): Promise<[unknown, string]> => rejection(pool.serve(app(name), { port: 0, ...options })).then(({ code, message }) => [code, message]);
    assert.deepEqual(await of('listener.ts', { port }), ['CAP_ERR_OPTION', `port ${port} of 127.0.0.1 is in use; choose another, or 0 for a free one`]);
    assert.equal((await of('listener.ts', { adminPort: port }))[0], 'CAP_ERR_OPTION');
    assert.equal((await of('listener.ts', { host: '192.0.2.1' }))[0], 'CAP_ERR_OPTION');
    assert.match((await of('not-there.ts')).join(' '), /^CAP_ERR_MODULE cannot load the app file:.*not-there\.ts/);
    assert.match((await of('no-default.ts')).join(' '), /^CAP_ERR_MODULE .*default export.*named/);
    assert.deepEqual(await of('throws-at-load.ts'), ['E_DATABASE', 'no database']);
    assert.equal((await of('listener.ts', { signal: AbortSignal.abort() }))[0], 'CAP_ERR_CANCELLED');
  });
});

test('a breakpoint in a handler stops the request there, with its variables', { timeout: 60_000 }, async () => {
  const root = fileURLToPath(new URL('../../../', import.meta.url));
  const child = spawn(process.execPath, ['--inspect=127.0.0.1:0', '--conditions=capriccio-source', 'packages/core/src/cli/main.ts', 'serve', 'test/fixtures/cli/one-process.ts', '--cores', '0', '--port', '0'], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NODE_OPTIONS: undefined } });
  onTestFinished(() => { child.kill('SIGKILL'); });
  const session = await soon(inspectorOf(child), 'the inspector');
  const [line] = await soon(once(child.stdout, 'data'), 'the server') as [Buffer];
  await session.send('Debugger.enable');
  const place = { url: new URL('../../fixtures/cli/one-process.ts', import.meta.url).href, lineNumber: 10 };
  assert.equal(((await session.send('Debugger.setBreakpointByUrl', place))['locations'] as unknown[]).length, 1);
  const answer = fetch(/http:\S+/.exec(String(line))?.[0] as string);
  const { callFrames: [top] } = await soon(session.event('Debugger.paused'), 'the breakpoint') as { callFrames: [{ callFrameId: string; location: { lineNumber: number } }] };
  assert.equal(top.location.lineNumber, place.lineNumber);
  const halved = await session.send('Debugger.evaluateOnCallFrame', { callFrameId: top.callFrameId, expression: 'halved' });
  assert.equal((halved['result'] as Fields)['value'], 21);
  await session.send('Debugger.resume');
  assert.equal((await soon(answer, 'the answer')).status, 200);
});
