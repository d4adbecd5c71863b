/** A mutex among threads of two cores, one step after the other: whose turn it is. What steps at a time do: test/model/cohort.test.ts. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { Cohort, MUTEX, Visitor, findOrMake, monitors, mutexes, type Member } from '@capriccio/shared';
import { arena } from './arena.ts';

function twoCores() {
  const memory = arena();
  const mutex = findOrMake(memory, 0, { name: 'm', kind: MUTEX, parameters: [] });
  const turns: string[] = [];
  const clock = { ms: 1 };
  const core = (id: number, name: string) => {
    const visitor = new Visitor(memory, id, 0);
    const cohort = new Cohort(visitor, mutex, { visit: (monitor, work) => visitor.visit(monitor, work), now: () => clock.ms });
    let count = 0;
    const ask = (wants: () => boolean = () => true): Member => {
      const who = `${name}${count++}`;
      const member: Member = { next: undefined, previous: undefined, line: undefined, handed: () => wants() && turns.push(who) > 0 };
      if (mutexes.tryLock(memory, mutex, id) !== 'busy') { turns.push(who); return member; }
      if (!cohort.tryJoin(member)) visitor.visit(mutex, () => { if (cohort.enter(member) !== 'waits') turns.push(who); });
      return member;
    };
    const release = (): void => { if (!cohort.tryRelease()) visitor.visit(mutex, () => cohort.release()); };
    return { visitor, cohort, ask, release };
  };
  return { memory, mutex, turns, clock, a: core(1, 'a'), b: core(2, 'b'), front: () => mutexes.frontOf(memory, mutex) };
}
const times = (count: number, what: () => unknown): void => { for (let k = 0; k < count; k++) what(); };

test('threads of one core have it in their order, and nobody enters for that', () => {
  const { memory, mutex, turns, a, front } = twoCores();
  times(4, a.ask);
  assert.ok(monitors.tryEnter(memory, mutex, 0), 'main is inside all the time');
  const fronts = new Set([front()]);
  times(4, () => { a.release(); fronts.add(front()); });
  assert.deepEqual(turns, ['a0', 'a1', 'a2', 'a3']);
  assert.equal(fronts.size, 4, 'who looks for circles sees that it is handed on, as long as somebody waits');
  assert.equal(front(), 0);
  assert.notEqual(mutexes.tryLock(memory, mutex, 2), 'busy', 'it is free');
});

test('while another core waits it is handed on 32 times within a core, then passed to that core, which does the same', () => {
  const { turns, a, b } = twoCores();
  times(100, a.ask);
  times(100, b.ask);
  times(33, a.release);
  assert.equal(b.visitor.collect(), 1);
  times(33, b.release);
  assert.equal(a.visitor.collect(), 1, 'who passed it on stands behind');
  const runs = turns.join('').replaceAll(/\d+/g, '').match(/a+|b+/g);
  assert.deepEqual(runs?.map((run) => run.length), [33, 33, 1]);
  assert.deepEqual(turns.slice(-1), ['a33']);
});

test('nor longer than a millisecond', () => {
  const { turns, clock, a, b } = twoCores();
  times(5, a.ask);
  clock.ms += 50;                                                        // nobody else waits: it may be long
  a.release();
  b.ask();
  a.release();
  clock.ms += 0.9;
  a.release();
  clock.ms += 0.2;
  a.release();
  assert.equal(b.visitor.collect(), 1);
  assert.deepEqual(turns, ['a0', 'a1', 'a2', 'a3', 'b0']);
  times(2, a.ask);
  b.ask();
  clock.ms += 2;
  b.release();
  a.visitor.collect();
  a.release();                                                           // the time begins when the core is handed it
  clock.ms += 2;
  a.release();
  b.visitor.collect();
  assert.deepEqual(turns.slice(5), ['a4', 'a5', 'b1']);
});

test('one that has given up is passed over; if all have, it is passed on', () => {
  const { turns, a, b } = twoCores();
  b.ask();
  let isWanted = true;
  const first = a.ask();
  a.ask(() => isWanted);
  b.release();                                                           // to a
  a.cohort.leave(first);
  isWanted = false;
  b.ask();
  a.visitor.collect();
  b.visitor.collect();
  assert.deepEqual(turns, ['b0', 'b1']);
});

test('who comes while the last that waited is about to leave the queue takes its place', () => {
  const { memory, mutex, turns, a, b } = twoCores();
  b.ask();
  const first = a.ask();
  assert.ok(monitors.tryEnter(memory, mutex, 0));
  a.cohort.leave(first);                                                 // cannot enter yet
  a.ask();
  monitors.leave(memory, mutex);
  a.visitor.collect();
  b.release();
  a.visitor.collect();
  assert.deepEqual(turns, ['b0', 'a1']);
});

test('a core that has no place left in the queue keeps it', () => {
  const { memory, turns, clock, a, b } = twoCores();
  times(3, a.ask);
  b.ask();
  times(memory.layout.nodeCount, () => a.visitor.nodes.allocate());
  a.release();
  clock.ms += 2;
  a.release();
  assert.deepEqual(turns, ['a0', 'a1', 'a2']);
  a.release();
  b.visitor.collect();
  assert.deepEqual(turns.slice(3), ['b0']);
});
