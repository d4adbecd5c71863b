/** The recorder's look-ups: every passage is counted on its own edge, whichever way threads go, against a count that is kept beside. */
import assert from 'node:assert/strict';
import { EDGE, NODE, TABLE, TableReader, allocateGraph, mapGraph } from '@capriccio/shared';
import { Recorder, Scheduler, sharedNow } from '@capriccio/worker';
import { test } from 'vitest';
import { random } from '../../simulation/random.ts';

const PASSES = 20_000;

/** A recorder with two threads that have begun nothing, and what its table says of the edge between two nodes. */
function rig() {
  const scheduler = new Scheduler();
  const memory = mapGraph(allocateGraph(2), 2);
  const recorder = new Recorder(memory, 1, scheduler.roots);
  const root = scheduler.roots.named('a');
  const [one, other] = [0, 1].map(() => scheduler.spawn(function* waits() { yield; }, [], root));
  let publishAt = sharedNow();
  const sampledAt = (way: string): readonly [count: number, sampled: number, ms: number] => {
    recorder.endTurn(publishAt += 1000, true);                           // it publishes now and then
    const page = new TableReader(memory, 1, 0);
    page.read();
    const textOf = (row: number): string => page.texts[page.nodes[row * NODE.width + NODE.name] as number] as string;
    for (let edge = 0; edge < (page.head[TABLE.edges] as number) * EDGE.width; edge += EDGE.width) {
      if (`${textOf(page.edges[edge + EDGE.from] as number)} > ${textOf(page.edges[edge + EDGE.to] as number)}` === way) return [EDGE.count, EDGE.sampled, EDGE.timeSum].map((column) => page.edges[edge + column] as number) as [number, number, number];
    }
    return [0, 0, 0];
  };
  return { recorder, one: one as never, other: other as never, sampledAt };
}
function spin(ms: number): void { for (const end = sharedNow() + ms; sharedNow() < end;); }

test('a sample is of the edge that its thread passes next: at once, while it runs, or long after others were sampled', () => {
  const { recorder, one, other, sampledAt } = rig();
  recorder.beginSample(one);
  spin(2);
  recorder.endSample();
  recorder.pass(one, 100);
  const [count, sampled, ms] = sampledAt('start of a > point 100');
  assert.deepEqual([count, sampled], [1, 1]);
  assert.ok(ms >= 2);
  recorder.beginSample(one);
  recorder.pass(one, 101);
  recorder.endSample();
  assert.deepEqual(sampledAt('point 100 > point 101').slice(0, 2), [1, 1]);
  recorder.beginSample(one);
  spin(2);
  recorder.endSample();                                                  // it waits
  recorder.beginSample(other);
  recorder.endSample();
  recorder.pass(other, 100);
  assert.deepEqual(sampledAt('start of a > point 100').slice(0, 2), [2, 2]);
  recorder.pass(one, 102);
  assert.ok(sampledAt('point 101 > point 102')[2] >= 2);
  recorder.pass(one, 103);
  assert.deepEqual(sampledAt('point 102 > point 103').slice(0, 2), [1, 0], 'nobody looked');
});

test('counts each passage on its edge: roots, kinds, and places whose numbers end alike', () => {
  const scheduler = new Scheduler();
  const memory = mapGraph(allocateGraph(2), 2);
  const recorder = new Recorder(memory, 1, scheduler.roots);
  const next = random(7);
  const roots = ['a', 'b', 'c'].map((name) => scheduler.roots.named(name));
  const threads = Array.from({ length: 9 }, (_, k) => scheduler.spawn(function* waits() { yield; }, [], roots[k % 3] as typeof roots[0]));
  const numbers = [1, 2, ...[100, 100 + 256, 100 + 2 ** 20, 2 ** 31 + 100, 77, 77 + 512]];
  const nameOf = (number: number, root: string): string => (number > 2 ? `point ${number}` : `${['start', 'turn', 'wait'][number] as string} in ${root}`);
  const at = threads.map(({ root }) => `start of ${root.name}`);
  const expected = new Map<string, number>();
  for (let k = 0; k < PASSES; k++) {
    const who = Math.floor(next() * threads.length);
    const number = numbers[Math.floor(next() * numbers.length)] as number;
    const thread = threads[who] as typeof threads[0];
    recorder.pass(thread as never, number);
    const name = nameOf(number, thread.root.name);
    const way = `${at[who] as string} > ${name}`;
    expected.set(way, (expected.get(way) ?? 0) + 1);
    at[who] = name;
  }
  recorder.endTurn(sharedNow() + 1000, true);
  const page = new TableReader(memory, 1, 0);
  assert.ok(page.read());
  const textOf = (row: number): string => page.texts[page.nodes[row * NODE.width + NODE.name] as number] as string;
  const counted = new Map<string, number>();
  for (let row = 0; row < (page.head[TABLE.edges] as number); row++) {
    const edge = row * EDGE.width;
    const way = `${textOf(page.edges[edge + EDGE.from] as number)} > ${textOf(page.edges[edge + EDGE.to] as number)}`;
    assert.ok(!counted.has(way), `two rows: ${way}`);
    counted.set(way, page.edges[edge + EDGE.count] as number);
  }
  assert.deepEqual(counted, expected);
  for (const thread of threads) thread.cancel();
});
