import assert from 'node:assert/strict';
import type { Memory, Visitor } from '@capriccio/shared';
import { COUNTER, allLive, assertAtRest, end, newVisitor, noting, runMain, until } from './objects.ts';
import { model, tinyLayout } from './harness.ts';
import type { Control, Scenario } from './explore.ts';
import type { Shared } from './mutant.ts';

type Watch = InstanceType<Shared['DeathWatch']>;
const make = (S: Shared) => (memory: Memory): void => {
  allLive(S)(memory);
  const mutex = S.findOrMake(memory, 0, { name: 'm', kind: S.MUTEX, parameters: [] });
  S.findOrMake(memory, 0, { name: 'c', kind: S.CONDITION, parameters: [mutex] });
};

function lock(S: Shared, memory: Memory, visitor: Visitor, watch: Watch, mutex: number): void {
  const granted: { result: number; node: number }[] = [];
  let outcome: string = S.mutexes.tryLock(memory, mutex, visitor.id);
  if (outcome === 'busy') {
    visitor.visit(mutex, () => { outcome = S.mutexes.lock(visitor, mutex, noting(granted)); });
    until(S, memory, visitor, watch, () => (outcome !== 'waits' && outcome !== 'busy') || granted.length > 0);
  }
  for (const { node } of granted) visitor.nodes.release(node);
}
function visit(S: Shared, memory: Memory, visitor: Visitor, watch: Watch, mutex: number, work: () => void): void {
  let isDone = false;
  visitor.visit(mutex, () => { work(); isDone = true; });
  until(S, memory, visitor, watch, () => isDone);
}
function unlock(S: Shared, memory: Memory, visitor: Visitor, watch: Watch, mutex: number): void {
  if (!S.mutexes.tryUnlock(memory, mutex, visitor.id)) visit(S, memory, visitor, watch, mutex, () => S.mutexes.unlock(visitor, mutex));
}

/** Waits, with the mutex, until the word is set. */
const waiter = (S: Shared, id: number) => (memory: Memory, control: Control): void => {
  const visitor = newVisitor(S, memory, control, id);
  const watch = control.quiet(() => new S.DeathWatch(memory, id));
  const [mutex, condition] = [S.objectAt(memory, 0), S.objectAt(memory, 1)];
  lock(S, memory, visitor, watch, mutex);
  while (memory.words[COUNTER] === 0) {
    const granted: { result: number; node: number }[] = [];
    visit(S, memory, visitor, watch, mutex, () => { assert.equal(typeof S.conditions.wait(visitor, condition, mutex, noting(granted)), 'object'); });
    until(S, memory, visitor, watch, () => granted.length > 0);
    for (const { node } of granted) visitor.nodes.release(node);
  }
  unlock(S, memory, visitor, watch, mutex);
  end(memory);
};

/** Sets the word and tells: with the mutex, or after it. */
const teller = (S: Shared, id: number, how: 'signal' | 'broadcast', isInside: boolean) => (memory: Memory, control: Control): void => {
  const visitor = newVisitor(S, memory, control, id);
  const watch = control.quiet(() => new S.DeathWatch(memory, id));
  const [mutex, condition] = [S.objectAt(memory, 0), S.objectAt(memory, 1)];
  lock(S, memory, visitor, watch, mutex);
  memory.words[COUNTER] = 1;
  if (!isInside) unlock(S, memory, visitor, watch, mutex);
  visit(S, memory, visitor, watch, mutex, () => S.conditions[how](visitor, condition, mutex));
  control.note('told');
  if (isInside) unlock(S, memory, visitor, watch, mutex);
  end(memory);
};

const scenario = (how: 'signal' | 'broadcast', isInside: boolean) => (S: Shared): Scenario<[number]> => ({
  layout: tinyLayout(S),
  setUp: make(S),
  threads: [(memory, control) => runMain(S, memory, control, 2), waiter(S, 1), teller(S, 2, how, isInside)],
  mayBlock: 0b011,
  check(_, memory, killed, notes) {
    if (killed === 0 || notes.includes('told')) for (const k of [0, 1]) assertAtRest(S, memory, S.objectAt(memory, k));
  },
});

model('condition: whoever waits is told, whoever dies at any step', { bound: 1, kills: 1, killable: 0b110 }, scenario('signal', true), [
  { file: 'objects/mutex.ts', from: '  move(memory, journal, node, mutex + QUEUE);\n', to: '', finds: /waits/ },
  { file: 'objects/condition.ts', from: '  unlock(visitor, mutex);\n', to: '', finds: /inside|waits|race|deadlock/ },
]);
model('condition: a broadcast after the mutex was let go, whoever dies at any step', { bound: 1, kills: 1, killable: 0b100 }, scenario('broadcast', false), [
  { file: 'objects/condition.ts', from: '    visitor.commit();\n  }\n  advanceMutex(visitor, mutex);\n', to: '    visitor.commit();\n  }\n', finds: /waits/ },
  { file: 'objects/condition.ts', from: '  advanceCondition(visitor, condition, mutex);\n}', to: '}', finds: /waits/ },
]);
