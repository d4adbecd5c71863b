import assert from 'node:assert/strict';
import { PARK, controlOf } from '@capriccio/shared';
import { model, tinyLayout } from './harness.ts';

/** A word that is wrong at each pass, and never twice the same: its writer was in the middle of something each time. */
model('audit: a word that is wrong once is not a fault', { bound: 2 }, (S) => ({
  layout: tinyLayout(S, 2),
  setUp: (memory) => S.markLive(memory, 1),
  threads: [(memory) => {
    const audit = new S.Audit(memory);
    let faults = 0;
    for (let k = 0; k < 4; k++) {
      Atomics.store(memory.words, controlOf(memory.layout, 1) + PARK, 50 + k);
      faults += audit.pass().length;
    }
    return faults;
  }],
  check([faults]: [number]) { assert.equal(faults, 0); },
}), [
  { file: 'audit.ts', from: 'Atomics.load(words, at) === word);', to: 'Atomics.load(words, at) !== 0);', finds: /equal/ },
]);
