import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, test } from 'vitest';
import { Scheduler, type Outside } from '../../../packages/worker/src/scheduler.ts';
import { schedulingRules } from '../../../packages/worker/src/levels.ts';
import { sleep, yieldNow } from '../../../packages/worker/src/thread-api.ts';
import type { LocalThread } from '../../../packages/worker/src/thread.ts';

const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });
const joined = (threads: readonly LocalThread<unknown>[]): Promise<unknown[]> => Promise.all(threads.map((thread) => thread.join()));
/** A scheduler of its own and a root on it. */
function rig(sliceMs = 1, rules = schedulingRules): { scheduler: Scheduler; spawn: <T>(fn: () => T) => LocalThread<Awaited<T>> } {
  const scheduler = new Scheduler({ sliceMs, rules });
  const root = scheduler.roots.named('test');
  return { scheduler, spawn: (fn) => scheduler.spawn(fn, [], root) };
}
/** For tests of what one turn does: no slice ends it. */
const UNSLICED = 60_000;
function burn(ms: number): void { for (const end = performance.now() + ms; performance.now() < end;); }

describe('order', () => {
  test('threads begin in the order in which they were spawned, none before the spawner goes on', async () => {
    const { spawn } = rig();
    const log: number[] = [];
    const threads = Array.from({ length: 100 }, (_, k) => spawn(() => { log.push(k); }));
    assert.deepEqual(log, []);
    await joined(threads);
    assert.deepEqual(log, Array.from({ length: 100 }, (_, k) => k));
  });

  test('threads that yield have turns alike: once all have begun, none is more than one turn ahead', async () => {
    for (const kind of ['native', 'frames']) {
      const { spawn } = rig(1, { ...schedulingRules, thetaUs: Infinity });   // all in one level, whatever the machine lets them have
      const turns = [0, 0, 0, 0, 0];
      let base: number[] | undefined;
      let ahead = 0;
      const note = (k: number): void => {
        (turns[k] as number)++;
        if (turns.includes(200)) return;                                 // somebody is through
        if (!turns.includes(0)) base ??= [...turns];
        const since = turns.map((count, other) => count - (base?.[other] ?? count));
        ahead = Math.max(ahead, Math.max(...since) - Math.min(...since));
      };
      const threads = turns.map((_, k) => kind === 'native'
        ? spawn(async () => { for (let n = 0; n < 200; n++) { note(k); await yieldNow(); } })
        : spawn(function* () { for (let n = 0; n < 200; n++) { note(k); yield; } }));
      await joined(threads);
      assert.equal(ahead, 1, kind);
    }
  });

  test('roots share the worker by tickets: neither waits for the other to be through', async () => {
    const COUNT = 4_000;
    const scheduler = new Scheduler();
    const ran = { few: 0, many: 0 };
    const fewWhenManyWereThrough = Promise.withResolvers<number>();
    const threads = (['few', 'many'] as const).flatMap((name) => {
      const root = scheduler.roots.named(name);
      root.tickets = name === 'few' ? 1 : 4;
      return Array.from({ length: COUNT }, () => scheduler.spawn(() => { burn(0.02); if (++ran[name] === COUNT && name === 'many') fewWhenManyWereThrough.resolve(ran.few); }, [], root));
    });
    const few = await fewWhenManyWereThrough.promise;                    // a quarter on a quiet machine; time is measured, so no more is asked
    assert.ok(few > 0 && few < COUNT, `${few} of ${COUNT}`);
    await joined(threads);
  });

  test('of what has begun and what has not, what has begun goes first', async () => {
    const { scheduler } = rig(UNSLICED);
    const root = scheduler.roots.named('test');
    const log: string[] = [];
    const begun = scheduler.spawn(() => { log.push('begun'); }, [], root);
    root.entries.push({ root, begin() { log.push('entry'); } });
    scheduler.roots.activate(root);
    await begun.join();
    await turn();
    assert.deepEqual(log, ['begun', 'entry']);
  });

  test('a thread that yields for ever does not keep its root from starting others', async () => {
    const { scheduler, spawn } = rig();
    const root = scheduler.roots.named('test');
    let isOver = false;
    let turns = 0;
    const waiting = spawn(async () => { while (!isOver && ++turns < 1e6) await yieldNow(); return isOver; });
    await turn();
    root.entries.push({ root, begin() { isOver = true; } });
    scheduler.roots.activate(root);
    assert.equal(await waiting.join(), true);
  });

  test('children begin newest first, entries oldest first', async () => {
    const { scheduler } = rig(UNSLICED);
    const root = scheduler.roots.named('test');
    const log: string[] = [];
    for (const k of [1, 2, 3]) {
      root.entries.push({ root, begin() { log.push(`entry ${k}`); } });
      root.children.push({ root, begin() { log.push(`child ${k}`); } });
    }
    scheduler.roots.activate(root);
    scheduler.arm();
    await turn();
    await turn();
    assert.deepEqual(log, ['child 3', 'child 2', 'child 1', 'entry 1', 'entry 2', 'entry 3']);
  });
});

describe('slices', () => {
  test('threads that spin on yieldNow let timers and I/O in', async () => {
    const { spawn } = rig();
    const seen = new Set<string>();
    setTimeout(() => { seen.add('timer'); }, 5);
    setImmediate(() => { seen.add('immediate'); });
    void readFile(fileURLToPath(import.meta.url)).then(() => seen.add('file'));
    const spin = async (): Promise<void> => { for (let n = 0; seen.size < 3 && n < 3e6; n++) await yieldNow(); };
    await joined(Array.from({ length: 8 }, () => spawn(spin)));
    assert.deepEqual([...seen].toSorted(), ['file', 'immediate', 'timer']);
  });

  test('frames that spin on yield do too', async () => {
    const { spawn } = rig();
    const seen = new Set<string>();
    setTimeout(() => { seen.add('timer'); }, 5);
    void readFile(fileURLToPath(import.meta.url)).then(() => seen.add('file'));
    await joined(Array.from({ length: 8 }, () => spawn(function* () { for (let n = 0; seen.size < 2 && n < 3e7; n++) yield; })));
    assert.deepEqual([...seen].toSorted(), ['file', 'timer']);
  });

  test('a turn ends when its slice is over: the event loop turns between long batches', async () => {
    const { spawn } = rig(1);
    let turns = 0;
    let isOver = false;
    const count = (): void => { turns++; if (!isOver) setImmediate(count); };
    setImmediate(count);
    await joined(Array.from({ length: 20 }, () => spawn(() => { burn(1.5); })));
    isOver = true;
    assert.ok(turns >= 4, `${turns} turns of the event loop during 20 threads of 1.5 ms`);
  });

  test('microtasks run between batches, before all threads have begun', async () => {
    const { spawn } = rig(UNSLICED);
    let begun = 0;
    const begunWhenFirstWentOn: number[] = [];
    await joined(Array.from({ length: 100 }, () => spawn(async () => { begun++; await Promise.resolve(); begunWhenFirstWentOn.push(begun); })));
    assert.equal(begun, 100);
    assert.ok((begunWhenFirstWentOn[0] as number) <= 16, `${begunWhenFirstWentOn[0]} had begun before the first went on`);
  });
});

describe('counts', () => {
  test('live returns to zero, however threads end', async () => {
    const { scheduler, spawn } = rig();
    const fail = (): never => { throw new Error('x'); };
    // oxlint-disable-next-line unicorn/no-thenable -- that is what is tested
    const thenable = { then(resolve: (value: number) => void) { resolve(1); resolve(2); } };
    const threads: LocalThread<unknown>[] = [
      spawn(() => 1), spawn(fail), spawn(async () => { await sleep(1); }), spawn(async () => { await sleep(1); fail(); }),
      spawn(function* () { yield sleep(1); }), spawn(function* () { yield; fail(); }), spawn(() => thenable),
      spawn(async () => { await sleep(60_000); }), spawn(function* () { yield sleep(60_000); }), spawn(() => 2),
    ];
    const settled = Promise.allSettled(threads.map((thread) => thread.join()));
    threads.at(-1)?.cancel();
    while (threads[7]?.status !== 'blocked' || threads[8]?.status !== 'blocked') await turn();
    assert.ok(scheduler.live >= 2);
    threads[7]?.cancel();
    threads[8]?.cancel();
    const outcomes = await settled;
    await turn();
    assert.equal(scheduler.live, 0);
    assert.deepEqual(outcomes.map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled', 'rejected', 'rejected', 'rejected']);
    assert.equal(scheduler.roots.pick(), undefined);
    assert.equal(scheduler.roots.active.length, 0);
  });

  test('twenty thousand blocked threads all end', async () => {
    const { scheduler, spawn } = rig();
    const { promise, resolve } = Promise.withResolvers<void>();
    const threads = Array.from({ length: 20_000 }, () => spawn(function* () { yield promise; return 1; }));
    while (scheduler.live < 20_000) await turn();
    resolve();
    const sum = (await joined(threads)).reduce((a, b) => (a as number) + (b as unknown as number), 0);
    assert.equal(sum, 20_000);
    assert.equal(scheduler.live, 0);
  });

  test('when nothing is left no turn is taken', async () => {
    const { scheduler, spawn } = rig();
    await spawn(() => 1).join();
    await turn();
    await turn();
    assert.equal(scheduler.isArmed, false);
  });
});

describe('the outside', () => {
  test('is asked in order: begin, look, hand over after each batch, end, idle when nothing was done', async () => {
    const { scheduler, spawn } = rig(UNSLICED);
    const log: string[] = [];
    const outside: Outside = {
      beginTurn: () => log.push('begin turn'),
      look: () => log.push('look'),
      linger: () => { log.push('linger'); return false; },
      runs() { /* nobody looks from outside */ },
      begin: () => 0,
      afterBatch: () => log.push('after batch'),
      endTurn: (_, didWork) => log.push(`end turn ${didWork}`),
      ended: () => log.push('ended'),
      idle: () => log.push('idle'),
    };
    scheduler.connect(outside);
    await spawn(() => 1).join();
    for (let k = 0; k < 4; k++) await turn();
    assert.deepEqual(log, ['begin turn', 'after batch', 'look', 'end turn true', 'idle']);
  });

  test('begins published tasks of a root whose turn it is', async () => {
    const { scheduler } = rig();
    const root = scheduler.roots.named('published');
    const begun: [string, boolean][] = [];
    scheduler.connect({
      beginTurn() { /* no mail */ }, afterBatch() { /* nothing ended */ }, endTurn() { /* nothing to note */ }, idle() { /* armed from here */ }, linger: () => false, runs() { /* nobody looks */ }, ended() { /* nothing to note */ },
      look() { if (begun.length === 0) { root.sources = 1; scheduler.roots.activate(root); } },
      begin(of, max) { begun.push([of.name, max >= 1]); root.sources = 0; return 1; },
    });
    scheduler.arm();
    while (scheduler.isArmed) await turn();
    assert.deepEqual(begun, [['published', true]]);
    assert.equal(scheduler.begun, 1);
  });
});

test('work that is dropped when its turn comes says nothing of what its root takes', async () => {
  const { scheduler } = rig(UNSLICED);
  const root = scheduler.roots.named('pages');
  const add = (begin: () => void): void => { root.entries.push({ root, begin }); scheduler.roots.activate(root); scheduler.arm(); };
  for (let k = 0; k < 40; k++) add(() => { burn(2); });
  while (root.entries.length > 0) await turn();
  const before = root.costUs;
  assert.ok(before > 1500, `${before}`);
  for (let k = 0; k < 200; k++) add(() => { scheduler.dropped++; });
  while (root.entries.length > 0) await turn();
  assert.equal(root.costUs, before);
  for (let k = 0; k < 200; k++) add(() => { /* short ones do */ });
  while (root.entries.length > 0) await turn();
  assert.ok(root.costUs < 1500, `${root.costUs}`);
});
