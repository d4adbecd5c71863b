import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { test } from 'vitest';
import { Bag, type Member } from '../../../packages/core/src/serve/bag.ts';

const member = (name: number): Member & { readonly name: number } => ({ name, place: -1 });

test('a bag holds what a set would, and its members know their places', () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat({ max: 7 }))), (steps) => {
    const members = Array.from({ length: 8 }, (_, name) => member(name));
    const bag = new Bag<typeof members[number]>();
    const set = new Set<typeof members[number]>();
    for (const [isAdded, which] of steps) {
      const one = members[which] as typeof members[number];
      if (isAdded) { bag.add(one); set.add(one); } else { bag.delete(one); set.delete(one); }
      assert.equal(bag.size, set.size);
      assert.deepEqual(new Set(bag), set);
      for (const each of members) assert.equal(each.place >= 0, set.has(each));
    }
  }));
});

test('while it is gone through, those that have been met may leave: all are met once', () => {
  fc.assert(fc.property(fc.array(fc.option(fc.nat({ max: 9 }), { nil: undefined })), (leaving) => {
    const members = Array.from({ length: 10 }, (_, name) => member(name));
    const bag = new Bag<typeof members[number]>();
    for (const one of members) bag.add(one);
    const seen: number[] = [];
    let step = 0;
    for (const { name } of bag) {
      seen.push(name);
      const gone = leaving[step++];
      if (gone !== undefined) bag.delete(members[seen[gone % seen.length] as number] as typeof members[number]);
    }
    assert.deepEqual(seen.toSorted((a, b) => a - b), members.map(({ name: one }) => one));
  }));
});
