/** The recorder's look-ups: every passage is counted on its own edge, whichever way threads go, against a count that is kept beside. */
import assert from 'node:assert/strict';
import { EDGE, NODE, TABLE, TableReader, allocateGraph, mapGraph } from '@capriccio/shared';
import { Recorder, Scheduler, sharedNow } from '@capriccio/worker';
import { test } from 'vitest';
import { random } from '../../simulation/random.ts';

const PASSES = 20_000;

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
