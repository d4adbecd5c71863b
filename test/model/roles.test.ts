import assert from 'node:assert/strict';
import { model, tinyLayout } from './harness.ts';
import type { Shared } from './mutant.ts';
import { ROLE, SEAT, controlOf, roles, type Memory } from '@capriccio/shared';

const FLAG = 50;                                                         // a spare header word

/** Live workers 1 … n, their seats in order, with these roles. */
function assemble(S: Shared, memory: Memory, cores: number, ...given: number[]): void {
  S.roles.setCores(memory, cores);
  for (const [k, role] of given.entries()) {
    S.markLive(memory, k + 1);
    const control = controlOf(memory.layout, k + 1);
    memory.words[control + ROLE] = role;
    memory.words[control + SEAT] = k;
  }
}

const returns = (S: Shared, id: number) => (memory: Memory): number => {
  assert.ok(S.roles.comeBack(memory, id, 0));
  return S.roles.retireSurplus(memory, 0);
};

/** Two were blocked, two spares took their places, and both come back. */
model('roles: workers that come back at once', { bound: 2 }, (S) => ({
  layout: tinyLayout(S, 5),
  setUp: (memory) => assemble(S, memory, 2, S.roles.BLOCKED, S.roles.BLOCKED, S.roles.FRONT, S.roles.FRONT),
  threads: [returns(S, 1), returns(S, 2)],
  check([a, b]: [number, number], memory) {
    assert.equal(a + b, 2);
    assert.deepEqual([1, 2, 3, 4].map((id) => S.roles.roleOf(memory, id)), [S.roles.FRONT, S.roles.FRONT, S.roles.RETIRING, S.roles.RETIRING]);
  },
}), [
  { file: 'roles.ts', from: 'if (front <= cores(memory)) return retired;', to: 'if (front < cores(memory)) return retired;', finds: /equal/ },
  { file: 'roles.ts', from: 'Atomics.compareExchange(words, controlOf(layout, id) + ROLE, seen, wordOf(to, nowMs)) !== seen', to: '(Atomics.store(words, controlOf(layout, id) + ROLE, wordOf(to, nowMs)), false)', finds: /equal/ },
]);

/** It comes back and retires another, and dies anywhere in between: the conductor's next pass sets it right. */
model('roles: one who retires is killed at any step', { bound: 2, kills: 1, killable: 0b010 }, (S) => ({
  layout: tinyLayout(S, 4),
  setUp: (memory) => assemble(S, memory, 1, S.roles.BLOCKED, S.roles.FRONT, S.roles.SPARE),
  threads: [
    (memory, control) => {
      for (;;) {
        const version = control.version();
        if (control.dead() !== 0) { S.markDead(memory, 1); break; }
        if (Atomics.load(memory.words, FLAG) === 1) break;
        control.changed(version);
      }
      S.roles.retireSurplus(memory, 0);
      S.roles.activateOne(memory, 0);
    },
    (memory) => { returns(S, 1)(memory); Atomics.store(memory.words, FLAG, 1); },
  ],
  check(_, memory) { assert.equal(roles.census(memory).front, 1); },
}), [
  { file: 'roles.ts', from: 'if (isLive(memory, id)) (count[roleOf(memory, id)] as number)++;', to: '(count[roleOf(memory, id)] as number)++;', finds: /equal/ },
]);

model('roles: an activated spare learns of it', { bound: 4 }, (S) => ({
  layout: tinyLayout(S, 2),
  setUp: (memory) => assemble(S, memory, 1, S.roles.SPARE),
  threads: [
    (memory) => S.roles.activateOne(memory, 0),
    (memory) => {
      for (;;) {
        const seen = S.roles.changes(memory);
        if (S.roles.roleOf(memory, 1) === S.roles.FRONT) return;
        S.parker.announce(memory, 1, false);
        if (S.roles.changes(memory) === seen) S.parker.sleep(memory, 1, Infinity);
        S.parker.retract(memory, 1);
      }
    },
  ],
  check([activated]: [number, undefined]) { assert.equal(activated, 1); },
}), [
  { file: 'roles.ts', from: '  Atomics.add(memory.words, ROLE_CHANGES, 1);\n  wakeHard(memory, id);', to: '  wakeHard(memory, id);\n  Atomics.add(memory.words, ROLE_CHANGES, 1);', finds: /deadlock/ },
]);
