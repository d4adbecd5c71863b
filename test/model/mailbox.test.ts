import assert from 'node:assert/strict';
import { COMPLETED, NEXT } from '@capriccio/shared';
import { model, tinyLayout } from './harness.ts';
import type { Shared } from './mutant.ts';
import type { Scenario } from './explore.ts';

const chain = (S: Shared, words: Int32Array, head: number): number[] => {
  const taken: number[] = [];
  for (let node = S.mailbox.takeAll(words, head, NEXT); node !== S.mailbox.NIL; node = words[node + NEXT] as number) taken.push(node);
  return taken;
};
const headOf = (S: Shared, layout: ReturnType<typeof tinyLayout>): number => S.controlOf(layout, 0) + COMPLETED;
const nodes = (S: Shared, layout: ReturnType<typeof tinyLayout>): number[] => [0, 1, 2].map((k) => S.regionOf(layout, 0) + k * S.SLOT_WORDS);

/** Two producers (one pushes twice), one consumer that takes twice; what is left is taken at the end. */
const scenario = (S: Shared): Scenario<[boolean[], boolean[], number[]]> => {
  const layout = tinyLayout(S);
  const head = headOf(S, layout);
  const [a, b, c] = nodes(S, layout) as [number, number, number];
  return {
    layout,
    threads: [
      ({ words }) => [S.mailbox.push(words, head, NEXT, a, a), S.mailbox.push(words, head, NEXT, b, b)],
      ({ words }) => [S.mailbox.push(words, head, NEXT, c, c)],
      ({ words }) => [...chain(S, words, head), ...chain(S, words, head)],
    ],
    check([first, second, taken], memory) {
      const all = [...taken, ...chain(S, memory.words, head)];
      assert.deepEqual(all.toSorted((x, y) => x - y), [a, b, c], 'none lost, none twice');
      assert.ok(all.indexOf(a) < all.indexOf(b), "one producer's order");
      assert.ok([...first, ...second].includes(true), 'somebody is told that the mailbox was empty');
    },
  };
};

model('mailbox: none lost, none twice', { bound: 3 }, scenario, [
  { file: 'mailbox.ts', from: 'if (Atomics.compareExchange(words, head, below, newest) === below) return below === NIL;', to: 'Atomics.store(words, head, newest); return below === NIL;', finds: /none lost, none twice/ },
  { file: 'mailbox.ts', from: 'let node = Atomics.exchange(words, head, NIL);', to: 'let node = Atomics.load(words, head); Atomics.store(words, head, NIL);', finds: /none lost, none twice|order/ },
]);
model("mailbox: one producer's order", { bound: 2 }, scenario, [
  { file: 'mailbox.ts', from: 'words[node + link] = oldest;\n    oldest = node;', to: 'oldest = oldest === NIL ? node : oldest;', finds: /one producer's order|none lost/ },
]);

/** A producer that dies has pushed all of its node or nothing. */
model('mailbox: a producer killed at any step', { bound: 2, kills: 1, killable: 0b11 }, (S) => {
  const layout = tinyLayout(S);
  const head = headOf(S, layout);
  const [a, b] = nodes(S, layout) as [number, number, number];
  return {
    layout,
    threads: [
      ({ words }) => S.mailbox.push(words, head, NEXT, a, a),
      ({ words }) => S.mailbox.push(words, head, NEXT, b, b),
      ({ words }) => chain(S, words, head),
    ],
    check([, , taken]: [boolean, boolean, number[]], memory, killed) {
      const all = [...taken, ...chain(S, memory.words, head)];
      assert.equal(new Set(all).size, all.length, 'none twice');
      for (const [thread, node] of [[0, a], [1, b]] as const) if ((killed & (1 << thread)) === 0) assert.ok(all.includes(node), 'a survivor’s node is there');
      assert.ok(all.every((node) => node === a || node === b), 'no foreign node');
    },
  };
}, [
  { file: 'mailbox.ts', from: 'words[oldest + link] = below;                                      // plain: private until the CAS (M2)\n    if (Atomics.compareExchange(words, head, below, newest) === below) return below === NIL;', to: 'if (Atomics.compareExchange(words, head, below, newest) === below) { words[oldest + link] = below; return below === NIL; }', finds: /race|survivor|foreign/ },
]);
