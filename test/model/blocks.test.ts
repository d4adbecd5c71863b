import assert from 'node:assert/strict';
import { model, tinyLayout } from './harness.ts';
import type { Scenario, Control } from './explore.ts';
import type { Shared } from './mutant.ts';
import type { Memory } from '@capriccio/shared';

const CHANNEL = 40;                                                      // a spare header word: 0, or the block on its way to the reader
/** An owner sends `count` blocks one after the other, each with a value in its second word, to one reader that gives them back. */
const owner = (S: Shared, count: number) => (memory: Memory, control: Control): number[] => {
  const blocks = control.quiet(() => new S.BlockAllocator(memory, 0));
  const used: number[] = [];
  for (let k = 1; k <= count; k++) {
    const block = blocks.allocate(32_768);                               // two fit the region: the third must be one that came back
    while (block === 0) throw new Error('no room although the reader has read');
    used.push(block);
    memory.words[block] = -k;
    memory.words[block + 1] = k;
    blocks.hold(block, 1);
    Atomics.store(memory.words, CHANNEL, block);
    for (;;) { const version = control.version(); if (Atomics.load(memory.words, CHANNEL) === 0) break; control.changed(version); }
  }
  blocks.collect();
  assert.equal(blocks.heldCount, 0, 'all blocks are home');
  return used;
};
const reader = (S: Shared, count: number) => (memory: Memory, control: Control): number[] => {
  const seen: number[] = [];
  while (seen.length < count) {
    const version = control.version();
    const block = Atomics.load(memory.words, CHANNEL);
    if (block === 0) { control.changed(version); continue; }
    seen.push(memory.words[block + 1] as number);
    S.giveBack(memory, 0, block);
    Atomics.store(memory.words, CHANNEL, 0);
  }
  return seen;
};
model('blocks: a result block comes home once', { bound: 3 }, (S): Scenario<[number[], number[]]> => ({
  layout: tinyLayout(S, 2),
  threads: [owner(S, 3), reader(S, 3)],
  check([used, seen]) {
    assert.deepEqual(seen, [1, 2, 3], 'each value arrives whole');
    assert.equal(used.length, 3);
  },
}), [
  { file: 'blocks.ts', from: 'push(words, controlOf(layout, owner) + RETURNED, 0, block, block);', to: 'void push; void layout; void owner; void words; void block;', finds: /no room|home/ },
  { file: 'blocks.ts', from: 'push(words, controlOf(layout, owner) + RETURNED, 0, block, block);', to: 'for (let k = 0; k < 2; k++) push(words, controlOf(layout, owner) + RETURNED, 0, block, block);', finds: /livelock|not allocated|race|home|whole/ },
]);

/** The reader dies at any step: the owner gets the block back exactly once, whether it was on its way or not. */
model('blocks: a reader killed at any step', { bound: 2, kills: 1 }, (S) => ({
  layout: tinyLayout(S, 2),
  mayBlock: 0b10,
  threads: [
    (memory, control) => {
      const blocks = control.quiet(() => new S.BlockAllocator(memory, 0));
      const block = blocks.allocate(32_768);
      memory.words[block + 1] = 7;
      blocks.hold(block, 1);
      Atomics.store(memory.words, CHANNEL, block);
      for (;;) {
        const version = control.version();
        if (control.dead() !== 0) { blocks.releaseHeldFor(1); break; }
        if (Atomics.load(memory.words, CHANNEL) === 0) { blocks.collect(); break; }
        control.changed(version);
      }
      return [blocks.heldCount, blocks.allocate(32_768), blocks.allocate(32_768), blocks.allocate(32_768)];
    },
    reader(S, 1),
  ],
  check([[held, first, second, third]]: [[number, number, number, number]]) {
    assert.equal(held, 0, 'nothing is held for the dead');
    assert.ok(first !== 0 && second !== 0 && first !== second, 'both blocks of the region can be had, and differ');
    assert.equal(third, 0, 'and no third');
  },
}), [
  { file: 'blocks.ts', from: '    this.collect();\n    for (const [block, to] of this.#held)', to: '    for (const [block, to] of this.#held)', finds: /both blocks|third|not allocated|nothing is held/, },
]);
