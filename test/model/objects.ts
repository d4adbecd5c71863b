/**
 * What the models of shared objects have in common: main, which joins the dead and buries them, and threads that wait as in the product, parked on
 * their words. Words of the header that nobody uses count what the scenario wants to know.
 */
import assert from 'node:assert/strict';
import type { Memory, Visitor } from '@capriccio/shared';
import type { Control } from './explore.ts';
import type { Shared } from './mutant.ts';

/** A plain word that only owners touch, and one that counts threads that have ended. */
export const COUNTER = 20;
const ENDED = 21;
/** Further words for a scenario. */
export const SPARE = 22;

export const allLive = (S: Shared) => (memory: Memory): void => { for (const id of [0, 1, 2]) S.markLive(memory, id); };

export const newVisitor = (S: Shared, memory: Memory, control: Control, id: number): Visitor => control.quiet(() => new S.Visitor(memory, id, 0));

/** Looks and parks until `isDone`, answering deaths. */
export function until(S: Shared, memory: Memory, visitor: Visitor, watch: InstanceType<Shared['DeathWatch']>, isDone: () => boolean): void {
  for (;;) {
    if (watch.isDue) watch.acknowledge(() => { /* nothing is placed here */ }, (dead) => visitor.recover(dead));
    visitor.collect();
    if (isDone()) return;
    S.parker.announce(memory, visitor.id, false);
    if (!S.parker.hasMail(memory, visitor.id)) S.parker.sleep(memory, visitor.id, Infinity);
    S.parker.retract(memory, visitor.id);
  }
}

/** A waiter whose grant is kept in a list. */
export const noting = (granted: { result: number; node: number }[]) => ({ granted: (result: number, node: number): void => { granted.push({ result, node }); } });

/** A thread has done what it had to. */
export function end(memory: Memory): void { Atomics.add(memory.words, ENDED, 1); }

/** Thread 0: joins the dead, and goes on until the living of `others` have ended and the dead are buried. @returns how many it buried */
export function runMain(S: Shared, memory: Memory, control: Control, others: number): number {
  const visitor = newVisitor(S, memory, control, 0);
  const watch = control.quiet(() => new S.DeathWatch(memory, 0));
  let [joined, dead, buried] = [0, 0, 0];
  for (;;) {
    const version = control.version();
    const killed = control.dead();
    for (let id = 1; id < 32; id++) {
      if ((killed & ~joined & 1 << id) === 0) continue;
      joined |= 1 << id;
      dead++;
      S.takePlace(visitor, id);
      S.markDead(memory, id);
      watch.acknowledge(() => { /* nothing is placed here */ }, (one) => visitor.recover(one));
      S.bury(visitor, id, () => { buried++; });
    }
    visitor.collect();
    if (Atomics.load(memory.words, ENDED) + dead >= others && buried === dead) return buried;
    control.changed(version);
  }
}

/** Every object is at rest: nobody is inside, nobody waits. */
export function assertAtRest(S: Shared, memory: Memory, object: number): void {
  assert.equal(memory.words[object + S.ENTERED], 0, 'nobody is inside');
  assert.equal(memory.words[object + S.QUEUE], 0, 'nobody waits');
  assert.equal(memory.words[object + S.QUEUE + 1], 0, 'the queue has no end');
}
