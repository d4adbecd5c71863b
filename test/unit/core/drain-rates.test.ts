/** How fast a queue is taken up: rare ones are believed slowly, guesses are corrected soon, and what dies and comes back is followed. */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { drain, noDrain, perMsOf, type Drain } from '../../../packages/core/src/conductor/drain-rates.ts';
import { random } from '../../simulation/random.ts';

const PERIOD_MS = 50;
/** Periods in which something always waits. @param perS  taken up a second, by chance */
function backlogged(before: Drain, perS: number, periods: number, seed = 1): { last: Drain; rates: number[] } {
  const next = random(seed);
  const rates: number[] = [];
  let last = before;
  for (let k = 0; k < periods; k++) {
    let count = 0;
    for (let ms = -Math.log(1 - next()) * 1000 / perS; ms < PERIOD_MS; ms += -Math.log(1 - next()) * 1000 / perS) count++;
    last = drain(last, { count, ms: PERIOD_MS, isBacklogged: true, fairPerMs: NaN });
    rates.push(perMsOf(last) * 1000);
  }
  return { last, rates };
}
const told = (rates: readonly number[]): string => rates.map((rate) => rate.toFixed(1)).join(', ');

describe('the rate at which a queue is taken up', () => {
  test.each([3, 5, 20, 200])('of %i a second stays near that, however few a period shows', (perS) => {
    const { rates } = backlogged({ taken: 1, ms: 1000 / perS }, perS, 400, perS);
    const settled = rates.slice(80).toSorted((a, b) => a - b);
    const [low, middle, high] = [0.05, 0.5, 0.95].map((part) => settled[Math.floor(part * settled.length)] as number) as [number, number, number];
    assert.ok(low > perS / 2.2 && high < perS * 2.2 && middle > perS / 1.25 && middle < perS * 1.25, told([low, middle, high]));
  });

  test('a guess that is fifteen times too high is right within three periods', () => {
    const guessed = drain(noDrain, { count: 1, ms: PERIOD_MS, isBacklogged: false, fairPerMs: 0.4 });
    assert.ok(Math.abs(perMsOf(guessed) - 0.4) < 1e-9);
    const { rates } = backlogged(guessed, 25, 3);
    assert.ok((rates[2] as number) < 60, told(rates));
  });

  test('what is no longer taken up falls to nearly nothing in a few seconds, and is back in half of one', () => {
    const alive = backlogged(noDrain, 100, 40).last;
    let dead = alive;
    for (let k = 0; k < 100; k++) dead = drain(dead, { count: 0, ms: PERIOD_MS, isBacklogged: true, fairPerMs: NaN });
    assert.ok(perMsOf(dead) * 1000 < 3, told([perMsOf(dead) * 1000]));
    const { rates } = backlogged(dead, 100, 10);
    assert.ok((rates[9] as number) > 50, told(rates));
  });

  test('where nothing waits the rate is what its share could take up; where that is less than was seen, what was seen', () => {
    let known: Drain = { taken: 6, ms: 300 };
    for (let k = 0; k < 20; k++) known = drain(known, { count: 0, ms: PERIOD_MS, isBacklogged: false, fairPerMs: 0.1 });
    assert.ok(perMsOf(known) > 0.095 && perMsOf(known) <= 0.1, told([perMsOf(known)]));
    assert.equal(perMsOf(drain(known, { count: 0, ms: PERIOD_MS, isBacklogged: false, fairPerMs: 0.001 })), perMsOf(known));
  });

  test('nothing is known before anything was seen', () => {
    assert.equal(perMsOf(noDrain), 0);
    assert.equal(perMsOf(drain(noDrain, { count: 0, ms: PERIOD_MS, isBacklogged: false, fairPerMs: NaN })), 0);
  });
});
