import assert from 'node:assert/strict';
import { test } from 'vitest';
import { allocateMemory, layOut, mapMemory } from '@capriccio/shared';
import { LaneClock, cpuMs, type RootLane } from '../../../../packages/worker/src/lanes/lane-clock.ts';

function clockOf(): { clock: LaneClock; root: RootLane } {
  const layout = layOut({ participantCount: 2, slotCount: 16, payloadBytes: 65_536, namesBytes: 1_024, ringCount: 4 });
  const clock = new LaneClock(mapMemory(allocateMemory(layout), layout), false, { onChange: () => { /* nobody listens */ } });
  return { clock, root: clock.of('F#f') };
}
const burn = (ms: number): void => { for (const began = cpuMs(); cpuMs() - began < ms;); };
/** A batch of one segment. */
function run(clock: LaneClock, root: RootLane, ms: number, meanUs: number): number {
  const at = clock.before(root);
  burn(ms);
  clock.after(root, at, ms, true, meanUs, 1);
  return at;
}

test('a light root is measured at first, then hardly ever', () => {
  const { clock, root } = clockOf();
  let measured = 0;
  for (let k = 0; k < 100; k++) if (run(clock, root, 0, 20) >= 0) measured++;
  assert.ok(measured >= 1 && measured <= 16, `${measured} of 100`);
});

test('a long one goes to the back, and one long pause among light ones moves nothing', () => {
  const { clock, root } = clockOf();
  for (let k = 0; k < 40; k++) run(clock, root, 0, 20);
  for (let k = 0; k < 4; k++) run(clock, root, 8, 20);
  assert.equal(clock.isBack(root), false, 'on average it is light');
  for (let k = 0; k < 4; k++) run(clock, root, 8, 8_000);
  assert.equal(clock.isBack(root), true);
});

test('a root whose threads call themselves is never judged', () => {
  const { clock, root } = clockOf();
  root.isForked = true;
  for (let k = 0; k < 40; k++) assert.equal(run(clock, root, k < 4 ? 8 : 0, 8_000), -1);
  clock.watch();
  burn(8);
  clock.endWatched(root);
  assert.equal(clock.isBack(root), false);
});

test('what ends is charged what was used since the last known piece of work, not more', () => {
  const { clock, root } = clockOf();
  const other = clock.of('F#other');
  for (let k = 0; k < 40; k++) { clock.watch(); clock.endWatched(root); }
  for (let k = 0; k < 4; k++) { clock.watch(); burn(8); clock.after(other, -1, 8, true, 20, 1); clock.endWatched(root); }
  assert.equal(clock.isBack(root), false, 'that was the other\'s');
  for (let k = 0; k < 4; k++) { clock.watch(); burn(8); clock.endWatched(root); }
  assert.equal(clock.isBack(root), true);
});
