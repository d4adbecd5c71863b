/** Which lane a call goes to: what its caller says, else the verdict on its root. One load of shared memory a call while nothing is for the back. */
import { lanes, type Memory } from '@capriccio/shared';
import type { Call } from '../call.ts';
import type { LaneClock } from './lane-clock.ts';

export class LaneRouter {
  readonly #memory: Memory;
  readonly #clock: LaneClock;
  /** Asks main for back lanes, which are started when they are first needed. */
  readonly #want: () => void;

  constructor(memory: Memory, clock: LaneClock, want: () => void) {
    this.#memory = memory;
    this.#clock = clock;
    this.#want = want;
  }

  /** Back lanes may be had: requests for them need not be run in front. */
  get isAvailable(): boolean { return lanes.stateOfLanes(this.#memory) !== lanes.UNAVAILABLE; }

  readonly isForBack = ({ target, options }: Call): boolean => {
    const lane = options?.lane;
    if (lane === 'front' || (lane !== 'back' && !this.#clock.isBack(target.lane ??= this.#clock.of(target.rootName)))) return false;
    const state = lanes.stateOfLanes(this.#memory);
    if (state === lanes.CLOSED) this.#want();
    return state !== lanes.UNAVAILABLE;
  };
}
