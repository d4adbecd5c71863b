import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, test } from 'vitest';
import { directOf } from '../../../../packages/worker/src/suspended.ts';
import { RwLock, spawn, yieldNow } from '../../../../packages/worker/src/thread-api.ts';
import { agrees, dispose, pick, QueueModel, steps } from './rig.ts';

type Op = 'read' | 'write' | 'tryRead' | 'tryWrite';

class RwLockModel extends QueueModel<Op, number> {
  #holds: { id: number; isWriter: boolean }[] = [];
  start(id: number, op: Op): void {
    const isWriter = op === 'write' || op === 'tryWrite';
    if (this.queue.length === 0 && this.#isFree(isWriter)) this.#grant(id, isWriter);
    else if (op === 'read' || op === 'write') this.queue.push({ id, op });
    else this.results.set(id, undefined);
  }
  #isFree(forWriter: boolean): boolean { return forWriter ? this.#holds.length === 0 : !this.#holds.some(({ isWriter }) => isWriter); }
  #grant(id: number, isWriter: boolean): void {
    this.#holds.push({ id, isWriter });
    this.results.set(id, 'held');
  }
  override left(): void {
    for (let first = this.queue[0]; first !== undefined && this.#isFree(first.op === 'write'); first = this.queue[0]) { this.queue.shift(); this.#grant(first.id, first.op === 'write'); }
  }
  act(n: number, values: ReadonlyMap<number, unknown>): void {
    const hold = pick(this.#holds.filter(({ id }) => values.has(id)), n);
    if (hold === undefined) return;
    this.#holds = this.#holds.filter((one) => one !== hold);
    this.left();
    dispose(values.get(hold.id));
  }
}

const read = directOf(RwLock.prototype.read);
const write = directOf(RwLock.prototype.write);

describe('RwLock', () => {
  test('agrees with its model', async () => {
    await agrees(steps<Op, number>(fc.constantFrom('read', 'read', 'write', 'write', 'tryRead', 'tryWrite'), fc.nat(9)), () => {
      const lock = new RwLock();
      return {
        model: new RwLockModel(),
        subject: {
          awaited: (op, options) => (op === 'read' || op === 'write' ? lock[op](options) : Promise.resolve(lock[op]())),
          direct: (op, options) => (op === 'read' ? read.call(lock, options) : op === 'write' ? write.call(lock, options) : lock[op]()),
          show: (value) => (value === undefined ? undefined : 'held'),
        },
      };
    });
  });

  test('a stream of readers does not starve a writer: it waits for those who came before, and no others', async () => {
    const lock = new RwLock();
    let isWanted = false;
    let late = 0;
    let isOver = false;
    const readers = Array.from({ length: 5 }, () => spawn(async () => {
      while (!isOver) {
        const cameLate = isWanted;
        using held = await lock.read();
        if (cameLate && !isOver) late++;
        await yieldNow();
        void held;
      }
    }));
    for (let k = 0; k < 20; k++) await yieldNow();
    const writer = spawn(async () => {
      isWanted = true;
      using held = await lock.write();
      isOver = true;
      void held;
    });
    await writer.join();
    await Promise.all(readers.map((thread) => thread.join()));
    assert.equal(late, 0);
  });

  test('readers behind a writer go together', async () => {
    const lock = new RwLock();
    const writing = await lock.write();
    const reads = [lock.read(), lock.read(), lock.read()];
    dispose(writing);
    const holds = await Promise.all(reads);
    assert.equal(lock.readers, 3);
    for (const hold of holds) { dispose(hold); dispose(hold); }
    assert.deepEqual([lock.readers, lock.isWritten], [0, false]);
  });
});
