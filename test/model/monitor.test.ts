import assert from 'node:assert/strict';
import { test } from 'vitest';
import { MUTEX, Visitor, findOrMake, monitors, type Memory } from '@capriccio/shared';
import { arena } from '../unit/shared/arena.ts';
import { COUNTER, SPARE, allLive, end, newVisitor, runMain, until } from './objects.ts';
import { model, tinyLayout } from './harness.ts';
import type { Control, Scenario } from './explore.ts';
import type { Shared } from './mutant.ts';

const make = (S: Shared) => (memory: Memory): void => { allLive(S)(memory); S.findOrMake(memory, 0, { name: 'm', kind: S.MUTEX, parameters: [] }); };

/** Adds one to two words in one change, inside, as often as told. */
const worker = (S: Shared, id: number, turns: number) => (memory: Memory, control: Control): number => {
  const visitor = newVisitor(S, memory, control, id);
  const watch = control.quiet(() => new S.DeathWatch(memory, id));
  const monitor = S.objectAt(memory, 0);
  let done = 0;
  for (let turn = 0; turn < turns; turn++) {
    visitor.visit(monitor, () => {
      const next = (memory.words[COUNTER] as number) + 1;
      assert.equal(memory.words[SPARE], next - 1, 'both words are changed or none');
      visitor.journal.write(COUNTER, next);
      visitor.journal.write(SPARE, next);
      visitor.commit();
      done++;
    });
    until(S, memory, visitor, watch, () => done > turn);
  }
  end(memory);
  return done;
};

model('monitor: a change is whole, whoever dies at any step', { bound: 1, kills: 1, killable: 0b110 }, (S): Scenario<[number, number?, number?]> => ({
  layout: tinyLayout(S),
  setUp: make(S),
  threads: [(memory, control) => runMain(S, memory, control, 2), worker(S, 1, 2), worker(S, 2, 1)],
  check([, first, second], memory) {
    assert.equal(memory.words[COUNTER], memory.words[SPARE], 'both words are changed or none');
    assert.ok((memory.words[COUNTER] as number) >= (first ?? 0) + (second ?? 0), 'what was done is done');
    assert.equal(memory.words[S.objectAt(memory, 0) + S.ENTERED], 0, 'nobody is inside');
  },
}), [
  { file: 'objects/monitor.ts', from: 'Atomics.compareExchange(words, monitor + ENTERED, 0, me + 1) === 0;', to: '(Atomics.load(words, monitor + ENTERED) === 0 && (Atomics.store(words, monitor + ENTERED, me + 1), true));', finds: /race|both words|done/ },
  { file: 'objects/journal.ts', from: '    Atomics.store(this.#words, this.#countAt, this.#count);\n', to: '', finds: /both words/ },
  { file: 'objects/journal.ts', from: '  apply(memory.words, journalOf(memory, dead), Atomics.load(memory.words, countAt));\n', to: '', finds: /both words/ },
  { file: 'objects/burial.ts', from: '    if (takeOver(memory, object, dead, visitor.id)) visitor.leaveFor(object, () => advance(visitor, object));\n', to: '', finds: /deadlock|inside/ },
]);

model('monitor: who wants to enter is called, whoever dies at any step', { bound: 2, kills: 1, killable: 0b010 }, (S): Scenario<[number, number?, number?]> => ({
  layout: tinyLayout(S),
  setUp: make(S),
  threads: [(memory, control) => runMain(S, memory, control, 2), worker(S, 1, 1), worker(S, 2, 1)],
  check([, , second]) { assert.equal(second, 1); },
}), [
  { file: 'objects/monitor.ts', from: '    if (Atomics.load(words, monitor + WANTED + k) === 0) continue;\n', to: '    if (k === 0) continue;\n', finds: /deadlock/ },
  { file: 'objects/visitor.ts', from: '    if (!tryEnter(this.memory, monitor, this.id)) return;\n    this.doPending', to: '    if (this.id >= 0) return;\n    this.doPending', finds: /deadlock/ },
  { file: 'objects/visitor.ts', from: "    this.#tryAllPending();\n  }\n}", to: '  }\n}', finds: /deadlock/ },
]);

test('monitor: visits of one object keep their order', () => {
  const memory = arena();
  const monitor = findOrMake(memory, 0, { name: 'm', kind: MUTEX, parameters: [] });
  const visitor = new Visitor(memory, 0, 0);
  const done: number[] = [];
  assert.ok(monitors.tryEnter(memory, monitor, 1), 'another is inside');
  visitor.visit(monitor, () => { done.push(1); });
  assert.equal(visitor.tryVisit(monitor, () => { done.push(0); }), false);
  visitor.visit(monitor, () => { done.push(2); });
  assert.equal(done.length, 0);
  assert.ok(visitor.isWaiting);
  monitors.leave(memory, monitor);
  visitor.visit(monitor, () => { done.push(3); });
  assert.equal(done.length, 0, 'it has been called, and has not looked');
  visitor.collect();
  assert.deepEqual(done, [1, 2, 3]);
  assert.ok(!visitor.isWaiting);
});

test('monitor: work that throws leaves no change half-way, and leaves', () => {
  const memory = arena();
  const monitor = findOrMake(memory, 0, { name: 'm', kind: MUTEX, parameters: [] });
  const visitor = new Visitor(memory, 0, 0);
  const failing = (): never => { visitor.journal.write(COUNTER, 5); throw new RangeError('the stack has run out'); };
  assert.throws(() => visitor.visit(monitor, failing), RangeError);
  assert.ok(monitors.tryEnter(memory, monitor, 1), 'nobody is inside');
  monitors.leave(memory, monitor);
  visitor.visit(monitor, () => { visitor.journal.write(SPARE, 6); visitor.commit(); });
  assert.deepEqual([memory.words[COUNTER], memory.words[SPARE]], [0, 6]);
});
