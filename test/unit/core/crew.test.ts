/** Workers that come and go while calls and requests are under way: nothing is lost, and there are as many as there should be. */
import assert from 'node:assert/strict';
import { Agent, get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { createPool, type Pool, type PoolOptions } from 'capriccio';
import { describe, onTestFinished, test } from 'vitest';
import { fixture, poolFor, rejection, soon, until } from './rig.ts';

type Basic = typeof import('../../fixtures/basic.ts');
type Blocks = typeof import('../../fixtures/core/blocks.ts');
type Hoards = typeof import('../../fixtures/core/hoards.ts');
const basicUrl = new URL('../../fixtures/basic.ts', import.meta.url);

/** Calls that never stop. @returns how to stop them, and what went wrong */
function traffic(pool: Pool): { stop(): Promise<{ done: number; failed: unknown[] }> } {
  const basic = pool.module<Basic>(basicUrl);
  let isOver = false;
  let done = 0;
  const failed: unknown[] = [];
  const one = async (k: number): Promise<void> => {
    for (let n = 0; !isOver; n++) {
      try {
        assert.equal(await (n % 3 === 0 ? basic.addLater(k, n, n % 5) : basic.add(k, n)), k + n);
        done++;
      } catch (error) { failed.push(error); }
    }
  };
  const loops = Array.from({ length: 20 }, (_, k) => one(k));
  return { async stop() { isOver = true; await soon(Promise.all(loops), 'the calls under way'); return { done, failed }; } };
}

/** GETs one after the other on keep-alive connections that follow what the server says. */
function requests(url: string, path: string): { stop(): Promise<{ answered: number; failed: unknown[]; texts: Set<string> }> } {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  let isOver = false;
  let answered = 0;
  const failed: unknown[] = [];
  const texts = new Set<string>();
  const ask = (): Promise<void> => new Promise((resolve, reject) => {
    get(`${url}${path}`, { agent }, (res) => {
      let text = '';
      res.on('data', (chunk) => { text += chunk; }).on('end', () => { if (res.statusCode === 200) { texts.add(text); resolve(); } else reject(new Error(`status ${res.statusCode}`)); }).on('error', reject);
    }).on('error', reject);
  });
  const one = async (): Promise<void> => {
    while (!isOver) try { await ask(); answered++; } catch (error) { failed.push(error); }
  };
  const loops = Array.from({ length: 8 }, one);
  return { async stop() { isOver = true; await soon(Promise.all(loops), 'the requests under way'); agent.destroy(); return { answered, failed, texts }; } };
}

const isCalm = (pool: Pool, cores: number): Promise<void> => until(() => {
  const { spares, retiring, blocked } = pool.stats().activations;
  return spares === 1 && retiring === 0 && blocked === 0 && pool.health().ready === cores && pool.health().status === 'ok';
}, `${cores} workers and a spare`);

describe('resize', () => {
  test('up and down under load loses nothing', async () => {
    const pool = await poolFor({ cores: 2 });
    const load = traffic(pool);
    for (const cores of [4, 1, 3, 2]) {
      await soon(pool.resize(cores), `a resize to ${cores}`);
      assert.equal(pool.cores, cores);
      assert.equal(pool.health().ready, cores);
      await delay(50);
    }
    const { done, failed } = await load.stop();
    assert.deepEqual(failed, []);
    assert.ok(done > 100);
    await isCalm(pool, 2);
    assert.equal(pool.stats().lost, 0, 'those that left were not lost');
  });
  test('what it takes is checked', async () => {
    const pool = await poolFor(1);
    for (const cores of [0, -1, 1.5, 1000, Number.NaN, undefined as unknown as number]) assert.equal((await rejection(pool.resize(cores))).code, 'CAP_ERR_OPTION', String(cores));
    const alone = await poolFor(0);
    assert.match((await rejection(alone.resize(2))).message, /^a pool of cores: 0 runs tasks in this thread/);
    assert.equal((await rejection(alone.restart())).code, 'CAP_ERR_OPTION');
  });
  test('a pool that closes meanwhile says so', async () => {
    const pool = await createPool(1);
    const resizing = rejection(pool.resize(3));
    await pool.close();
    assert.equal((await resizing).code, 'CAP_ERR_CLOSED');
    assert.equal((await rejection(pool.restart())).code, 'CAP_ERR_CLOSED');
  });
});

describe('restart', () => {
  test.each(['placed', 'reusePort'] as const)('loses no call and no request, with connections %s', { timeout: 60_000 }, async (accept) => {
    const pool = await poolFor({ cores: 2 });
    const server = await pool.serve(fixture('serve/paths.ts'), { port: 0, accept });
    await isCalm(pool, 2);
    const threads = async (): Promise<Set<string>> => new Set(await Promise.all(Array.from({ length: 12 }, () => text(`${server.url}/where`))));
    const before = await threads();
    const calls = traffic(pool);
    const asked = requests(server.url, '/where');
    await delay(100);
    await soon(pool.restart(), 'the restart', 40_000);
    await delay(100);
    const [{ done, failed }, { answered, failed: unanswered }] = await Promise.all([calls.stop(), asked.stop()]);
    assert.deepEqual(failed, []);
    if (accept === 'placed') assert.deepEqual(unanswered, []);            // the kernel drops what it has dealt to a listener that closes
    assert.ok(done > 100 && answered > 100, `${done} calls, ${answered} requests`);
    await isCalm(pool, 2);
    assert.deepEqual([...await threads()].filter((thread) => before.has(thread)), [], 'all are new');
    assert.equal(pool.stats().lost, 0);
  });
  test.each([
    ['has died of its app', 'exit', /died while it loaded .*exits-when-told\.ts: it exited with code 7/], ['cannot load its app', 'throw', /this release does not load/],
  ])('says that a successor %s, keeps who was there, and leaves nobody to wait for', { timeout: 60_000 }, async (_, how, message) => {
    const pool = await poolFor({ cores: 2 });
    pool.on('warning', () => { /* of the death */ });
    const server = await pool.serve(fixture('serve/exits-when-told.ts'), { port: 0 });
    await isCalm(pool, 2);
    const threads = async (): Promise<string[]> => [...new Set(await Promise.all(Array.from({ length: 12 }, () => text(server.url))))].toSorted();
    const before = await threads();
    process.env['CAPRICCIO_TEST_LOAD'] = how;
    try {
      const error = await soon(rejection(pool.restart()), 'the end of the restart', 40_000);
      assert.match(error.message, message);
    } finally { delete process.env['CAPRICCIO_TEST_LOAD']; }
    await isCalm(pool, 2);
    await delay(300);                                                     // nobody else takes a seat
    assert.deepEqual(await threads(), before);
    await soon(pool.resize(1), 'a resize after it', 40_000);
    await soon(pool.restart(), 'a restart after it', 40_000);
    const after = await threads();
    assert.equal(after.length, 1);
    assert.ok(!before.includes(after[0]!));
  });
});

describe('limits', () => {
  const hoarding = async (limits: PoolOptions['limits'], how: 'heap' | 'external'): Promise<void> => {
    const pool = await poolFor({ cores: 1, limits: limits as NonNullable<PoolOptions['limits']> });
    const hoards = pool.module<Hoards>(fixture('hoards.ts'));
    const first = await hoards.where();
    await until(() => pool.stats().activations.spares === 1, 'the spare');
    await delay(10_100);                                                  // a worker that is young is left alone
    const load = traffic(pool);
    await hoards[how](64 * 2 ** 20);
    await until(() => pool.stats().activations.recycled >= 1, 'a replacement');
    await until(async () => await hoards.where() !== first, 'another worker');
    const { failed } = await load.stop();
    assert.deepEqual(failed, []);
    await isCalm(pool, 1);
    assert.equal(pool.stats().lost, 0);
  };
  test('a worker with too large a heap, or too much memory outside of it, is replaced, and nothing is lost', { timeout: 60_000 }, async () => {
    await Promise.all([hoarding({ heapBytes: 48 * 2 ** 20 }, 'heap'), hoarding({ externalBytes: 48 * 2 ** 20 }, 'external')]);
  });
  test('a limit below what the application needs is said once, and replaces nobody at once', async () => {
    const pool = await poolFor({ cores: 1, limits: { heapBytes: 1000 } });
    const warnings: string[] = [];
    pool.on('warning', ({ message }) => { warnings.push(message); });
    const basic = pool.module<Basic>(basicUrl);
    await until(async () => { await basic.add(1, 2); await delay(10); return warnings.length > 0; }, 'a warning');
    await delay(300);
    assert.equal(warnings.filter((text) => /limit is lower than what the application needs/.test(text)).length, 1);
    assert.equal(pool.stats().activations.recycled, 0);
  });
});

test('what runs for long without giving way, where no lane takes it, is named once', async () => {
  const pool = await poolFor({ cores: 1, lanes: 'off' });
  const warnings: string[] = [];
  pool.on('warning', ({ message }) => { warnings.push(message); });
  const blocks = pool.module<Blocks>(fixture('blocks.ts'));
  for (let k = 0; k < 6; k++) await blocks.spins(130);
  await until(() => warnings.length > 0, 'a warning');
  assert.match(warnings[0]!, /blocks\.ts#spins has run for 1\d\d ms at a time without giving way/);
  assert.equal(warnings.length, 1);
});

describe.runIf(process.platform === 'linux')('a server on a blocked core', () => {
  test('new connections go to the spare, whose app begins then and not before', async () => {
    const pool = await poolFor({ cores: 1 });
    const server = await pool.serve(fixture('serve/blocks.ts'), { port: 0 });
    await until(() => pool.stats().activations.spares === 1, 'the spare');
    await delay(200);
    assert.equal(await text(`${server.url}/factories`), '1', 'one worker has run the factory');
    let isBack = false;
    const blocked = text(`${server.url}/block?ms=4000`).then((answer) => { isBack = true; return answer; });
    await until(() => pool.stats().activations.blocked === 1, 'an activation');
    const answers = await Promise.all(Array.from({ length: 10 }, () => text(`${server.url}/factories`)));
    assert.equal(isBack, false, 'they do not wait for the blocked worker');
    assert.deepEqual([...new Set(answers)], ['2'], 'the factory ran in the spare when it was activated');
    assert.equal(await blocked, 'blocked');
    await until(() => pool.stats().activations.retiring === 0 && pool.stats().activations.spares === 1, 'the spare resting again');
    assert.equal(await text(`${server.url}/factories`), '2');
    onTestFinished(() => server.close({ graceMs: 0 }));
  });
});

const text = async (url: string): Promise<string> => {
  const agent = new Agent({ keepAlive: false });
  try {
    return await new Promise((resolve, reject) => {
      get(url, { agent }, (res) => { let all = ''; res.on('data', (chunk) => { all += chunk; }).on('end', () => { resolve(all); }); }).on('error', reject);
    });
  } finally { agent.destroy(); }
};
