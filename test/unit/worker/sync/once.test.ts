import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, test } from 'vitest';
import { Once, spawn } from '../../../../packages/worker/src/thread-api.ts';
import { agrees, QueueModel, settle, steps } from './rig.ts';

type Act = { readonly fails: boolean };

/** Each run waits to be told how to end. */
class OnceModel extends QueueModel<'run', Act> {
  #runner: number | undefined;
  #value: string | undefined;
  readonly #ends: ReadonlyMap<number, PromiseWithResolvers<string>>;
  constructor(ends: ReadonlyMap<number, PromiseWithResolvers<string>>) { super(); this.#ends = ends; }
  start(id: number, op: 'run'): void {
    if (this.#value !== undefined) this.results.set(id, this.#value);
    else if (this.#runner === undefined) this.#runner = id;
    else this.queue.push({ id, op });
  }
  #isOver = false;
  act({ fails }: Act): void {
    const runner = this.#runner;
    const end = runner === undefined ? undefined : this.#ends.get(runner);
    if (runner === undefined || end === undefined || this.#isOver) return;
    this.#isOver = true;                                                 // the others are told when it has gone on
    if (fails) end.reject(`failure of ${runner}`);
    else end.resolve(`value of ${runner}`);
    this.#outcome = { runner, fails };
  }
  #outcome: { runner: number; fails: boolean } | undefined;
  settled(): void {
    const outcome = this.#outcome;
    this.#outcome = undefined;
    this.#isOver = false;
    if (outcome === undefined) return;
    const { runner, fails } = outcome;
    this.results.set(runner, fails ? `failure of ${runner}` : `value of ${runner}`);
    this.#runner = undefined;
    if (fails) { this.#runner = this.queue.shift()?.id; return; }
    this.#value = `value of ${runner}`;
    for (const { id } of this.queue.splice(0)) this.results.set(id, this.#value);
  }
}

describe('Once', () => {
  test('agrees with its model', async () => {
    await agrees(steps<'run', Act>(fc.constant('run'), fc.record({ fails: fc.boolean() }), ['awaited', 'main']), () => {
      const once = new Once<string>();
      const ends = new Map<number, PromiseWithResolvers<string>>();
      let started = 0;
      return {
        model: new OnceModel(ends),
        subject: {
          awaited: (_, options) => {
            const id = started++;
            return once.run(() => { const end = Promise.withResolvers<string>(); ends.set(id, end); return end.promise; }, options);
          },
          direct: () => { throw new Error('it has no direct form'); },
          show: (value) => value,
        },
      };
    });
  });

  test('runs once for all who come, and gives each its value', async () => {
    const once = new Once<number>();
    let runs = 0;
    const all = Array.from({ length: 20 }, () => spawn(async () => once.run(async () => { runs++; await settle(); return 7; })).join());
    assert.deepEqual(await Promise.all(all), Array.from({ length: 20 }, () => 7));
    assert.deepEqual([runs, once.isDone, once.value], [1, true, 7]);
  });

  test('refuses what is no function', async () => { await assert.rejects(new Once().run(5 as never), { code: 'CAP_ERR_OPTION' }); });
});
