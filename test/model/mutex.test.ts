import assert from 'node:assert/strict';
import type { Memory } from '@capriccio/shared';
import { COUNTER, SPARE, allLive, assertAtRest, end, newVisitor, noting, runMain, until } from './objects.ts';
import { model, tinyLayout } from './harness.ts';
import type { Control, Scenario } from './explore.ts';
import type { Shared } from './mutant.ts';

const make = (S: Shared) => (memory: Memory): void => { allLive(S)(memory); S.findOrMake(memory, 0, { name: 'm', kind: S.MUTEX, parameters: [] }); };

/** Locks as the product does: one CAS, else a visit, else it waits. @returns whether its last owner had died */
function lock(S: Shared, memory: Memory, visitor: InstanceType<Shared['Visitor']>, watch: InstanceType<Shared['DeathWatch']>, mutex: number): boolean {
  const granted: { result: number; node: number }[] = [];
  let outcome: string = S.mutexes.tryLock(memory, mutex, visitor.id);
  if (outcome === 'busy') {
    visitor.visit(mutex, () => { outcome = S.mutexes.lock(visitor, mutex, noting(granted)); });
    until(S, memory, visitor, watch, () => (outcome !== 'waits' && outcome !== 'busy') || granted.length > 0);
  }
  const [grant] = granted;
  if (grant !== undefined) visitor.nodes.release(grant.node);
  return outcome === 'owner-died' || grant?.result === S.OWNER_DIED;
}

function unlock(S: Shared, memory: Memory, visitor: InstanceType<Shared['Visitor']>, watch: InstanceType<Shared['DeathWatch']>, mutex: number): void {
  if (S.mutexes.tryUnlock(memory, mutex, visitor.id)) return;
  let isDone = false;
  visitor.visit(mutex, () => { S.mutexes.unlock(visitor, mutex); isDone = true; });
  until(S, memory, visitor, watch, () => isDone);
}

const worker = (S: Shared, id: number, turns: number) => (memory: Memory, control: Control): void => {
  const visitor = newVisitor(S, memory, control, id);
  const watch = control.quiet(() => new S.DeathWatch(memory, id));
  const mutex = S.objectAt(memory, 0);
  for (let turn = 0; turn < turns; turn++) {
    const hasDied = lock(S, memory, visitor, watch, mutex);
    control.note(['has', id, hasDied]);
    const before = memory.words[COUNTER] as number;
    memory.words[SPARE] = 1;                                             // what an owner's death leaves behind
    memory.words[COUNTER] = before + 1;
    memory.words[SPARE] = 0;
    control.note(['gives', id]);
    unlock(S, memory, visitor, watch, mutex);
  }
  end(memory);
};

const scenario = (turns: readonly [number, number]) => (S: Shared): Scenario<[number]> => ({
  layout: tinyLayout(S),
  setUp: make(S),
  threads: [(memory, control) => runMain(S, memory, control, 2), worker(S, 1, turns[0]), worker(S, 2, turns[1])],
  check([buried], memory, killed, notes) {
    assert.equal(buried, killed === 0 ? 0 : 1);
    const mutex = S.objectAt(memory, 0);
    assertAtRest(S, memory, mutex);
    const deathsWhileOwned = memory.words[SPARE] === 1 || memory.words[mutex + S.OWNER] !== 0;
    if (killed === 0) {
      assert.equal(memory.words[COUNTER], turns[0] + turns[1], 'no owner was beside another');
      assert.ok(notes.every((note) => (note as unknown[])[2] !== true), 'nobody died');
      assert.equal(deathsWhileOwned, false);
    }
    // who died between its first and its last step as the owner is told of, to whoever has it next
    const dead = killed === 0b010 ? 1 : 2;
    const inside = (notes as [string, number, boolean?][]).findLast(([, id]) => id === dead);
    const next = (notes as [string, number, boolean?][]).slice(inside === undefined ? 0 : notes.indexOf(inside) + 1).find(([what]) => what === 'has');
    if (killed !== 0 && inside?.[0] === 'has') assert.equal(next === undefined ? memory.words[mutex + S.OWNER] : next[2], next === undefined ? 1 << 17 : true, 'the next owner is told of the death');
  },
});

model('mutex: one owner, whoever dies at any step', { bound: 1, kills: 1, killable: 0b110 }, scenario([1, 1]), [
  { file: 'objects/mutex.ts', from: "if (Atomics.compareExchange(words, mutex + OWNER, 0, me + 1) === 0) return 'locked';", to: "if (Atomics.load(words, mutex + OWNER) === 0) { Atomics.store(words, mutex + OWNER, me + 1); return 'locked'; }", finds: /race|beside|deadlock|corrupt|told/ },
  { file: 'objects/mutex.ts', from: '  journal.show(mutex + OWNER, waiterOf(memory, node) + 1 | QUEUED);\n', to: '', finds: /race|beside|deadlock|told|inside/ },
  { file: 'objects/burial.ts', from: "if (kind === MUTEX) buryOwner(visitor, object, dead);\n  else if", to: 'if', finds: /deadlock|told|inside/ },
  { file: 'objects/wait-queue.ts', from: '  journal.write(next === 0 ? queue + 1 : next + NODE_PREVIOUS, previous);\n', to: '', finds: /end/ },
]);

model('mutex: the next owner is told of a death', { bound: 1, kills: 1, killable: 0b010 }, scenario([2, 1]), [
  { file: 'objects/mutex.ts', from: 'result === OWNER_DIED ? DIED : 0', to: '0', finds: /told/ },
]);

model('mutex: handed on twice', { bound: 2 }, scenario([2, 1]), [
  { file: 'objects/mutex.ts', from: '|| Atomics.compareExchange(memory.words, mutex + OWNER, word, word | QUEUED) === word) break;', to: ') break;\n    else { Atomics.store(memory.words, mutex + OWNER, word | QUEUED); break; }', finds: /deadlock|race|beside|inside/ },
]);
