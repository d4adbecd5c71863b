/** Which seats the crew has filled, without the threads. */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { allocateMemory, layOut, lifeOf, mapMemory, markLive } from '@capriccio/shared';
import { SPARE_SEAT } from '@capriccio/worker';
import { Crew, type CrewHost } from '../../../packages/core/src/crew.ts';
import type { LiveWorker } from '../../../packages/core/src/worker-set.ts';

const layout = layOut({ participantCount: 8, slotCount: 16, payloadBytes: 65_536, namesBytes: 128, ringCount: 3, backRingCount: 1 });

/** Two workers at their seats, and a back lane. */
function scene() {
  const memory = mapMemory(allocateMemory(layout), layout);
  const all = ([['front', 0], ['front', 1], ['back', 2000]] as const).map(([lane, seat], k) => {
    markLive(memory, k + 1);
    return { id: k + 1, seat, lane, serial: k, isReady: true } as unknown as LiveWorker;
  });
  const started: number[] = [];
  const workers = {
    crew: all.filter(({ lane }) => lane === 'front'), seatsToCome: [], get: (id: number) => all[id - 1],
    startAt: (seat: number): void => { started.push(seat); },
  } as unknown as CrewHost['workers'];
  const crew = new Crew({ memory, workers, conductor: () => ({ nudge: () => { /* nobody to nudge */ } }) as unknown as ReturnType<CrewHost['conductor']>, spares: 1, drainMs: 1000, isOpen: () => true, admit: () => Promise.resolve(), activation: () => { /* nobody listens */ }, laneBlocked: () => { /* no lanes */ }, warn: assert.fail }, 2);
  const block = (worker: number, spare: number): void => crew.heard({ kind: 'blocked', worker, life: lifeOf(memory, worker), spare, node: undefined, blockedMs: 10 });
  return { crew, started, block };
}

describe('spares are started', () => {
  test('when the pool can spare a processor for them', () => {
    const { crew, started } = scene();
    assert.deepEqual(started, []);
    crew.startSpares();
    assert.deepEqual(started, [SPARE_SEAT]);
  });
  test('at once when a worker is blocked and there is none to take its place', () => {
    const { started, block } = scene();
    block(1, 0);
    assert.deepEqual(started, [SPARE_SEAT]);
  });
  test('not for a back lane, nor where one has taken its place', () => {
    const { started, block } = scene();
    block(3, 0);
    block(1, 2);
    assert.deepEqual(started, []);
  });
});
