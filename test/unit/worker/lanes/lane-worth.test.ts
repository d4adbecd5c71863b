/** Which roots that go to lanes run in front all the same, by who begins there and what they take. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { allocateMemory, layOut, mapMemory } from '@capriccio/shared';
import { LaneClock, type RootLane } from '../../../../packages/worker/src/lanes/lane-clock.ts';
import { LaneWorth } from '../../../../packages/worker/src/lanes/lane-worth.ts';

function rig() {
  const layout = layOut({ participantCount: 2, slotCount: 16, payloadBytes: 65_536, namesBytes: 1_024, ringCount: 4 });
  const told: string[] = [];
  const clock = new LaneClock(mapMemory(allocateMemory(layout), layout), false, { onChange: () => { /* nobody listens */ }, onKept: (name, isKept) => { told.push(`${name} ${isKept ? 'kept' : 'goes'}`); } });
  const worth = new LaneWorth(clock);
  /** Requests that begin, of which one in `every` is short; 0: none. */
  const begin = (count: number, every: number): void => { for (let k = 1; k <= count; k++) worth.begins(every > 0 && k % every === 0); };
  const rootOf = (name: string, ...ms: number[]) => {
    const root = clock.of(name);
    for (const one of ms) clock.judge(root, one, true);
    return root;
  };
  const crowd = { waits: false };
  return { clock, worth: { keeps: (root: RootLane) => worth.keeps(root, () => crowd.waits) }, begin, rootOf, told, crowd };
}

test('at first somebody may be short, and when hardly any has been for long enough, nobody is', () => {
  const { worth, begin, rootOf } = rig();
  const page = rootOf('page', 5, 5, 5);
  begin(95, 0);
  assert.equal(worth.keeps(page), false);
  begin(1, 0);
  assert.equal(worth.keeps(page), true);
});

test('before that, where more wait than run, what is long runs in front: lanes would have to be started first, which keeps all waiting', () => {
  const { worth, begin, rootOf, crowd } = rig();
  const page = rootOf('page', 5, 5, 5);
  crowd.waits = true;
  begin(5, 0);
  assert.equal(worth.keeps(page), true);
  crowd.waits = false;
  assert.equal(worth.keeps(page), false);
  crowd.waits = true;
  begin(1, 1);
  assert.equal(worth.keeps(page), false, 'one is short, and would be kept waiting by this');
});

test.each([['one in ten', 10, false], ['one in twenty-five', 25, false], ['one in a thousand', 1000, true]])('%s is short', (_, every, isKept) => {
  const { worth, begin, rootOf } = rig();
  const page = rootOf('page', 5, 5, 5);
  begin(2000, every);
  assert.equal(worth.keeps(page), isKept);
});

test('a few short ones in a row are protected at once', () => {
  const { worth, begin, rootOf, told } = rig();
  const page = rootOf('page', 5, 5, 5);
  begin(1000, 0);
  assert.equal(worth.keeps(page), true);
  begin(1, 1);
  assert.equal(worth.keeps(page), true, 'one is a chance');
  begin(2, 1);
  assert.equal(worth.keeps(page), false);
  assert.deepEqual(told, ['page kept', 'page goes'], 'told when it changes, not at each request');
});

test('what others would notice goes to lanes: by the mean square, so one that is very long among many counts', () => {
  const { worth, begin, rootOf } = rig();
  const report = rootOf('report', ...Array.from({ length: 50 }, () => 60));
  const mixed = rootOf('mixed', ...Array.from({ length: 100 }, (_, k) => (k === 50 ? 500 : 3)));
  const page = rootOf('page', ...Array.from({ length: 100 }, (_, k) => (k % 2 === 0 ? 3 : 30)));
  begin(1000, 0);
  assert.deepEqual([report, mixed, page].map((root) => worth.keeps(root)), [false, false, true]);
});

test('what is kept does not go for a little more, and comes back when it takes less', () => {
  const { worth, begin, rootOf } = rig();
  const page = rootOf('page', 38, 38, 38);
  begin(1000, 0);
  assert.equal(worth.keeps(page), true);
  rootOf('page', ...Array.from({ length: 300 }, () => 50));
  assert.equal(worth.keeps(page), true);
  rootOf('page', ...Array.from({ length: 300 }, () => 70));
  assert.equal(worth.keeps(page), false);
  rootOf('page', ...Array.from({ length: 100 }, () => 50));
  assert.equal(worth.keeps(page), false);
  rootOf('page', ...Array.from({ length: 500 }, () => 20));
  assert.equal(worth.keeps(page), true);
});

test('what somebody has put on lanes stays there', () => {
  const { clock, worth, begin, rootOf } = rig();
  const page = rootOf('page', 5, 5, 5);
  begin(1000, 0);
  clock.setHand(page, 'back');
  assert.equal(worth.keeps(page), false);
});

test('what is kept is measured in front, and so is found to have become short', () => {
  const { clock, worth, begin, rootOf } = rig();
  const page = rootOf('page', ...Array.from({ length: 40 }, () => 5));
  assert.equal(clock.isBack(page), true);
  assert.equal(clock.isToMeasure(page), false, 'in front it is only handed over');
  begin(1000, 0);
  worth.keeps(page);
  assert.equal(clock.isToMeasure(page), true);
  rootOf('page', ...Array.from({ length: 64 }, () => 0.1));
  assert.equal(clock.isBack(page), false);
});
