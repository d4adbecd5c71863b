/** Fronts give way to lanes that are short of processors: real shared memory and run queues, processors in virtual time. */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { allocateMemory, board, lanes, layOut, mapMemory, markLive } from '@capriccio/shared';
import { LaneBalance, Roots } from '@capriccio/worker';

const layout = layOut({ participantCount: 8, slotCount: 16, payloadBytes: 65_536, namesBytes: 128, ringCount: 3, backRingCount: 1 });

interface Load {
  /** Of the processor, what strangers take before lanes do. */
  readonly strangers?: number;
  /** The lane has a processor of its own. */
  readonly ownProcessor?: boolean;
  readonly laneTickets?: number;
  /** Milliseconds of each ten that the front's flooded route could use; that of a light one. */
  readonly flood?: number;
  readonly light?: number;
}

/** One front and one lane on one processor, which the front has whenever it wants it. @returns what each had, ms, and how long the light route waited at most */
function run({ strangers = 0, ownProcessor = false, laneTickets = 1, flood = 10, light = 0 }: Load, seconds = 10): { front: number; lane: number; light: number; lightWaitMs: number } {
  const memory = mapMemory(allocateMemory(layout), layout);
  for (const id of [1, 2]) {
    if (id === 2) lanes.joinBack(memory, id);
    new board.Board(memory, id).setKernelId(100 + id);
    markLive(memory, id);
  }
  let [ranMs, waitedMs, frontMs, lightMs, lightDebt, lightSince, lightWaitMs] = [0, 0, 0, 0, 0, 0, 0];
  const balance = new LaneBalance(memory, (task) => (task === 102 ? { ranMs, waitedMs } : undefined));
  const roots = new Roots<{ attainedUs: number }>();
  const [flooded, small] = [roots.named('flooded'), roots.named('small')];
  const queue = (root: typeof flooded): void => { root.entries.push({ root, begin: () => { /* its turn */ } }); roots.activate(root); };
  if (flood > 0) queue(flooded);
  for (let ms = 0; ms < seconds * 1000; ms++) {
    if (ms % 8 === 0) { balance.look(ms, laneTickets, roots.farthest); roots.limit = balance.limit; }
    if (light > 0 && ms % 10 < light && small.entries.length === 0) { queue(small); lightSince = ms; lightDebt = 1; }
    const root = ms % 10 < flood || lightDebt > 0 ? roots.pick() : undefined;
    let free = 1;
    if (root !== undefined) {
      root.draw();
      if (root === small) {
        lightWaitMs = Math.max(lightWaitMs, ms - lightSince);
        lightDebt = 0;
        small.entries.shift();
        lightMs++;
      } else frontMs++;
      roots.charge(root, 1);
      free = 0;
    }
    const had = (ownProcessor ? 1 : free) * (1 - strangers);
    ranMs += had;
    waitedMs += 1 - had;
  }
  return { front: frontMs, lane: ranMs, light: lightMs, lightWaitMs };
}
const told = (had: object): string => JSON.stringify(had);

describe('a front and a lane on one processor', () => {
  test('share it evenly where both could use all of it', () => {
    const had = run({});
    assert.ok(had.lane > 4500 && had.front > 4500, told(had));
  });
  test('by tickets', () => {
    const had = run({ laneTickets: 3 });
    assert.ok(Math.abs(had.lane / (had.lane + had.front) - 0.75) < 0.05, told(had));
  });
  test('the front has what it wants where that is less than its share', () => {
    const had = run({ flood: 3 });
    assert.ok(had.front === 3000 && had.lane === 7000, told(had));
  });
  test('who uses little in front does not wait for lanes because another there uses much', () => {
    const had = run({ light: 1 });
    assert.ok(had.light > 950 && had.lightWaitMs <= 10, told(had));
    assert.ok(had.lane > 3000, told(had));
  });
});

test('a front does not give way to a lane that has a processor of its own', () => {
  const had = run({ ownProcessor: true });
  assert.equal(had.front, 10_000, told(had));
});

test('nor for long where strangers have what it gives up', () => {
  const had = run({ strangers: 0.95 });
  assert.ok(had.front > 6000, told(had));
});

test('it stops when no route waits for lanes, when none could give way, and where the kernel tells nothing', () => {
  const memory = mapMemory(allocateMemory(layout), layout);
  lanes.joinBack(memory, 1);
  markLive(memory, 1);
  let ranMs = 0;
  const balance = new LaneBalance(memory, () => ({ ranMs: ranMs++, waitedMs: ranMs * 7 }));
  const look = (nowMs: number, tickets = 1, pass = 2 ** 40): number => { balance.look(nowMs, tickets, pass); return balance.limit; };
  assert.equal(look(0), Infinity, 'the first look only remembers');
  assert.ok(look(8) < Infinity);
  assert.ok(look(9) < Infinity, 'too early for another');
  assert.equal(look(16, 0), Infinity);
  look(24);
  assert.ok(look(32) < Infinity);
  assert.equal(look(40, 1, -Infinity), Infinity);
  look(48);
  assert.equal(look(500), Infinity, 'too long ago');
  const silent = new LaneBalance(memory, () => undefined);
  for (let ms = 0; ms < 100; ms += 8) { silent.look(ms, 1, 0); assert.equal(silent.limit, Infinity); }
});
