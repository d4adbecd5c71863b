/** The admin port: metrics, readiness, figures, the dashboard's files; 127.0.0.1 and reading only. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { createPool, type Pool, type PoolServer } from 'capriccio';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { soon, until } from './rig.ts';
import { app, quiet } from './serve-rig.ts';

let pool: Pool;
let server: PoolServer;
let admin: string;
beforeAll(async () => {
  pool = await createPool({ cores: 2, ...quiet });
  server = await pool.serve(app('paths.ts'), { port: 0, adminPort: 0, routes: { 'GET /wait': { tickets: 2 } } });
  admin = server.adminUrl as string;
});
afterAll(() => pool.close({ graceMs: 0 }));

/** Metrics by name and labels. */
async function metrics(): Promise<Map<string, number>> {
  const text = await (await fetch(`${admin}/metrics`)).text();
  return new Map(text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).map((line) => { const at = line.lastIndexOf(' '); return [line.slice(0, at), Number(line.slice(at + 1))]; }));
}
const asHost = (host: string, method = 'GET'): Promise<number> => new Promise((resolve, reject) => {
  request(`${admin}/metrics`, { method, headers: { host } }, (res) => { res.resume(); resolve(res.statusCode ?? 0); }).on('error', reject).end();
});

describe('metrics', () => {
  test('are Prometheus text: each has one HELP and one TYPE, base units, and counters end in _total', async () => {
    await fetch(`${server.url}/`);
    await pool.module<typeof import('../../fixtures/basic.ts')>(new URL('../../fixtures/basic.ts', import.meta.url)).add(1, 2);
    const response = await fetch(`${admin}/metrics`);
    assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
    const text = await response.text();
    const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name as string, type as string] as const);
    const helps = [...text.matchAll(/^# HELP (\S+) \S.*\.$/gm)].map(([, name]) => name);
    assert.deepEqual(helps, types.map(([name]) => name));
    assert.equal(new Set(helps).size, helps.length);
    const documented = [...readFileSync(new URL('../../../docs/reference/observability.md', import.meta.url), 'utf8').matchAll(/^\| `(capriccio_\w+)` \| (\w+) \|/gm)].map(([, name, type]) => [name, type]);
    assert.deepEqual(documented.filter(([name]) => name !== 'capriccio_root_refused_total' && name !== 'capriccio_requests_expired_total'), types.map((one) => [...one]));   // nothing has been refused, nothing has come too late
    for (const [name, type] of types) {
      assert.match(name, /^capriccio_[a-z_]+$/);
      assert.equal(name.endsWith('_total'), type === 'counter', name);
    }
    for (const line of text.trimEnd().split('\n')) assert.match(line, /^(?:# (?:HELP|TYPE) .+|[a-z_]+(?:\{[a-z_]+="(?:[^"\\]|\\.)*"(?:,[a-z_]+="(?:[^"\\]|\\.)*")*\})? -?\d[\d.e+-]*)$/);
  });

  test('count calls and requests, and time the requests of each route', async () => {
    const before = await metrics();
    for (let k = 0; k < 5; k++) assert.equal((await fetch(`${server.url}/wait?ms=20`)).status, 200);
    let after = before;
    const change = (name: string): number => (after.get(name) ?? 0) - (before.get(name) ?? 0);
    await until(async () => { after = await metrics(); return change('capriccio_request_duration_seconds_count{route="GET /wait"}') === 5; }, 'all five');   // a client may be sooner
    assert.ok(change('capriccio_request_duration_seconds_sum{route="GET /wait"}') >= 0.095);
    assert.ok((after.get('capriccio_request_duration_seconds{route="GET /wait",quantile="0.5"}') ?? 0) >= 0.019);
    assert.deepEqual([server.histograms().get('GET /wait')?.count, (server.histograms().get('GET /wait')?.min ?? 0) >= 19_000], [after.get('capriccio_request_duration_seconds_count{route="GET /wait"}'), true]);
    assert.deepEqual([after.get('capriccio_cores'), after.get('capriccio_cores_ready'), after.get('capriccio_ready')], [2, 2, 1]);
    const begun = (figures: Map<string, number>): number => pool.stats().workers.reduce((total, { id }) => total + (figures.get(`capriccio_tasks_begun_total{core="${id}",lane="front"}`) ?? 0), 0);
    await soon((async () => { while (begun(await metrics()) < begun(before) + 5) await new Promise((next) => { setTimeout(next, 20); }); })(), 'the workers\' own count');
  });
});

describe('health', () => {
  test('alive and ready', async () => {
    assert.deepEqual([(await fetch(`${admin}/livez`)).status, (await fetch(`${admin}/readyz`)).status], [200, 200]);
  });

  test('not ready while it drains, alive until it is closed', async () => {
    const draining = await pool.serve(app('paths.ts'), { port: 0, adminPort: 0 });
    const slow = fetch(`${draining.url}/wait?ms=400`);
    await new Promise((resolve) => { setTimeout(resolve, 100); });
    const closed = draining.close();
    const ready = await fetch(`${draining.adminUrl}/readyz`);
    assert.deepEqual([ready.status, await ready.text()], [503, 'draining\n']);
    assert.equal((await fetch(`${draining.adminUrl}/livez`)).status, 200);
    assert.equal((await slow).status, 200);
    await closed;
    await assert.rejects(fetch(`${draining.adminUrl}/livez`));
  });

  test('not ready when no worker reacts', async () => {
    await using stuck = await createPool({ cores: 1, compile: false, ...quiet, env: { ...process.env, DROP_IN: 'capriccio/piscina' } });
    const served = await stuck.serve(app('paths.ts'), { port: 0, adminPort: 0, graceMs: 0 });
    const blocked = stuck.module<{ spin(ms: number): number }>(new URL('../../fixtures/core/piscina/handlers.mjs', import.meta.url)).spin(2500);
    blocked.catch(() => { /* closed */ });
    await soon((async () => { while ((await fetch(`${served.adminUrl}/readyz`)).status !== 503) await new Promise((next) => { setTimeout(next, 20); }); })(), '503');
    assert.match(await (await fetch(`${served.adminUrl}/readyz`)).text(), /^(?:overloaded|ok|degraded)/);
    await blocked;
  });
});

describe('figures for tools', () => {
  test('stats.json has what the dashboard and top show', async () => {
    const { stats, health, ready, routes } = await (await fetch(`${admin}/stats.json`)).json() as { stats: { cores: number; workers: unknown[] }; health: { status: string }; ready: { isReady: boolean }; routes: { route: string }[] };
    assert.deepEqual([stats.cores, stats.workers.length, health.status, ready.isReady], [2, 2, 'ok', true]);
    assert.ok(routes.some(({ route }) => route === 'GET /wait'));
  });

  test('what the runtime does not have is 404, as JSON', async () => {
    for (const [path, has] of [['/graph.json', 'graph' in pool], ['/threads.json', 'threads' in pool]] as const) {
      const response = await fetch(`${admin}${path}`);
      assert.equal(response.status, has ? 200 : 404);
      assert.equal(response.headers.get('content-type'), 'application/json');
    }
  });

  test('the page and its libraries', async () => {
    for (const [path, type] of [['/', 'text/html'], ['/dashboard.js', 'text/javascript'], ['/dashboard.css', 'text/css'], ['/uplot.js', 'text/javascript'], ['/uplot.css', 'text/css'], ['/dagre.js', 'text/javascript']] as const) {
      const response = await fetch(`${admin}${path}`);
      assert.deepEqual([response.status, response.headers.get('content-type')?.split(';')[0]], [200, type], path);
      assert.ok((await response.text()).length > 500);
    }
  });
});

describe('who may ask', () => {
  test('only names of this machine, so no page of another site', async () => {
    assert.deepEqual(await Promise.all(['127.0.0.1', 'localhost:9000', '[::1]:80', 'evil.example', 'localhost.evil.example'].map((host) => asHost(host))), [200, 200, 200, 403, 403]);
  });
  test('nothing is changed: only GET and HEAD', async () => {
    assert.deepEqual(await Promise.all(['POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD'].map((method) => asHost('localhost', method))), [405, 405, 405, 405, 200]);
    assert.equal((await fetch(`${admin}/nothing`)).status, 404);
  });
  test('a port that is taken', async () => {
    await assert.rejects(pool.serve(app('paths.ts'), { port: 0, adminPort: Number(new URL(admin).port) }), { code: 'CAP_ERR_OPTION', message: /port \d+ of 127\.0\.0\.1 is in use/ });
  });
});
