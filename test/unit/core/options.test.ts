/** Every public option is checked where it enters: type, range, unknown names with the nearest known one. What is wrong is CAP_ERR_OPTION, at once. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { inspect } from 'node:util';
import { MessageChannel } from 'node:worker_threads';
import { createPool, type Pool, type PoolOptions, type Remote, type ServeOptions } from 'capriccio';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { fixture, poolFor, rejection, thrown, type Failure } from './rig.ts';

type Values = typeof import('../../fixtures/core/values.ts');
let pool: Pool;
let values: Remote<Values>;
beforeAll(async () => {
  pool = await createPool(1);
  values = pool.module<Values>(fixture('values.ts'));
});
afterAll(async () => { await pool.close({ graceMs: 0 }); });

/** A wrong value, and what the message must say of it. */
type Wrong = [name: string, value: unknown, says?: RegExp];
const cases = (wrongs: Wrong[]): [string, string, unknown, RegExp | undefined][] => wrongs.map(([name, value, says]) => [name, inspect(value), value, says]);
const isOption = (error: Failure, name: string, says?: RegExp): void => {
  assert.equal(error.code, 'CAP_ERR_OPTION', error.stack ?? '');
  assert.equal(error.name, 'CapriccioError');
  assert.ok(error.message.includes(name), `${error.message} does not name ${name}`);
  if (says !== undefined) assert.match(error.message, says);
};
const nested = (path: string, value: unknown): Record<string, unknown> => path.split('.').reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as Record<string, unknown>;

describe('createPool', () => {
  const whole = (name: string, below: number, above?: number): Wrong[] => [
    [name, 'two', /'two'/], [name, 1.5, /integer.*1\.5/], [name, NaN, /NaN/], [name, below, new RegExp(String(below))], [name, null], [name, {}], [name, Infinity], [name, 3n, /3n/],
    ...above === undefined ? [] : [[name, above, new RegExp(String(above))] satisfies Wrong],
  ];
  test.each(cases([
    ...whole('cores', -1, 129), ...whole('spares', -1, 17), ...whole('sliceUs', 49, 1_000_001), ...whole('quantumUs', 49, 1_000_001), ...whole('stackBound', 0).filter(([, value]) => value !== Infinity), ...whole('framesMax', 0).filter(([, value]) => value !== Infinity),
    ...whole('memory.slots', 15, 2 ** 21), ['memory.slots', 1000, /power of two.*1000/], ...whole('memory.payloadBytes', 1), ['memory.payloadBytes', 65_537, /multiple of 65536/],
    ...whole('limits.queued', 0).filter(([, value]) => value !== Infinity), ['limits.heapBytes', 0], ['limits.heapBytes', '1g'], ['limits.externalBytes', -5], ['limits.descriptors', true],
    ['cancelGraceMs', -1], ['cancelGraceMs', '1s'], ['cancelGraceMs', 2 ** 31],
    ['lanes', 'on', /'auto' or 'off'.*'on'/], ['lanes', true], ['deadlock', 'ignore', /'report' or 'break'/], ['onWorkerLost', 'restart', /'reject' or 'retry'/],
    ['compile', 'yes'], ['compile', 1], ['compile.include', 'src'], ['compile.exclude', [1]], ['memory', 5], ['memory', null], ['memory', []], ['limits', 'none'],
    ['resourceLimits', 5], ['resourceLimits.maxOldGenerationSizeMb', 0], ['resourceLimits.stackSizeMb', '4'],
    ['env', 'A=1'], ['env', null], ['execArgv', '--flag'], ['execArgv', [1]], ['name', ''], ['name', 7],
  ]))('%s: %s', async (name, _, value, says) => { isOption(await rejection(createPool(nested(name, value) as PoolOptions)), name, says); });

  test.each([
    ['core', 'cores'], ['Cores', 'cores'], ['slots', undefined], ['onWorkerLoss', 'onWorkerLost'], ['quantumus', 'quantumUs'], ['comiple', 'compile'], ['environment', 'env'], ['zzz', undefined],
  ])('%s is no option', async (name, near) => {
    const error = await rejection(createPool({ [name]: 1 } as never));
    isOption(error, `'${name}'`, near === undefined ? /it has cores, spares/ : new RegExp(`did you mean '${near}'`));
  });
  test.each([['memory.slot', 'slots'], ['memory.payloadbytes', 'payloadBytes'], ['limits.queue', 'queued'], ['compile.exlude', 'exclude'], ['resourceLimits.maxOldGenerationSizeMB', 'maxOldGenerationSizeMb']])('%s is no option', async (path, near) => {
    isOption(await rejection(createPool(nested(path, 1) as PoolOptions)), path.split('.')[1]!, new RegExp(`did you mean '${near}'`));
  });
  test.each([['a text', '4'], ['null', null], ['an array', []], ['true', true], ['a function', () => 1]])('%s is no options object', async (_, given) => {
    isOption(await rejection(createPool(given as never)), 'createPool');
  });
  test.each([-1, 1.5, 129, NaN, Infinity])('%d is no number of cores', async (cores) => { isOption(await rejection(createPool(cores)), 'cores'); });
  test('flags that a worker does not take are CAP_ERR_OPTION too', async () => {
    isOption(await rejection(createPool({ cores: 1, execArgv: ['--no-such-flag-at-all'] })), '--no-such-flag-at-all');
  });
  test('an arena that is too large for its indices', async () => {
    isOption(await rejection(createPool({ cores: 100, memory: { payloadBytes: 2 ** 30 } })), 'memory');
  });

  test('what is right is taken', async () => {
    const own = await poolFor({
      cores: 1, spares: 0, lanes: 'off', deadlock: 'break', compile: { include: ['src', /x/], exclude: [] }, quantumUs: 1000, sliceUs: 500, stackBound: 1000, framesMax: 1000,
      memory: { slots: 64, payloadBytes: 2 ** 20 }, limits: { heapBytes: 1e9, externalBytes: 1e9, descriptors: 100, queued: 1000 }, onWorkerLost: 'reject', cancelGraceMs: 10, startMs: 60_000,
      resourceLimits: { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 16, codeRangeSizeMb: 64, stackSizeMb: 4 }, env: { ...process.env, SEEN: 'there' }, execArgv: ['--conditions=capriccio-source'], name: 'mine',
    });
    assert.equal(own.cores, 1);
    assert.equal(await own.module<Values>(fixture('values.ts')).environment('SEEN'), 'there');
    assert.equal(await values.environment('SEEN'), undefined);
  });
  test('undefined stands for what is left out', async () => {
    const own = await poolFor({ cores: 1, memory: undefined, limits: undefined, name: undefined } as unknown as PoolOptions);
    assert.equal(own.cores, 1);
  });
});

describe('CAPRICCIO_CORES', () => {
  const run = (cores: string | undefined, call = 'createPool()'): string => {
    const script = `import { createPool } from 'capriccio'; try { const pool = await ${call}; console.log(pool.cores, pool.health().ready); await pool.close(); } catch (error) { console.log(error.code, error.message); }`;
    const env: NodeJS.ProcessEnv = { ...process.env, NODE_OPTIONS: '' };
    delete env['CAPRICCIO_CORES'];
    if (cores !== undefined) env['CAPRICCIO_CORES'] = cores;
    return spawnSync(process.execPath, ['--conditions=capriccio-source', '--input-type=module', '--eval', script], { cwd: new URL('../../..', import.meta.url), env, encoding: 'utf8' }).stdout.trim();
  };
  test('is the default', () => { assert.equal(run('3'), '3 3'); });
  test('gives way to what is said', () => { assert.equal(run('3', 'createPool(1)'), '1 1'); });
  test('0 runs all in this thread', () => { assert.equal(run('0'), '0 1'); });
  test('empty is not set', () => { assert.equal(run(''), `${availableParallelism()} ${availableParallelism()}`); });
  test.each(['two', '-1', '1.5', '200'])('%s is refused, by its name', (cores) => { assert.match(run(cores), new RegExp(`^CAP_ERR_OPTION .*CAPRICCIO_CORES.*'${cores}'`)); });
});

describe('with', () => {
  test.each(cases([
    ['signal', {}, /AbortSignal/], ['signal', 'abort'], ['signal', null], ['signal', new AbortController()],
    ['deadlineMs', -1], ['deadlineMs', '5s'], ['deadlineMs', NaN], ['deadlineMs', 2 ** 31], ['deadlineMs', null], ['onDeadline', 'reject', /'admission' or 'cancel'/], ['onDeadline', null],
    ['tickets', 0], ['tickets', 10_001], ['tickets', '3'], ['tickets', NaN], ['transfer', new ArrayBuffer(1), /array/], ['transfer', 'all'], ['transfer', null],
    ['affinity', {}], ['affinity', NaN], ['affinity', null], ['affinity', true], ['affinity', Symbol('s')], ['idempotent', 1], ['idempotent', 'yes'], ['lane', 'side', /'auto' or 'front' or 'back'/], ['lane', 1],
  ]))('%s: %s', (name, _, value, says) => { isOption(thrown(() => values.add.with({ [name]: value })), name, says); });
  test.each([['deadline', 'deadlineMs'], ['singal', 'signal'], ['DeadlineMs', 'deadlineMs'], ['transfers', 'transfer'], ['retry', undefined]])('%s is no option', (name, near) => {
    isOption(thrown(() => values.add.with({ [name]: 1 } as never)), `'${name}'`, near === undefined ? /it has signal, deadlineMs/ : new RegExp(`did you mean '${near}'`));
  });
  test.each([null, 5, 'x', [], true])('%j is no options object', (given) => { isOption(thrown(() => values.add.with(given as never)), 'with'); });
  test('transfer cannot be combined with idempotent, at once or one after the other', () => {
    isOption(thrown(() => values.byteLength.with({ transfer: [new ArrayBuffer(1)], idempotent: true })), 'transfer', /idempotent/);
    isOption(thrown(() => values.byteLength.with({ idempotent: true }).with({ transfer: [new ArrayBuffer(1)] })), 'transfer', /idempotent/);
    isOption(thrown(() => values.byteLength.with({ transfer: [new ArrayBuffer(1)] }).with({ idempotent: true })), 'transfer', /idempotent/);
  });
  test('what is in transfer must be transferable', () => {
    for (const wrong of [['text'], [5], [new Uint8Array(2)], [null], [new SharedArrayBuffer(1)]]) isOption(thrown(() => values.add.with({ transfer: wrong as never })), 'transfer');
  });
  test('what is right is taken, and later options go before earlier ones', async () => {
    const { port1, port2 } = new MessageChannel();
    const fn = values.add.with({ tickets: 2, lane: 'back', affinity: 0, deadlineMs: 0.5 }).with({ deadlineMs: 10_000, onDeadline: 'cancel', idempotent: false, transfer: [], signal: new AbortController().signal });
    assert.equal(await fn(1, 2), 3);
    assert.equal(await values.add.with({})(1, 2), 3);
    assert.equal(await values.add.with({ signal: undefined, transfer: undefined } as never)(1, 2), 3);
    await values.nothing.with({ transfer: [port2] })();
    port1.close();
  });
});

describe('serve', () => {
  const app = fixture('serve/listener.ts');
  test.each(cases([
    ['port', -1], ['port', 65_536], ['port', '3000', /'3000'/], ['port', 1.5], ['host', ''], ['host', 7], ['deadlineMs', -1], ['deadlineMs', 'soon'], ['graceMs', -1], ['graceMs', null], ['accept', 'kernel', /'placed' or 'reusePort'/],
    ['signal', {}], ['adminPort', 70_000], ['limits', 5], ['limits.headersMs', -1], ['limits.bodyMs', 'x'], ['limits.keepAliveMs', -1], ['limits.bodyBytes', -1], ['limits.connections', 0], ['limits.connections', 1.5],
    ['routes', []], ['routes', 'all'],
  ]))('%s: %s', async (name, _, value, says) => { isOption(await rejection(pool.serve(app, { port: 0, ...nested(name, value) } as ServeOptions)), name, says); });
  test.each([['prot', 'port'], ['deadline', 'deadlineMs'], ['hostname', 'host'], ['gracems', 'graceMs'], ['rouets', 'routes'], ['https', undefined]])('%s is no option', async (name, near) => {
    isOption(await rejection(pool.serve(app, { [name]: 1 } as never)), `'${name}'`, near === undefined ? /it has port/ : new RegExp(`did you mean '${near}'`));
  });
  test.each<[unknown, RegExp]>([[{ ticket: 1 }, /did you mean 'tickets'/], [{ tickets: 0 }, /tickets/], [{ deadlineMs: 'x' }, /deadlineMs/], [{ onDeadline: 'x' }, /onDeadline/], [{ lane: 'x' }, /lane/], [null, /object/], [5, /object/]])('a route with %j', async (value, says) => {
    isOption(await rejection(pool.serve(app, { port: 0, routes: { 'GET /a': value } } as never)), "routes['GET /a']", says);
  });
  test.each(['no slash', 'GET', 'FETCH /x /y', ''])('%j is no route', async (route) => { isOption(await rejection(pool.serve(app, { port: 0, routes: { [route]: {} } })), 'rout'); });
  test('headers may not have more time than the whole request, by either', async () => {
    for (const limits of [{ bodyMs: 1000 }, { headersMs: 500, bodyMs: 1000 }, { headersMs: 10.5 }, { headersMs: 0 }]) {
      const server = await pool.serve(app, { port: 0, limits });
      assert.equal((await fetch(server.url)).status, 200);
      await server.close();
    }
  });
  test.each([null, 5, 'x', []])('%j is no options object', async (given) => { isOption(await rejection(pool.serve(app, given as never)), 'serve'); });
  test('relative to nothing, or no module', async () => {
    for (const given of ['./app.ts', '', 5, undefined]) isOption(await rejection(pool.serve(given as never, { port: 0 })), '');
  });
});

describe('close', () => {
  test.each([[{ graceMs: -1 }, /graceMs/], [{ graceMs: '1s' }, /graceMs/], [{ graceMs: 2 ** 31 }, /graceMs/], [{ grace: 1 }, /did you mean 'graceMs'/], [5, /close/], [null, /close/]])('%j', async (given, says) => {
    isOption(await rejection((async () => { await pool.close(given as never); })()), '', says);
    assert.equal(pool.health().status, 'ok');
    assert.equal(await values.add(1, 2), 3);
  });
});
