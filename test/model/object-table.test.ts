import assert from 'node:assert/strict';
import { test } from 'vitest';
import { BARRIER, CHANNEL, MUTEX, ObjectFactsCache, RWLOCK, SEMAPHORE, findOrMake, type Memory } from '@capriccio/shared';
import { arena } from '../unit/shared/arena.ts';
import { allLive, end, runMain } from './objects.ts';
import { model, tinyLayout } from './harness.ts';
import type { Control, Scenario } from './explore.ts';
import type { Shared } from './mutant.ts';

const worker = (S: Shared, id: number, names: readonly string[]) => (memory: Memory, control: Control): number[] => {
  const found = names.map((name) => S.findOrMake(memory, id, { name, kind: S.SEMAPHORE, parameters: [name.length, 1] }));
  for (const [k, name] of names.entries()) {
    const { name: read, kind, parameters } = S.describe(memory, found[k] as number);
    assert.deepEqual([read, kind, parameters], [name, S.SEMAPHORE, [name.length, 1, 0]], 'the object is what was asked for');
  }
  void control;
  end(memory);
  return found;
};

const scenario = (first: readonly string[], second: readonly string[]) => (S: Shared): Scenario<[number, number[]?, number[]?]> => ({
  layout: tinyLayout(S),
  setUp: allLive(S),
  threads: [(memory, control) => runMain(S, memory, control, 2), worker(S, 1, first), worker(S, 2, second)],
  check([, one, two], memory, killed) {
    const objects = [...S.allObjects(memory)].map((object) => S.describe(memory, object).name);
    for (const object of S.allObjects(memory)) assert.equal(memory.words[object + S.ENTRY], 1, 'every entry is complete once the dead are buried');
    assert.equal(new Set(objects).size, objects.length, 'a name stands once');
    if (killed === 0) assert.deepEqual(new Set(objects), new Set([...first, ...second]));
    for (const [k, object] of (one ?? []).entries()) assert.equal(S.findOrMake(memory, 0, { name: first[k] as string, kind: S.SEMAPHORE, parameters: [(first[k] as string).length, 1] }), object, 'one name, one object');
    for (const [k, object] of (two ?? []).entries()) assert.equal(S.findOrMake(memory, 0, { name: second[k] as string, kind: S.SEMAPHORE, parameters: [(second[k] as string).length, 1] }), object, 'one name, one object');
  },
});

model('object table: one name, one object, whoever dies at any step', { bound: 1, kills: 1, killable: 0b110 }, scenario(['a'], ['bb', 'a']), [
  { file: 'objects/object-table.ts', from: 'if (Atomics.compareExchange(words, object + ENTRY, FREE, CLAIMED | me << CLAIMER_SHIFT) !== FREE) continue;', to: 'Atomics.store(words, object + ENTRY, CLAIMED | me << CLAIMER_SHIFT);', finds: /once|asked for|one object|deepEqual|equal/ },
  { file: 'objects/object-table.ts', from: "(entry === READY ? object : stagingOf(memory, entry >> CLAIMER_SHIFT))", to: 'object + 0 * entry', finds: /once|asked for|one object|equal|corrupt/ },
  { file: 'objects/burial.ts', from: '  finishClaims(memory, dead);\n', to: '', finds: /complete/ },
]);

model('object table: two makers, every interleaving', { bound: 1 }, scenario(['a', 'longer'], ['longer', 'a']), []);

test('object table: storage lies one after the other', () => {
  const memory = arena();
  const made = [
    { name: 'a', kind: SEMAPHORE, parameters: [1, 1], words: 32 }, { name: 'b', kind: MUTEX, parameters: [], words: 0 }, { name: 'c', kind: CHANNEL, parameters: [4, 1024], words: 256 },
    { name: 'd', kind: RWLOCK, parameters: [], words: 32 }, { name: 'e', kind: BARRIER, parameters: [3], words: 0 },
  ] as const;
  let storage = memory.layout.storageAt;
  for (const [k, wanted] of made.entries()) {
    const object = findOrMake(memory, k % 2, wanted);
    assert.equal(findOrMake(memory, (k + 1) % 2, wanted), object);
    for (const cache of [new ObjectFactsCache(memory), new ObjectFactsCache(memory)]) assert.deepEqual(cache.of(object), { kind: wanted.kind, parameters: [...wanted.parameters, 0, 0, 0].slice(0, 3), storage });
    storage += wanted.words;
  }
});
