/** Shared objects serve first come, first served, over main and all workers: nobody passes another. */
import assert from 'node:assert/strict';
import { createPool, type Pool, type Remote } from 'capriccio';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { conditionOf, kinds, turnOf, type Kind } from '../../fixtures/core/turns.ts';
import { fixture, soon, until } from './rig.ts';

type Tasks = typeof import('../../fixtures/core/turns.ts');
const WAITERS = 18;
let pool: Pool;
let tasks: Remote<Tasks>;
beforeAll(async () => { pool = await createPool(2); tasks = pool.module<Tasks>(fixture('turns.ts')); });
afterAll(async () => { await pool.close({ graceMs: 0 }); });

const waiting = async (kind: string): Promise<number> => (await pool.threads()).filter(({ name, waitingFor = [] }) => name === 'takesTurn' && waitingFor.some((one) => one.includes(kind))).length;

/** Everybody has to wait until what is returned is called; then each in turn. */
async function block(kind: Kind): Promise<() => Promise<void>> {
  switch (kind) {
    case 'mutex': { const held = await pool.mutex('turns of mutex').lock(); return async () => { held[Symbol.dispose](); }; }
    case 'semaphore': { const held = await pool.semaphore('turns of semaphore', 2).acquire(2); return async () => { held[Symbol.dispose](); }; }
    case 'writers': { const held = await pool.rwlock('turns of rwlock').read(); return async () => { held[Symbol.dispose](); }; }
    case 'condition': return async () => { const [mutex, changed] = conditionOf(pool); using held = await mutex.lock(); void held; for (let k = 0; k < WAITERS; k++) changed.signal(); };
    case 'receivers': return async () => { const channel = pool.channel<number>('turns of receivers', { capacity: 1 }); for (let k = 0; k < WAITERS; k++) await channel.send(k); };
    case 'senders': { const channel = pool.channel<number>('turns of senders', { capacity: 1 }); await channel.send(-1); return async () => { await channel.recv(); }; }
  }
}
const listed: Readonly<Record<Kind, string>> = { mutex: 'turns of mutex', semaphore: 'turns of semaphore', writers: 'turns of rwlock', condition: 'turns changed', receivers: 'turns of receivers', senders: 'turns of senders' };

describe('first come, first served over all cores', () => {
  test.each(kinds)('%s', async (kind) => {
    const log = new SharedArrayBuffer(4 * (WAITERS + 1));
    const release = await block(kind);
    const all: Promise<void>[] = [];
    let remote = 0;
    for (let who = 0; who < WAITERS; who++) {
      if (who % 3 === 2) all.push(turnOf(pool, kind, who, log));         // main's own
      else {
        all.push(tasks.takesTurn.with({ affinity: who })(kind, who, log));
        remote++;
        await until(async () => await waiting(listed[kind]) === remote, `${who} waits`);
      }
      if (kind === 'condition' && who % 3 === 2) await new Promise((resolve) => { setImmediate(resolve); });   // it has locked, and waits
    }
    await release();
    const order = Array.from({ length: WAITERS }, (_, k) => k);
    if (kind === 'senders') { const channel = pool.channel<number>('turns of senders', { capacity: 1 }); for (const who of order) assert.equal(await soon(channel.recv()), who); }
    await soon(Promise.all(all));
    if (kind !== 'senders') assert.deepEqual([...new Int32Array(log).subarray(1)], order);
  });

  test('a stream of readers does not starve a writer, whatever cores they are of', async () => {
    const log = new SharedArrayBuffer(4 * (WAITERS + 1));
    const lock = pool.rwlock('turns of rwlock');
    const reading = await lock.read();
    const writes = tasks.takesTurn('writers', 1, log);
    await until(async () => await waiting('turns of rwlock') === 1, 'the writer waits');
    assert.equal(lock.tryRead(), undefined);                             // who comes now waits behind it
    const behind = lock.read().then((held) => { held[Symbol.dispose](); return new Int32Array(log)[0]; });
    reading[Symbol.dispose]();
    assert.equal(await soon(behind), 1);                                 // it had its turn
    await writes;
  });
});
