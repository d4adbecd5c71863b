/** Which requests go to back lanes: routes that prove long, URLs of theirs that are known to be short, and when all run in front. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { availableParallelism } from 'node:os';
import { createPool, type Pool, type PoolServer } from 'capriccio';
import { expect, onTestFinished, test } from 'vitest';
import { kernelTimes } from '../../../packages/worker/src/lanes/lane-hunger.ts';
import { fixture, until } from './rig.ts';
import { ask, quiet, received, socketTo } from './serve-rig.ts';

/** Where a request ran must not depend on what else this machine does. */
const calm = { ...quiet, [Symbol.for('capriccio.without')]: ['hunger'] };
const lanesApp = fixture('lanes/app.ts');

const here = async (pool: Pool): Promise<PoolServer> => {
  const server = await pool.serve(lanesApp, { port: 0 });
  onTestFinished(async () => { await server.close({ graceMs: 0 }); });
  return server;
};
test.each([['at once', 'GET', '/burn?ms=15'], ['after its body', 'POST', '/burn-late?ms=15'], ['after a file, in code that is not compiled', 'GET', '/burn-in-closure?ms=15'], ['between two files, in code that is not compiled', 'GET', '/burn-between?ms=15']])('a handler that computes %s goes to the back, a light one stays', async (_, method, path) => {
  const pool = await createPool({ cores: 1, ...calm });
  onTestFinished(() => pool.close({ graceMs: 0 }));
  const server = await here(pool);
  const light = (await ask(`${server.url}/light`)).text;
  const long = async (): Promise<string> => (await ask(server.url + path, { method, ...method === 'POST' ? { body: 'x' } : {} })).text;
  await until(async () => await long() !== light, 'the back lane');
  for (let k = 0; k < 10; k++) assert.notEqual(await long(), light, 'a long one ran in front, and there is a back lane');
  for (let k = 0; k < 10; k++) assert.equal((await ask(`${server.url}/light`)).text, light);
  const { roots } = pool.stats().lanes;
  assert.deepEqual(roots.filter(({ lane }) => lane === 'back').map(({ name, by }) => [name, by]), [[`${method} /${path.slice(1).split('?')[0]}`, 'measured']]);
});
test('where no request is short they run in front, and go to the back when some are', async () => {
  const pool = await createPool({ cores: 1, ...calm });
  onTestFinished(() => pool.close({ graceMs: 0 }));
  const server = await here(pool);
  const light = (await ask(`${server.url}/light`)).text;
  const long = async (): Promise<string> => (await ask(`${server.url}/burn?ms=6`)).text;
  await until(async () => await long() !== light, 'the back lane');
  const keptBy = (): readonly number[] | undefined => pool.stats().lanes.roots.find(({ name }) => name === 'GET /burn')?.keptBy;
  assert.deepEqual(keptBy(), []);
  await until(async () => await long() === light, 'the front', 30_000);
  await until(() => keptBy()?.length === 1, 'the news of it');
  assert.match(pool.graph().decisions.find(({ about }) => about === 'GET /burn')?.why ?? '', /^goes to back lanes: it takes long \(.*; in front on worker 1, where hardly a request is short/);
  for (let k = 0; k < 20; k++) assert.equal(await long(), light);
  for (let k = 0; k < 8; k++) await ask(`${server.url}/light`);
  assert.notEqual(await long(), light, 'it would delay what is short');
  await until(() => keptBy()?.length === 0, 'the news of it');
  await until(() => pool.graph().roots.find(({ name }) => name === 'GET /burn')?.lane?.lane === 'back', 'the graph');
}, 60_000);
test.each(['/burn', '/burn-late', '/burn-in-closure', '/burn-between'])('of %s, which is long for some of its URLs, the others stay in front once they are known, until they are long', async (path) => {
  const pool = await createPool({ cores: 1, ...calm });
  onTestFinished(() => pool.close({ graceMs: 0 }));
  const server = await here(pool);
  const light = (await ask(`${server.url}/light`)).text;
  const isInFront = async (query: string): Promise<boolean> => (await ask(`${server.url}${path}?${query}`)).text === light;
  await until(async () => !await isInFront('ms=15'), 'the back lane');
  const from = Date.now() + 2500;
  await until(() => isInFront('ms=0'), 'the front, for a short one');
  await until(() => isInFront(`ms=15&from=${from}`), 'the front, for one that is short still');
  for (let k = 0; k < 10; k++) {
    await until(() => isInFront('ms=0'), 'the front again, if the collector had made it long');
    assert.equal(await isInFront('ms=15'), false);
    await until(() => isInFront('ms=0'), 'the front again');
    assert.equal(await isInFront(`ms=0&first=${k}`), false, 'nobody knows what it takes');
  }
  await until(() => Date.now() > from, 'its end as a short one', 4000);
  await until(async () => !await isInFront(`ms=15&from=${from}`), 'the back lane, for what has become long');
  assert.equal(await isInFront(`ms=15&from=${from}`), false);
  const { roots, decisions } = pool.graph();
  for (const name of [`GET ${path}`, `GET ${path} (short)`]) assert.ok(roots.some((root) => root.name === name), name);
  assert.match(decisions.find(({ about }) => about === `GET ${path}`)?.why ?? '', /^goes to back lanes: .*; requests whose URL took little lately stay in front$/);
}, 30_000);
test.each(['/burn-or-lose', '/burn-or-lose-late'])('of %s, a short one that loses its processor for a while is short still', async (path) => {
  const pool = await createPool({ cores: 1, spares: 0, ...calm });
  onTestFinished(() => pool.close({ graceMs: 0 }));
  const server = await here(pool);
  const light = (await ask(`${server.url}/light`)).text;
  const isInFront = async (query: string): Promise<boolean> => (await ask(`${server.url}${path}?${query}`)).text === light;
  await until(async () => !await isInFront('ms=15'), 'the back lane');
  await until(() => isInFront('lost=8'), 'the front');
  let inFront = 0;
  for (let k = 0; k < 24; k++) if (await isInFront('lost=8')) inFront++;
  assert.ok(inFront >= 20, `${inFront} of 24`);                          // the collector may make one long, and the next is measured again
}, 30_000);
test('an answer in pieces takes what all of them take', async () => {
  const pool = await createPool({ cores: 1, ...calm });
  onTestFinished(() => pool.close({ graceMs: 0 }));
  const server = await here(pool);
  const light = (await ask(`${server.url}/light`)).text;
  const isInFront = async (): Promise<boolean> => (await ask(`${server.url}/burn-in-pieces?ms=3`)).text.split(' ').at(-1) === light;
  await until(async () => { await ask(`${server.url}/light`); return !await isInFront(); }, 'the back lane');
  for (let k = 0; k < 12; k++) { await ask(`${server.url}/light`); assert.equal(await isInFront(), false, `time ${k}: eight times 3 ms are long`); }
}, 30_000);
test('a URL that has become long is noticed though no client waits for its answer', async () => {
  const pool = await createPool({ cores: 1, ...calm });
  onTestFinished(() => pool.close({ graceMs: 0 }));
  const server = await here(pool);
  const light = (await ask(`${server.url}/light`)).text;
  const isInFront = async (query: string): Promise<boolean> => (await ask(`${server.url}/burn-in-closure?${query}`)).text === light;
  await until(async () => !await isInFront('ms=15'), 'the back lane');
  const from = Date.now() + 2000;
  const url = `ms=100&from=${from}`;
  await until(() => isInFront(url), 'the front');
  await until(() => Date.now() > from, 'its end as a short one', 4000);
  for (let k = 0; k < 8; k++) await fetch(`${server.url}/burn-in-closure?${url}`, { signal: AbortSignal.timeout(20) }).then((answer) => answer.text(), () => ask(`${server.url}/light`));
  assert.equal(await isInFront(url), false);
}, 30_000);
test('what stays by its URL and takes more than two milliseconds is nobody whom lanes protect', async () => {
  const pool = await createPool({ cores: 1, ...calm });
  onTestFinished(() => pool.close({ graceMs: 0 }));
  const server = await here(pool);
  const light = (await ask(`${server.url}/light`)).text;
  const isInFront = async (ms: number): Promise<boolean> => (await ask(`${server.url}/burn?ms=${ms}`)).text === light;
  await until(async () => !await isInFront(15), 'the back lane');
  await until(() => isInFront(3), 'the front, for what takes 3 ms');
  await until(async () => { await isInFront(3); return isInFront(15); }, 'the front for all, where hardly one is short', 30_000);
}, 60_000);
test('where lanes protect nobody a route has no short ones of its own, which would have a share more', async () => {
  const pool = await createPool({ cores: 1, ...calm });
  onTestFinished(() => pool.close({ graceMs: 0 }));
  const server = await here(pool);
  const light = (await ask(`${server.url}/light`)).text;
  const isInFront = async (path: string): Promise<boolean> => (await ask(server.url + path)).text === light;
  const keptBy = (): number | undefined => pool.stats().lanes.roots.find(({ name }) => name === 'GET /burn-late')?.keptBy.length;
  await until(async () => !await isInFront('/burn-late?ms=15'), 'the back lane');
  await until(() => isInFront('/burn-late?ms=2.5'), 'the front, for what takes 2.5 ms');
  assert.equal(keptBy(), 0);
  await until(async () => await isInFront('/burn?ms=6') && (await Promise.all(Array.from({ length: 8 }, () => isInFront('/burn?ms=6')))).every(Boolean), 'the front for all, where hardly one is short', 30_000);
  await until(async () => { assert.equal(await isInFront('/burn-late?ms=2.5'), true); return keptBy() === 1; }, 'the whole route in front');
}, 60_000);
test('where more wait than run and none is known to be short, no lane is started', async () => {
  const pool = await createPool({ cores: 1, ...calm });
  onTestFinished(() => pool.close({ graceMs: 0 }));
  const server = await pool.serve(lanesApp, { port: 0, deadlineMs: 60_000 });
  onTestFinished(async () => { await server.close({ graceMs: 0 }); });
  let left = 400;
  const client = async (): Promise<void> => { while (left-- > 0) assert.equal((await ask(`${server.url}/burn?ms=4`)).status, 200); };
  await Promise.all(Array.from({ length: 24 }, client));
  const { back, roots } = pool.stats().lanes;
  assert.deepEqual([back, roots.map(({ name, lane, keptBy }) => [name, lane, keptBy.length])], [0, [['GET /burn', 'back', 1]]]);
}, 30_000);
test('of what runs in front for that reason a lane takes some, while more waits and a processor is free', async () => {
  const pool = await createPool({ cores: 2, ...calm });
  onTestFinished(() => pool.close({ graceMs: 0 }));
  const server = await pool.serve(lanesApp, { port: 0, deadlineMs: 60_000, limits: { keepAliveMs: 60_000 } });   // connections wait until the front is known
  onTestFinished(async () => { await server.close({ graceMs: 0 }); });
  const over = async (socket: Socket, path: string): Promise<string> => {
    const answer = received(socket, (text) => /\r\n\r\n\d+$/.test(text));
    socket.write(`GET ${path} HTTP/1.1\r\nHost: here\r\nConnection: keep-alive\r\n\r\n`);
    const text = await answer;
    socket.removeAllListeners('data');
    return text.slice(text.indexOf('\r\n\r\n') + 4);
  };
  const sockets = await Promise.all(Array.from({ length: 16 }, () => socketTo(server)));
  const fronts = await Promise.all(sockets.map((socket) => over(socket, '/where')));
  const all = new Set(fronts);
  const ofFront = [...all].map((front) => sockets.filter((_, k) => fronts[k] === front));
  const [ours] = ofFront.toSorted((a, b) => b.length - a.length) as [Socket[]];   // a front that was busy when they came has one or two: nothing waits there
  const keptBy = (): number => pool.stats().lanes.roots.find(({ name }) => name === 'GET /burn')?.keptBy.length ?? 0;
  await until(async () => { await over(ours[0] as Socket, '/burn?ms=6'); return keptBy() === 1; }, 'the front', 30_000);
  await until(async () => (await Promise.all(ours.map((socket) => over(socket, '/burn?ms=8')))).some((where) => !all.has(where)), 'a lane', 40_000);
  for (const socket of sockets) socket.destroy();
}, 90_000);
test('while a back lane loads the application, longer than a request may wait, all are answered', async () => {
  const pool = await createPool({ cores: 1, ...calm });
  onTestFinished(() => pool.close({ graceMs: 0 }));
  const server = await pool.serve(fixture('lanes/slow-start.ts'), { port: 0, deadlineMs: 700 });
  onTestFinished(async () => { await server.close({ graceMs: 0 }); });
  const light = (await ask(`${server.url}/light`)).text;
  await until(async () => {
    const answers = await Promise.all(Array.from({ length: 3 }, () => ask(`${server.url}/burn?ms=15`)));
    assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200]);
    return answers.some(({ text }) => text !== light);
  }, 'the back lane');
});
test.runIf(kernelTimes(process.pid) !== undefined)('while other processes leave the back lanes next to nothing, it runs in front, unless it was put on a lane by hand', async () => {
  const pool = await createPool({ cores: 1, ...quiet });
  onTestFinished(() => pool.close({ graceMs: 0 }));
  const server = await pool.serve(lanesApp, { port: 0, deadlineMs: 30_000, routes: { '/burn-late': { lane: 'back' } } });
  onTestFinished(async () => { await server.close({ graceMs: 0 }); });
  const light = (await ask(`${server.url}/light`)).text;
  const isInFront = async (path = '/burn?ms=15'): Promise<boolean> => (await ask(server.url + path)).text === light;
  await until(async () => !await isInFront(), 'the back lane');
  const others = Array.from({ length: 3 * availableParallelism() }, () => spawn(process.execPath, ['-e', 'for (;;);']));
  onTestFinished(() => { for (const one of others) one.kill('SIGKILL'); });
  await until(async () => (await Promise.all(Array.from({ length: 12 }, () => isInFront('/burn?ms=30')))).some(Boolean), 'one in front', 60_000);   // many at a time: a lane that slept is run soon
  assert.equal(await isInFront('/burn-late?ms=1'), false);
}, 90_000);
test('not with lanes: off, and then the two share their module', async () => {
  const pool = await createPool({ cores: 1, lanes: 'off', ...calm });
  onTestFinished(() => pool.close({ graceMs: 0 }));
  const server = await here(pool);
  const ids = new Set<string>();
  for (let k = 0; k < 5; k++) ids.add((await ask(`${server.url}/burn?ms=15`)).text);
  assert.equal(ids.size, 1);
  expect(Number((await ask(`${server.url}/requests`)).text)).toBe(6);
});
test('a moved route has module state of its own', async () => {
  const pool = await createPool({ cores: 1, ...calm });
  onTestFinished(() => pool.close({ graceMs: 0 }));
  const server = await pool.serve(lanesApp, { port: 0, routes: { '/where': { lane: 'back' } } });
  onTestFinished(async () => { await server.close({ graceMs: 0 }); });
  for (let k = 0; k < 3; k++) await ask(`${server.url}/where`);
  assert.equal((await ask(`${server.url}/requests`)).text, '1', 'the front has seen one request, the back lane three');
});
