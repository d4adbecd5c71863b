import assert from 'node:assert/strict';
import type { Memory, Visitor } from '@capriccio/shared';
import { COUNTER, SPARE, allLive, assertAtRest, end, newVisitor, noting, runMain, until } from './objects.ts';
import { model, tinyLayout } from './harness.ts';
import type { Control, Scenario } from './explore.ts';
import type { Shared } from './mutant.ts';

type Watch = InstanceType<Shared['DeathWatch']>;
const make = (S: Shared, kind: 4 | 5, parameters: readonly number[]) => (memory: Memory): void => { allLive(S)(memory); S.findOrMake(memory, 0, { name: 'x', kind, parameters }); };

/** Asks inside, and waits until it has been let in. @returns what it was told */
function ask(S: Shared, memory: Memory, visitor: Visitor, watch: Watch, admit: (granted: { result: number; node: number }[]) => string): string {
  const granted: { result: number; node: number }[] = [];
  let outcome = '';
  visitor.visit(S.objectAt(memory, 0), () => { outcome = admit(granted); });
  until(S, memory, visitor, watch, () => outcome === 'now' || outcome === 'owner-died' || granted.length > 0);
  for (const { node } of granted) visitor.nodes.release(node);
  return outcome === 'waits' && granted[0]?.result === S.OWNER_DIED ? 'owner-died' : outcome;
}

const thread = (S: Shared, id: number, mode: 0 | 1) => (memory: Memory, control: Control): void => {
  const visitor = newVisitor(S, memory, control, id);
  const watch = control.quiet(() => new S.DeathWatch(memory, id));
  const lock = S.objectAt(memory, 0);
  const told = ask(S, memory, visitor, watch, (granted) => S.rwlocks.lockShared(visitor, lock, mode, noting(granted)));
  control.note(['has', id, told]);
  if (mode === S.rwlocks.WRITE_LOCK) {
    memory.words[SPARE] = 1;                                             // plain: a reader beside a writer races with it
    memory.words[COUNTER] = (memory.words[COUNTER] as number) + 1;
    memory.words[SPARE] = 0;
  } else if (told !== 'owner-died') assert.equal(memory.words[SPARE], 0, 'a reader sees no writer at work');
  let isDone = false;
  visitor.visit(lock, () => { S.rwlocks.unlockShared(visitor, lock, mode); isDone = true; });
  until(S, memory, visitor, watch, () => isDone);
  end(memory);
};

model('rwlock: readers together, a writer alone, whoever dies at any step', { bound: 1, kills: 1, killable: 0b110 }, (S): Scenario<[number]> => ({
  layout: tinyLayout(S),
  setUp: make(S, S.RWLOCK, []),
  threads: [(memory, control) => runMain(S, memory, control, 2), thread(S, 1, S.rwlocks.WRITE_LOCK), thread(S, 2, S.rwlocks.READ_LOCK)],
  check(_, memory) {
    const lock = S.objectAt(memory, 0);
    assertAtRest(S, memory, lock);
    assert.equal(memory.words[lock + S.VALUE], 0, 'no reader is left');
    assert.equal(memory.words[lock + S.SECOND], 0, 'no writer is left');
  },
}), [
  { file: 'objects/rwlock.ts', from: '=> words[lock + SECOND] === 0 && (', to: '=> words[lock + SECOND] !== -1 && (', finds: /race|at work|left/ },
  { file: 'objects/burial.ts', from: '  else if (kind === RWLOCK) buryLocks(visitor, object, dead);\n', to: '', finds: /left|deadlock/ },
  { file: 'objects/rwlock.ts', from: '  journal.write(lock + DIED, 1);\n', to: '', finds: /at work/ },
]);

model('rwlock: two writers, every interleaving', { bound: 2 }, (S): Scenario<[number]> => ({
  layout: tinyLayout(S),
  setUp: make(S, S.RWLOCK, []),
  threads: [(memory, control) => runMain(S, memory, control, 2), thread(S, 1, S.rwlocks.WRITE_LOCK), thread(S, 2, S.rwlocks.WRITE_LOCK)],
  check(_, memory) { assert.equal(memory.words[COUNTER], 2, 'no writer was beside another'); },
}), []);

/** Main and two threads meet twice. */
const party = (S: Shared, id: number, rounds: number) => (memory: Memory, control: Control): number => {
  const visitor = newVisitor(S, memory, control, id);
  const watch = control.quiet(() => new S.DeathWatch(memory, id));
  const barrier = S.objectAt(memory, 0);
  let lasts = 0;
  for (let round = 1; round <= rounds; round++) {
    Atomics.add(memory.words, COUNTER, 1);
    if (ask(S, memory, visitor, watch, (granted) => S.barriers.arrive(visitor, barrier, noting(granted))) === 'now') lasts++;
    assert.ok(Atomics.load(memory.words, COUNTER) >= 2 * round, 'nobody goes on before all have come');
  }
  end(memory);
  return lasts;
};
model('barrier: all meet, round after round', { bound: 2 }, (S): Scenario<[number, number, number]> => ({
  layout: tinyLayout(S),
  setUp: make(S, S.BARRIER, [2]),
  threads: [(memory, control) => runMain(S, memory, control, 2), party(S, 1, 2), party(S, 2, 2)],
  check([, one, two], memory) {
    assertAtRest(S, memory, S.objectAt(memory, 0));
    assert.equal(one + two, 2, 'one is the last, in each round');
  },
}), [
  { file: 'objects/barrier.ts', from: 'words[node + NODE_NOTE] === words[barrier + SECOND]', to: 'words[node + NODE_NOTE] !== -1', finds: /deadlock|corrupt|waits/ },
  { file: 'objects/barrier.ts', from: '    journal.write(barrier + VALUE, 0);\n', to: '', finds: /last|before|deadlock/ },
]);
model('barrier: one that dies while it waits has not arrived', { bound: 1, kills: 1, killable: 0b010 }, (S): Scenario<[number]> => ({
  layout: tinyLayout(S),
  setUp: make(S, S.BARRIER, [2]),
  threads: [(memory, control) => runMain(S, memory, control, 2), party(S, 1, 1), (memory) => end(memory)],
  mayBlock: 0b011,
  check(_, memory, killed) {
    const barrier = S.objectAt(memory, 0);
    const waits = memory.words[barrier + S.QUEUE] === 0 ? 0 : 1;
    assert.equal(memory.words[barrier + S.VALUE], waits, 'as many have arrived as wait');
    assert.equal(waits, killed === 0 ? 1 : 0);
  },
}), [
  { file: 'objects/burial.ts', from: "  if (visitor.facts.of(object).kind === BARRIER && memory.words[node + NODE_NOTE] === memory.words[object + SECOND]) unarrive(visitor, object);\n", to: '', finds: /arrived|before/ },
]);
