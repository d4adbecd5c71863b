/** The explorer itself: what it leaves out changes nothing that can come about. */
import { expect, test } from 'vitest';
import * as shared from '@capriccio/shared';
import { explore, type Control, type Options, type Scenario } from './explore.ts';
import { tinyLayout } from './harness.ts';

const WORD = 20;
const layout = tinyLayout(shared);

/** Each adds twice, takes a ticket by compare-and-swap, and tells what it saw; main waits until all have ended or died. */
const adder = (id: number) => ({ words }: shared.Memory, control: Control): string => {
  const seen: number[] = [];
  for (let turn = 0; turn < 2; turn++) {
    for (let ticket = Atomics.load(words, WORD); ; ticket = Atomics.load(words, WORD)) {
      if (Atomics.compareExchange(words, WORD, ticket, ticket + 1) === ticket) { seen.push(ticket); break; }
    }
    Atomics.add(words, WORD + 1, id);
    if (turn === 0) control.note([id, seen.length]);
  }
  Atomics.add(words, WORD + 2, 1);
  Atomics.notify(words, WORD + 2);
  return seen.join();
};
const outcomes = (options: Options): { all: string[]; schedules: number; met: number } => {
  const all = new Set<string>();
  const { schedules, met } = explore((): Scenario => ({
    layout,
    threads: [
      ({ words }, control) => {
        for (;;) {
          const version = control.version();
          const dead = control.dead();
          if (Atomics.load(words, WORD + 2) + (dead === 0 ? 0 : 1) >= 2) return dead;
          control.changed(version);
        }
      },
      adder(1), adder(2),
    ],
    check(results, { words }, killed, notes) { all.add(JSON.stringify([results, killed, notes, words[WORD], words[WORD + 1], words[WORD + 2]])); },
  }), options);
  return { all: [...all].toSorted(), schedules, met };
};

test.each([{ bound: 1, kills: 1, killable: 0b110 }, { bound: 2, kills: 0 }, { bound: 3, kills: 0 }])('explorer: with $bound preemptions and $kills kills, all that can come about comes about without the schedules that are left out', (options) => {
  const [pruned, whole] = [outcomes(options), outcomes({ ...options, remembers: false })];
  expect(pruned.all).toEqual(whole.all);
  expect(whole.met).toBe(0);
  expect(pruned.met).toBeGreaterThan(0);
  expect(pruned.schedules + pruned.met).toBeLessThan(whole.schedules);
  console.log(`explorer: ${whole.all.length} outcomes; ${whole.schedules} schedules, or ${pruned.schedules} and ${pruned.met} that ended early`);
});
