import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, test } from 'vitest';
import { sleep, spawn, ThreadLocal, yieldNow } from '../../../../packages/worker/src/thread-api.ts';

describe('ThreadLocal', () => {
  test('each thread has its own, over every kind of switch; code outside of threads has one too', async () => {
    const local = new ThreadLocal<number>();
    local.set(-1);
    const wrong: string[] = [];
    const check = (k: number): void => { if (local.get() !== k) wrong.push(`${k}: ${local.get()}`); };
    await Promise.all(Array.from({ length: 40 }, (_, k) => spawn<[], unknown>(k % 2 === 0
      ? async () => { local.set(k); for (let n = 0; n < 10; n++) { await (n % 3 === 0 ? sleep(0) : n % 3 === 1 ? yieldNow() : delay(0)); check(k); } }
      : function* (): Generator<unknown, void> { local.set(k); for (let n = 0; n < 10; n++) { yield n % 2 === 0 ? undefined : delay(0); check(k); } }).join()));
    assert.deepEqual(wrong, []);
    assert.equal(local.get(), -1);
  });

  test('begins with its initial value, made once a thread when it is asked for', async () => {
    let made = 0;
    const local = new ThreadLocal(() => ++made);
    const two = [spawn(() => [local.get(), local.get()]), spawn(() => [local.get(), local.get()])];
    assert.deepEqual(await Promise.all(two.map((thread) => thread.join())), [[1, 1], [2, 2]]);
    const nothing = new ThreadLocal(() => { made++; return undefined; });
    await spawn(() => { nothing.get(); nothing.get(); }).join();
    assert.equal(made, 3);
  });

  test('is not inherited, and forgotten when deleted', async () => {
    const local = new ThreadLocal(() => 'initial');
    await spawn(async () => {
      local.set('mine');
      assert.equal(await spawn(() => local.get()).join(), 'initial');
      assert.equal(local.get(), 'mine');
      local.delete();
      assert.equal(local.get(), 'initial');
    }).join();
  });

  test('destructors run however the thread ends, with the value, inside the thread, up to four rounds', async () => {
    const log: string[] = [];
    const other = new ThreadLocal<string>(undefined, { destructor: (value) => { log.push(`other ${value}`); } });
    const local = new ThreadLocal<string>(undefined, { destructor: (value) => { log.push(value); if (value.length < 3) other.set(`from ${value}`); } });
    const ends: (() => unknown)[] = [
      () => { local.set('a'); },
      async () => { local.set('b'); await sleep(1); },
      () => { local.set('ccc'); throw new Error('x'); },
      function* () { local.set('ddd'); yield sleep(60_000); },
    ];
    for (const fn of ends) {
      const thread = spawn(fn);
      const ended = thread.join().catch(() => { /* as it may */ });
      await delay(2);
      thread.cancel();
      await ended;
    }
    assert.deepEqual(log, ['a', 'other from a', 'b', 'other from b', 'ccc', 'ddd']);
    let rounds = 0;
    const again = new ThreadLocal<number>(undefined, { destructor: (value) => { rounds++; again.set(value + 1); } });
    await spawn(() => { again.set(0); }).join();
    assert.equal(rounds, 4);
  });

  test('a destructor that throws is reported, and the others run', async () => {
    const warnings: string[] = [];
    const note = (warning: Error & { code?: string }): void => { if (warning.code === 'CAP_WARN_DESTRUCTOR') warnings.push(warning.message); };
    process.on('warning', note);
    let ran = false;
    const bad = new ThreadLocal<number>(undefined, { destructor: () => { throw new Error('mine'); } });
    const good = new ThreadLocal<number>(undefined, { destructor: () => { ran = true; } });
    await spawn(() => { bad.set(1); good.set(1); }).join();
    await delay(2);
    process.off('warning', note);
    assert.equal(ran, true);
    assert.match(warnings.join(), /destructor of thread .* threw: Error: mine/);
  });

  test('refuses what is no function', () => {
    assert.throws(() => new ThreadLocal(5 as never), { code: 'CAP_ERR_OPTION' });
    assert.throws(() => new ThreadLocal(undefined, { destructor: 'x' as never }), { code: 'CAP_ERR_OPTION' });
  });
});
