import { model, tinyLayout } from './harness.ts';
import type { Shared } from './mutant.ts';
import type { Memory } from '@capriccio/shared';

/** Spare header words. */
const FLAG = 50;

/** The conductor's loop, until a worker runs or the flag says that there will be none. */
const conductor = (S: Shared) => (memory: Memory): void => {
  const mayEnd = (): boolean => S.parker.read(memory, 1) !== S.parker.PARKED || Atomics.load(memory.words, FLAG) === 1;
  for (;;) {
    S.conductorWord.wakeUp(memory);
    if (mayEnd()) return;
    S.conductorWord.fallAsleep(memory);
    if (mayEnd()) return;
    S.conductorWord.sleep(memory, Infinity);
  }
};

model('conductor: no worker runs unwatched', { bound: 4 }, (S) => ({
  layout: tinyLayout(S, 2),
  setUp: (memory) => { S.parker.announce(memory, 1, true); },
  threads: [conductor(S), (memory) => { S.parker.retract(memory, 1); S.conductorWord.rouse(memory); }],
  check() { /* a conductor that sleeps on is the deadlock that the explorer reports */ },
}), [
  { file: 'conductor-word.ts', from: 'if (Atomics.load(words, CONDUCTOR) === ASLEEP && ', to: 'if (Atomics.load(words, CONDUCTOR) === NUDGED && ', finds: /deadlock/ },
]);

/** The rouser may die anywhere; whoever joins it nudges. */
model('conductor: a rouser killed at any step', { bound: 3, kills: 1, killable: 0b010 }, (S) => ({
  layout: tinyLayout(S, 2),
  setUp: (memory) => { S.parker.announce(memory, 1, true); },
  threads: [
    (memory, control) => {
      for (;;) {
        const version = control.version();
        if (control.dead() !== 0) { Atomics.store(memory.words, FLAG, 1); S.conductorWord.nudge(memory); return; }
        if (Atomics.load(memory.words, FLAG + 1) === 1) return;
        control.changed(version);
      }
    },
    (memory) => { S.parker.retract(memory, 1); S.conductorWord.rouse(memory); Atomics.store(memory.words, FLAG + 1, 1); },
    conductor(S),
  ],
  check() { /* as above */ },
}), [
  { file: 'conductor-word.ts', from: '  Atomics.exchange(words, CONDUCTOR, NUDGED);\n  Atomics.notify(words, CONDUCTOR);', to: '  if (Atomics.exchange(words, CONDUCTOR, NUDGED) === ASLEEP) Atomics.notify(words, CONDUCTOR);', finds: /deadlock/ },
]);
