/** Main's hand in lanes: how many are started, without the threads. */
import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, onTestFinished, test, vi } from 'vitest';
import { allocateMemory, lanes, layOut, mapMemory, markLive, parker } from '@capriccio/shared';
import { LaneRoom } from '@capriccio/worker';
import { BackLanes, type BackLanesHost } from '../../../packages/core/src/lanes/back-lanes.ts';
import { until } from './rig.ts';

const layout = layOut({ participantCount: 8, slotCount: 16, payloadBytes: 65_536, namesBytes: 128, ringCount: 3, backRingCount: 1 });

class Room extends LaneRoom {
  isFree = false;
  override isThere(): boolean { return this.isFree; }
}

function scene({ seesHunger = true, countMax = 2 }: { seesHunger?: boolean; countMax?: number } = {}) {
  const memory = mapMemory(allocateMemory(layout), layout);
  const started: number[] = [];
  const room = new Room(memory);
  const workers = { startBack: (number: number): void => { started.push(number); } } as BackLanesHost['workers'];
  const back = new BackLanes({ memory, workers, isOn: true, seesHunger, countMax: () => countMax, warn: assert.fail, onGivenUp: assert.fail }, room);
  /** One is wanted: so many have been started then. */
  const want = async (count: number, isBlocked?: boolean): Promise<void> => {
    const isMore = started.length < count;
    assert.equal(back.want(isBlocked), true);
    if (isMore) await until(() => started.length === count, 'a lane');
    else await stat('/');                                                // what it waits for before it starts one
    await turn();
    assert.deepEqual(started, Array.from({ length: count }, (_, k) => k));
    if (isMore) back.ready();
  };
  return { memory, started, room, want };
}

describe('one more back lane', () => {
  test('the first in any case, another where a processor is free, at most as many as there may be', async () => {
    const { room, want } = scene();
    await want(1);
    await want(1);
    room.isFree = true;
    await want(2);
    await want(2);
  });
  test.each([{ is: 'awake', count: 2 }, { is: 'asleep', count: 1 }])('when a processor is free later, though nobody asks again, and the lane is $is: $count in all', async ({ is, count }) => {
    const { memory, started, room, want } = scene();
    await want(1);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => { vi.useRealTimers(); });
    markLive(memory, 1);
    lanes.joinBack(memory, 1);
    await want(1);
    room.isFree = true;
    if (is === 'asleep') parker.announce(memory, 1, false);               // what waited has been done
    vi.advanceTimersByTime(1000);
    vi.useRealTimers();
    await stat('/');
    if (count > 1) await until(() => started.length === count, 'another');
    await turn();
    assert.equal(started.length, count);
  });
  test('in the place of one that is blocked, whatever is free', async () => {
    const { want } = scene();
    await want(1);
    await want(2, true);
  });
  test('whatever is free, where nobody is to look', async () => {
    const { want } = scene({ seesHunger: false });
    await want(1);
    await want(2);
  });
});
