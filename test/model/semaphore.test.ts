import assert from 'node:assert/strict';
import type { Memory } from '@capriccio/shared';
import { COUNTER, allLive, assertAtRest, end, newVisitor, noting, runMain, until } from './objects.ts';
import { model, tinyLayout } from './harness.ts';
import type { Control, Scenario } from './explore.ts';
import type { Shared } from './mutant.ts';

const make = (S: Shared, permits: number) => (memory: Memory): void => { allLive(S)(memory); S.findOrMake(memory, 0, { name: 's', kind: S.SEMAPHORE, parameters: [permits, 1] }); };

/** Takes `count` permits, and gives them back. */
const worker = (S: Shared, id: number, count: number) => (memory: Memory, control: Control): void => {
  const visitor = newVisitor(S, memory, control, id);
  const watch = control.quiet(() => new S.DeathWatch(memory, id));
  const semaphore = S.objectAt(memory, 0);
  const granted: { result: number; node: number }[] = [];
  let outcome = '';
  visitor.visit(semaphore, () => { outcome = S.semaphores.acquire(visitor, semaphore, count, noting(granted)); });
  until(S, memory, visitor, watch, () => outcome === 'now' || granted.length > 0);
  for (const { node } of granted) visitor.nodes.release(node);
  control.note(Atomics.add(memory.words, COUNTER, count) + count);
  Atomics.sub(memory.words, COUNTER, count);
  let isDone = false;
  visitor.visit(semaphore, () => { S.semaphores.release(visitor, semaphore, count); isDone = true; });
  until(S, memory, visitor, watch, () => isDone);
  end(memory);
};

model('semaphore: permits are neither lost nor made, whoever dies at any step', { bound: 1, kills: 1, killable: 0b110 }, (S): Scenario<[number]> => ({
  layout: tinyLayout(S),
  setUp: make(S, 2),
  threads: [(memory, control) => runMain(S, memory, control, 2), worker(S, 1, 2), worker(S, 2, 1)],
  check(_, memory, killed, notes) {
    const semaphore = S.objectAt(memory, 0);
    assertAtRest(S, memory, semaphore);
    assert.equal(memory.words[semaphore + S.VALUE], 0, 'all permits are there');
    if (killed === 0) assert.ok(Math.max(...notes as number[]) <= 2, 'never more out than there are');
  },
}), [
  { file: 'objects/burial.ts', from: 'if (kind === SEMAPHORE) buryHolder(visitor, object, dead);\n  else if', to: 'if', finds: /there|deadlock/ },
  { file: 'objects/semaphore.ts', from: '  journal.write(heldAt, (memory.words[heldAt] as number) + count);\n', to: '', finds: /there|deadlock/ },
  { file: 'objects/semaphore.ts', from: 'permitsOf(visitor, semaphore) >= count) {', to: 'permitsOf(visitor, semaphore) >= 0) {', finds: /more out/ },
  { file: 'objects/visitor.ts', from: '      if (waiter !== undefined && isGrantedBy(nodeState(this.memory, node), dead)) this.#settle(node);\n', to: '', finds: /deadlock/ },
  { file: 'objects/burial.ts', from: '  for (const node of nodes) {\n', to: '  for (const node of []) {\n', finds: /there|waits|deadlock/ },
  { file: 'objects/visitor.ts', from: "wake(this.memory, waiter);\n  }", to: 'void waiter;\n  }', finds: /deadlock/ },
]);
