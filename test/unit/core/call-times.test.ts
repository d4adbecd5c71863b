/** How long calls of each function take: from main and from workers, with what failed, and never too many functions. */
import assert from 'node:assert/strict';
import type { Histogram } from 'node:perf_hooks';
import { CallTimes, type Target } from '@capriccio/worker';
import { describe, test } from 'vitest';
import { fixture, poolFor, rejection, until } from './rig.ts';
import { ask, quiet, serverFor } from './serve-rig.ts';

const BASIC = new URL('../../fixtures/basic.ts', import.meta.url);
type Basic = typeof import('../../fixtures/basic.ts');

describe('pool.histograms()', () => {
  test.each([[2], [0]])('counts every end of every call, with its time; cores: %i', async (cores) => {
    const pool = await poolFor({ cores, timings: true });
    const basic = pool.module<Basic>(BASIC);
    await Promise.all([basic.add(1, 2), basic.add(3, 4), basic.add.spawn(5, 6).join(), basic.addLater(1, 1, 30)]);
    await rejection(basic.fails('one'));
    await rejection(basic.failsLater('two'));
    await rejection(basic.addLater.with({ signal: AbortSignal.abort() })(1, 1, 1));
    for await (const value of basic.counts(5)) void value;
    const counts = [...pool.histograms()].map(([name, { all, failed }]) => [name, all.count, failed.count]);
    assert.deepEqual(counts.toSorted(), [['basic.ts#add', 3, 0], ['basic.ts#addLater', 2, 1], ['basic.ts#counts', 1, 0], ['basic.ts#fails', 1, 1], ['basic.ts#failsLater', 1, 1]]);
    const later = pool.histograms().get('basic.ts#addLater')?.all as Histogram;
    assert.ok(later.max >= 29_000 && later.max < 15e6, `${later.max} us`);   // two digits
  });

  test('counts calls that threads make, on their own worker or another, and keeps those of workers that have gone', async () => {
    const pool = await poolFor({ cores: 2, timings: true });
    const nested = pool.module<typeof import('../../fixtures/core/nested.ts')>(fixture('nested.ts'));
    assert.equal(await nested.deep(3), 3);
    assert.equal(await nested.wide(40), 40);
    const count = (name: string): number | undefined => pool.histograms().get(`nested.ts#${name}`)?.all.count;
    await until(() => count('deep') === 4 && count('increment') === 40, 'the histograms of the workers');
    await pool.restart();
    assert.equal(await nested.deep(2), 2);
    await until(() => count('deep') === 7, 'those of the new ones');
  });

  test('is empty as long as nobody asks for it', async () => {
    const pool = await poolFor(1);
    assert.equal(await pool.module<Basic>(BASIC).add(1, 2), 3);
    assert.equal(pool.histograms().size, 0);
  });

  test('begins when an admin port is opened, on all workers, and is in /metrics and /stats.json; not with timings: false', async () => {
    const pool = await poolFor({ cores: 2, ...quiet });
    const server = await serverFor(pool, 'paths.ts', { adminPort: 0 });
    await rejection(pool.module<Basic>(BASIC).fails('once'));
    for (let k = 0; k < 3; k++) assert.equal((await ask(`${server.url}/nested`)).text, '42');
    let text = '';
    await until(async () => (text = await (await fetch(`${server.adminUrl}/metrics`)).text()).includes('capriccio_call_duration_seconds_count{function="notes.ts#double"} 3\n'), 'the calls of the workers');
    for (const line of ['capriccio_call_duration_seconds{function="notes.ts#double",quantile="0.99"} ', 'capriccio_call_errors_total{function="basic.ts#fails"} 1\n', 'capriccio_call_errors_total{function="notes.ts#double"} 0\n']) assert.ok(text.includes(line), line);
    const { functions } = await (await fetch(`${server.adminUrl}/stats.json`)).json() as { functions: { name: string; count: number; errors: number; p99Ms: number }[] };
    assert.deepEqual(functions.map(({ name, count, errors, p99Ms }) => [name, count, errors, p99Ms > 0]).toSorted(), [['basic.ts#fails', 1, 1, true], ['notes.ts#double', 3, 0, true]]);
    const silent = await poolFor({ cores: 1, timings: false, ...quiet });
    await serverFor(silent, 'paths.ts', { adminPort: 0 });
    assert.equal(await silent.module<Basic>(BASIC).add(1, 2), 3);
    assert.equal(silent.histograms().size, 0);
  });
});

describe('an isolate', () => {
  test('tells 200 functions apart and makes one of the rest, and two modules of one name', () => {
    const made: [string, string, Histogram][] = [];
    const times = new CallTimes((...one) => { made.push(one); });
    const target = (label: string): Target => ({ label }) as Target;
    for (let k = 0; k < 250; k++) times.call(target(`m.ts#f${k}`), undefined, () => { /* not settled here */ }).end();
    times.call(target('m.ts#f0'), undefined, () => { /* nor here */ }).end();
    assert.equal(made.length, 201);
    assert.deepEqual(made.filter(([, , { count }]) => count !== 1).map(([name, kind, { count }]) => [name, kind, count]), [['m.ts#f0', 'all', 2], ['others', 'all', 50]]);
    times.call(target('m.ts#f0'), undefined, () => { /* the rejected promise that it is given */ }, () => { /* told */ }).fail(new Error('no'));
    assert.deepEqual(made.slice(201).map(([name, kind, { count }]) => [name, kind, count]), [['m.ts#f0', 'failed', 1]]);
  });
});
