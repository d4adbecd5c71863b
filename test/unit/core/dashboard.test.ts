/** The dashboard in a real browser: it fills, follows the figures, draws 500 nodes, goes by keyboard, in light and dark. Needs Debian's chromium; .ci/run installs it. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createPool, type Pool, type PoolServer } from 'capriccio';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, onTestFinished, test } from 'vitest';
import { until } from './rig.ts';
import { app, quiet } from './serve-rig.ts';

const executablePath = [process.env['CHROMIUM'] ?? '', '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => path !== '' && existsSync(path));
const missing = executablePath === undefined ? 'there is no Chromium: apt-get install chromium, or name one in CHROMIUM' : undefined;
const screenshots = process.env['CAPRICCIO_SCREENSHOTS'];

let pool: Pool;
let server: PoolServer;
let browser: Browser | undefined;
/** The same page with a graph of any size in front of it. */
let front: Server;
let graph: unknown;
/** What the pool is to have refused, and what came too late, if it is said. */
let unserved: { refused: unknown; expired: unknown } | undefined;
/** What threads it is to have, if it is said. */
let threads: unknown;

beforeAll(async () => {
  if (executablePath === undefined) return;
  pool = await createPool({ cores: 2, ...quiet });
  server = await pool.serve(app('paths.ts'), { port: 0, adminPort: 0 });
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  front = createServer((req, res) => {
    if (req.url === '/threads.json' && threads !== undefined) { res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(threads)); return; }
    if (req.url === '/graph.json' && graph !== undefined) { res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(graph)); return; }
    if (req.url === '/stats.json' && unserved !== undefined) { void fetch(`${server.adminUrl}/stats.json`).then(async (answer) => { const look = await answer.json() as { stats: object }; res.end(JSON.stringify({ ...look, stats: { ...look.stats, ...unserved } })); }, () => res.destroy()); return; }
    fetch(`${server.adminUrl}${req.url ?? '/'}`).then(async (answer) => { res.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '', 'content-security-policy': answer.headers.get('content-security-policy') ?? '' }).end(await answer.bytes()); }, () => res.destroy());
  }).listen(0, '127.0.0.1');
});
afterAll(async () => {
  if (executablePath === undefined) return;
  await browser?.close();
  front.close();
  front.closeAllConnections();
  await pool.close({ graceMs: 0 });
});

const figures = { count: 10, mean: 1, sd: 0 };
/** Twenty chains side by side, as a server with many routes has them. */
function graphOf(count: number): unknown {
  const nodes = Array.from({ length: count }, (_, id) => ({ id, name: `file:///srv/app/routes/route-${id % 20}.ts:${10 + id} step${id}`, weightMs: id / 10, tickets: 1 + id % 7, ...id === 3 ? { window: 2, inUse: 2, waiting: 5 } : {} }));
  const edges = nodes.slice(20).map(({ id }) => ({ from: id - 20, to: id, count: id * 10, timeMs: figures, heap: figures, external: figures, descriptors: figures }));
  edges.push({ from: 20, to: 20, count: 1234, timeMs: { ...figures, mean: 2.5 }, heap: figures, external: figures, descriptors: figures });
  return { atMs: 1, nodes, edges, roots: [], resources: [{ name: 'memory', used: 900, limit: 1000, isNearLimit: true }, { name: 'libuv threads', used: 3.6, limit: 4, isNearLimit: true }], decisions: nodes.slice(3, 4).map(({ name }) => ({ what: 'throttle', about: name, why: 'memory is near its limit' })), pooled: { nodes: 0, edges: 0, roots: 0 } };
}

async function open(scheme: 'light' | 'dark', of: unknown): Promise<{ page: Page; errors: string[] }> {
  graph = of;
  const page = await (browser as Browser).newPage({ colorScheme: scheme, viewport: { width: 1280, height: 1400 } });
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => { if (message.type() === 'error' && !message.text().includes('404')) errors.push(message.text()); });
  await page.goto(`http://127.0.0.1:${(front.address() as AddressInfo).port}/`);
  await page.waitForSelector('html[data-shown]:not([data-shown="1"])', { timeout: 20_000 });
  return { page, errors };
}

describe('the dashboard', () => {
  test('shows cores, routes and load as they are', async (context) => {
    if (missing !== undefined) { context.skip(missing); return; }
    await Promise.all(Array.from({ length: 20 }, () => fetch(`${server.url}/`)));
    await pool.module<typeof import('../../fixtures/basic.ts')>(new URL('../../fixtures/basic.ts', import.meta.url)).add(1, 2);
    const leaves = new AbortController();
    const waits = fetch(`${server.url}/wait?ms=60000`, { signal: leaves.signal }).catch((error: Error) => error.name);
    await until(async () => (await pool.threads()).some(({ root, frames = [] }) => root === 'GET /wait' && frames.length > 0), 'the request waiting');
    const { page, errors } = await open('light', undefined);
    assert.match(await page.textContent('#status') ?? '', /^ready, ok$/);
    const { workers, activations: { activated } } = pool.stats();           // two, and a spare that has taken a core if the kernel has blocked one
    assert.deepEqual(await page.locator('#cores tbody tr td:nth-child(2)').allTextContents(), workers.map(({ lane }) => lane));
    assert.ok(workers.length === 2 || (workers.length === 3 && activated > 0), JSON.stringify({ workers, activated }));
    assert.match(await page.textContent('#cores-note') ?? '', new RegExp(`^[01] standing by, [01] blocked in the kernel, [01] retiring; since the start ${activated} activations?, [\\d.]+ s blocked\\.$`));
    assert.equal(await page.textContent('#threads-note'), '1 thread; one opens to show its stack.');
    await page.focus('#threads summary');
    await page.keyboard.press('Enter');
    assert.match(await page.innerText('#threads details[open] pre'), /^at .*paths \(file:.*\/paths\.ts:\d+:\d+\)$/m);
    const shownBefore = Number(await page.getAttribute('html', 'data-shown'));
    await until(async () => Number(await page.getAttribute('html', 'data-shown')) > shownBefore + 1, 'the figures twice more');
    assert.equal(await page.locator('#threads details[open]').count(), 1, 'it stays open while figures come');
    assert.match(await page.textContent('#routes tbody') ?? '', /GET /);
    assert.deepEqual((await page.locator('#functions tbody td').allTextContents()).slice(0, 4), ['basic.ts#add', '1', '0', '0']);
    assert.deepEqual([await page.textContent('#refused-note'), await page.textContent('#expired-note')], ['Nothing since the start.', 'Nothing since the start.']);
    assert.equal(await page.locator('#charts canvas').count(), 3);
    const boxes = await Promise.all([0, 1, 2].map((k) => page.locator('#charts .uplot').nth(k).boundingBox()));
    for (const [k, box] of boxes.entries()) assert.ok(k === 0 || (box?.x ?? 0) >= (boxes[k - 1]?.x ?? 0) + (boxes[k - 1]?.width ?? 0), 'charts do not overlap');
    assert.match(await page.textContent('#graph-note') ?? '', /^Arrow keys go from node to node/);
    assert.ok(await page.locator('#graph .node').count() > 0, 'the requests before have left a graph');
    for (const node of await page.locator('#graph .node').all()) assert.ok(await node.evaluate((group) => group.querySelector('.under').getBBox().width + 10 <= group.querySelector('rect').getBBox().width), 'a node holds its figures');
    assert.ok(Number((await page.getAttribute('#graph', 'viewBox'))?.split(' ')[2]) >= 800, 'a small graph is not blown up');
    assert.match(await page.textContent('#resources') ?? '', /heap: [\d.]+ MB of [\d.]+ [MG]B/);
    assert.deepEqual(errors, []);
    if (screenshots !== undefined) await page.screenshot({ path: `${screenshots}/light.png`, fullPage: true });
    leaves.abort();
    assert.equal(await waits, 'AbortError');
    await until(async () => await page.textContent('#threads-note') === 'None now.', 'the thread gone from the list');
    await page.close();
  });

  test('draws 500 nodes, by keyboard, with what is held back', async (context) => {
    if (missing !== undefined) { context.skip(missing); return; }
    unserved = { refused: { requests: 1200, calls: 3, byRoot: { 'GET /': 1200, 'a.ts#b': 3 }, retryAfterMs: { 'GET /': 1500, 'a.ts#b': 250 } }, expired: { requests: 1500, byRoute: { 'GET /rare': 1, 'GET /': 1499 } } };
    const { page, errors } = await open('dark', graphOf(500));
    assert.equal(await page.textContent('#refused-note'), '1,200 requests and 3 calls, for they could not have begun before their deadlines.');
    assert.deepEqual(await page.locator('#refused tbody tr').allTextContents(), ['GET /1,20001.5 s', 'a.ts#b300.3 s']);
    assert.equal(await page.textContent('#expired-note'), '1,500 requests, for their deadlines passed after they were taken.');
    assert.deepEqual(await page.locator('#expired tbody tr').allTextContents(), ['GET /1,4990', 'GET /rare10']);
    assert.equal(await page.locator('#graph .node').count(), 500);
    assert.equal(await page.locator('#graph path').count(), 481);
    assert.deepEqual(await page.locator('#graph path title').last().textContent(), 'routes/route-0.ts:30 step20 → routes/route-0.ts:30 step20: 1,234 ×, 2.5 ms');
    assert.match(await page.getAttribute('#graph .held', 'aria-label') ?? '', / · 2 there, 5 wait · at most 2 at a time · throttle: memory is near its limit$/);
    assert.equal(await page.locator('#graph .held').count(), 1);
    await page.focus('#graph');
    await page.keyboard.press('ArrowRight');
    assert.match(await page.textContent('#detail') ?? '', /route-0\.ts:10 step0: 0 ms/);
    await page.keyboard.press('ArrowRight');
    assert.match(await page.textContent('#detail') ?? '', /^file:\/\/\/srv\/app\/routes\/route-0\.ts:30 step20: 2 ms · 1,634 × · 7 tickets/);
    const before = await page.getAttribute('#graph', 'viewBox');
    await page.keyboard.press('+');
    assert.notEqual(await page.getAttribute('#graph', 'viewBox'), before);
    assert.match(await page.textContent('#decisions') ?? '', /step3: throttle, memory is near its limit/);
    assert.match(await page.textContent('#resources') ?? '', /memory: 900 of 1,000, near its limit/);
    assert.match(await page.textContent('#resources') ?? '', /libuv threads: 3\.6 of 4 busy, near its limit/);
    assert.notEqual(await page.evaluate('getComputedStyle(document.body).backgroundColor'), 'rgb(251, 251, 249)');
    assert.deepEqual(errors, []);
    if (screenshots !== undefined) await page.screenshot({ path: `${screenshots}/dark.png`, fullPage: true });
    await page.close();
    unserved = undefined;
  });

  test('long names give way to figures, and on a narrow screen only tables are wider than it', async (context) => {
    if (missing !== undefined) { context.skip(missing); return; }
    onTestFinished(() => { unserved = threads = undefined; });
    const long = 'GET /organisations/:organisation/accounts/:account/statements/:year/documents/:document/attachments';
    const root = `file:///srv/${'deep/'.repeat(20)}reports/monthly-statements-of-accounts.ts#computeTheWholeReportOfOneAccount`;
    unserved = { refused: { requests: 1, calls: 0, byRoot: { [long]: 1 }, retryAfterMs: { [long]: 50 } }, expired: { requests: 1, byRoute: { [long]: 1 } } };
    threads = [{ id: 7, name: 'computeTheWholeReportOfOneAccount', worker: 1, root, status: 'blocked', waitingFor: [`a call of ${'x'.repeat(60)}`], waitingMs: 1500, site: `at main (${root.split('#')[0]}:3:4)` }];
    const decided = { ...graphOf(3) as object, decisions: [{ what: 'balance', about: root, why: 'it gets too little' }] };
    for (const scheme of ['light', 'dark'] as const) {
      const { page, errors } = await open(scheme, decided);
      for (const id of ['refused', 'expired', 'threads']) assert.ok(await page.locator(`#${id}`).evaluate((table) => table.scrollWidth <= table.parentElement.clientWidth), `${id} fits`);
      assert.deepEqual((await page.locator('#threads tbody td').allTextContents()).slice(2, 8), ['reports/monthly-statements-of-accounts.ts#computeTheWholeReportOfOneAccount', 'blocked', `a call of ${'x'.repeat(60)}`, '1.5 s', '', 'at main (reports/monthly-statements-of-accounts.ts:3:4)']);
      assert.equal(await page.textContent('#decisions'), 'reports/monthly-statements-of-accounts.ts#computeTheWholeReportOfOneAccount: balance, it gets too little');
      await page.setViewportSize({ width: 420, height: 900 });
      await until(async () => await page.evaluate('document.documentElement.scrollWidth') === 420, 'charts that are drawn anew');
      assert.deepEqual(errors, []);
      if (screenshots !== undefined) await page.screenshot({ path: `${screenshots}/narrow-${scheme}.png`, fullPage: true });
      await page.close();
    }
  });

  test('says so when nothing answers any more', async (context) => {
    if (missing !== undefined) { context.skip(missing); return; }
    const { page } = await open('light', graphOf(3));
    assert.equal(await page.locator('#graph .node').count(), 3);
    await page.route('**/stats.json', (route) => route.abort());
    await page.locator('#status', { hasText: 'no answer' }).waitFor();
    await page.close();
  });
});
