/** `capriccio top`: what it reads of a served app, and what it makes of that. */
import assert from 'node:assert/strict';
import type { PoolStats } from 'capriccio';
import { describe, test } from 'vitest';
import { topScreen, type Look } from '../../../packages/core/src/cli/top-screen.ts';
import { capriccio, fixture, here, serving } from './cli-rig.ts';
import { until } from './rig.ts';

describe('capriccio top', () => {
  test('shows cores and routes of a served app once into a pipe, as text and as JSON', async () => {
    const cli = await serving([fixture('slow-app.ts'), '--port', '0', '--admin-port', '0', '--json', '--cores', '2']);
    const { adminUrl } = JSON.parse(cli.stdout) as { adminUrl: string };
    await fetch(`${cli.url}/quick`);
    const text = await capriccio('top', new URL(adminUrl).port);
    assert.equal(text.code, 0, text.stderr);
    assert.match(text.stdout, /^capriccio \d+\.\d+\.\d+ {2}process \d+, up \d+ s {2}ready, ok {2}2 of 2 cores\n\ncore +lane +state +busy/);
    assert.match(text.stdout, /\n1 +front +(?:idle|waiting|running) .*%/);
    assert.match(text.stdout, /\nGET \/quick +1 /);
    assert.ok(!text.stdout.includes('\u001B'));
    const wrong = await here('top', cli.url);
    assert.deepEqual([wrong.code, wrong.stderr], [1, `capriccio: ${cli.url} answered what is no JSON: it is no admin port of Capriccio (CAP_ERR_MODULE)\n`]);
    assert.match((await here('dump', new URL(adminUrl).host)).stdout, /^process \d+, /);
    const json = await capriccio('top', adminUrl, '--json', '--times', '2', '--every-ms', '50');
    const looks = json.stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as { stats: { cores: number } });
    assert.deepEqual(looks.map(({ stats }) => stats.cores), [2, 2]);
    cli.child.kill('SIGTERM');
    assert.deepEqual(await cli.ended, { code: 0, signal: null });
    const after = await capriccio('top', adminUrl);
    assert.equal(after.code, 1);
    assert.match(after.stderr, /^capriccio: nothing answers on http:\/\/127\.0\.0\.1:\d+: is the app served with --admin-port/);
  });

  test('the screen: busy shares and rates since the look before, what is stalled, no more lines than fit', () => {
    const worker = { id: 1, lane: 'front', isReady: true, busyMs: 0, threadsRun: 0, finished: 0, failed: 0, threads: 3, runnable: 1, queued: 0, connections: 4, sleeps: 0, sleptMs: 0 };
    const none: PoolStats['refused'] = { requests: 0, calls: 0, byRoot: {}, retryAfterMs: {} };
    const inTime: PoolStats['expired'] = { requests: 0, byRoute: {} };
    const look = (at: number, busyMs: number, threadsRun: number, stalled: number[], refused = none, expired = inTime): Look => ({
      version: '1.0.0', node: '26', pid: 1, at, uptimeMs: at, ready: { isReady: true, reason: 'ok' }, health: { status: 'ok', cores: 1, ready: 1, stalled },
      stats: { cores: 1, workers: [{ ...worker, busyMs, threadsRun }], calls: { made: 1, ended: 1, outstanding: 0, waiting: 0 }, refused, expired, lost: 0, memory: { arenaBytes: 1, slotsFree: 1, payloadBytes: 1 },
        activations: { spares: 0, blocked: 0, zombies: 0, retiring: 0, activated: 0, recycled: 0, blockedMs: 0 } },
      routes: [{ route: 'GET /', count: threadsRun, meanMs: 1, p50Ms: 1, p99Ms: 2 }],
      functions: [{ name: 'a.ts#rare', count: 7, errors: 7, meanMs: 1, p50Ms: 1, p99Ms: 1 }, { name: 'a.ts#busy', count: threadsRun, errors: 3, meanMs: 3, p50Ms: 1, p99Ms: 20 }],
    } as unknown as Look);
    const plain = (_: string, text: string): string => text;
    const lines = topScreen(look(3000, 1000, 300, []), look(1000, 0, 100, []), plain).split('\n');
    assert.match(lines[3] ?? '', /^1 +front +running +█{10}░{10} {2}50 % +3 +1 +0 +4 +100 +0$/);
    assert.match(lines.at(-2) ?? '', /^a\.ts#busy +300 +100 +3 +3\.00 +1\.00 +20\.00$/);
    assert.match(lines.at(-1) ?? '', /^a\.ts#rare +7 +0 +7 /);
    assert.match(lines.at(-5) ?? '', /^GET \/ +300 +100 +1\.00 +1\.00 +2\.00$/);
    assert.match(topScreen(look(3000, 0, 0, [1]), undefined, plain), /\n1 +front +stalled/);
    assert.deepEqual(topScreen(look(3000, 0, 0, []), undefined, plain, 5).split('\n').length, 5);
    const shed = (count: number): PoolStats['refused'] => ({ requests: count + 5, calls: 0, byRoot: { 'GET /old': 5, 'GET /heavy': count }, retryAfterMs: { 'GET /old': 1000, 'GET /heavy': 2500 } });
    const refused = topScreen(look(3000, 0, 0, [], shed(2000)), look(1000, 0, 0, [], shed(1000)), plain).split('\n');
    const at = refused.indexOf('refused, for they could not have begun in time: 2,005 requests, 0 calls');
    assert.match(refused[at + 3] ?? '', /^GET \/heavy +2,000 +500 +2,500$/);
    assert.match(refused[at + 4] ?? '', /^GET \/old +5 +0 +1,000$/);
    const late = (count: number): PoolStats['expired'] => ({ requests: count + 1000, byRoute: { 'GET /late': 1000, 'GET /slow': count } });
    const expired = topScreen(look(3000, 0, 0, [], none, late(30)), look(1000, 0, 0, [], none, late(10)), plain).split('\n');
    const from = expired.indexOf('expired, for their deadlines passed after they were taken: 1,030 requests');
    assert.match(expired[from + 3] ?? '', /^GET \/slow +30 +10$/);
    assert.match(expired[from + 4] ?? '', /^GET \/late +1,000 +0$/);
    assert.ok(!lines.some((line) => line.startsWith('refused') || line.startsWith('expired')), 'nothing was');
    assert.ok(!lines.some((line) => line.startsWith('hottest')), 'no graph, no nodes');
  });

  test('the screen: the hottest nodes of the blocking graph, by what they took since the look before, and what is held back', () => {
    const edge = (from: number, count: number, mean: number): unknown => ({ from, to: 1, count, timeMs: { count, mean, sd: 0 } });
    const look = (at: number, cold: number, hot: number): Look => ({
      version: '1.0.0', node: '26', pid: 1, at, uptimeMs: at, ready: { isReady: true, reason: 'ok' }, health: { status: 'ok', cores: 1, ready: 1, stalled: [] },
      stats: { cores: 1, workers: [], calls: { made: 0, outstanding: 0, waiting: 0 }, refused: { requests: 0, calls: 0, byRoot: {}, retryAfterMs: {} }, expired: { requests: 0, byRoute: {} }, lost: 0, memory: { slotsFree: 1 }, activations: { spares: 0, blocked: 0, activated: 0 } }, routes: [],
      graph: {
        nodes: [{ id: 1, name: 'app.ts:3 cold', weightMs: 1, tickets: 1 }, { id: 2, name: 'app.ts:9 hot', weightMs: 5, tickets: 0.5, inUse: 4, waiting: 30 }, { id: 3, name: 'never left', weightMs: 0, tickets: 1 }],
        edges: [edge(1, cold, 1), edge(2, hot, 2), edge(2, hot, 8)],
        decisions: [{ what: 'tickets', about: 'app.ts:9 hot', why: 'it takes memory, of which 85 % is used' }],
      },
    } as unknown as Look);
    const plain = (_: string, text: string): string => text;
    assert.match(topScreen({ ...look(1, 0, 0), stats: { ...look(1, 0, 0).stats, cores: 0 } }, undefined, plain), /ready, ok {2}in its own process\n/);
    const shown = (...looks: [Look, Look?]): string[] => { const lines = topScreen(looks[0], looks[1], plain).split('\n'); return lines.slice(lines.findIndex((line) => line.startsWith('hottest nodes '))); };
    const [, first, second, decision, ...more] = shown(look(3000, 10_000, 300), look(1000, 9900, 100));
    assert.match(first ?? '', /^app\.ts:9 hot +600 +200 +1\.00 +5\.00 +0\.5 +4 +30$/);
    assert.match(second ?? '', /^app\.ts:3 cold +10,000 +50 +0\.05 +1\.00 +1 *$/);
    assert.deepEqual([decision, more], ['tickets app.ts:9 hot: it takes memory, of which 85 % is used', []]);
    assert.match(shown(look(3000, 10_000, 300))[1] ?? '', /^app\.ts:3 cold +10,000 +– +– +1\.00/);
  });

  test('a served app shows its nodes once the conductor has looked', async () => {
    const cli = await serving([fixture('slow-app.ts'), '--port', '0', '--admin-port', '0', '--json']);
    const { adminUrl } = JSON.parse(cli.stdout) as { adminUrl: string };
    await until(async () => {
      await fetch(`${cli.url}/quick`);
      return ((await (await fetch(`${adminUrl}/graph.json`)).json()) as { edges: unknown[] }).edges.length > 0;
    }, 'the graph');
    assert.match((await capriccio('top', adminUrl)).stdout, /\nhottest nodes +passages +\/s +busy +mean ms +tickets +there +waiting\n\S.* \d/);
    cli.child.kill('SIGTERM');
    await cli.ended;
  });
});
