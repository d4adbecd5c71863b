/**
 * Which lane a call goes to: what its caller says, else the verdict on its root, unless lanes starve (lane-hunger.ts). One load of shared memory a call
 * while nothing is for the back.
 */
import { lanes, type Memory } from '@capriccio/shared';
import type { Call } from '../call.ts';
import { sharedNow } from '../clock.ts';
import type { LaneClock, RootLane } from './lane-clock.ts';
import type { LaneHunger } from './lane-hunger.ts';

/** Where lanes starve, one call is given to them so often all the same: what becomes of it tells how they fare; ms. */
const PROBE_MS = 100;

export class LaneRouter {
  readonly #memory: Memory;
  readonly #clock: LaneClock;
  /** Asks main for back lanes, which are started when they are first needed. */
  readonly #want: () => void;
  readonly #hunger: LaneHunger | undefined;
  #probedAt = 0;

  /** @param hunger  undefined: what is for the back goes there, however lanes fare */
  constructor(memory: Memory, clock: LaneClock, want: () => void, hunger: LaneHunger | undefined) {
    this.#memory = memory;
    this.#clock = clock;
    this.#want = want;
    this.#hunger = hunger;
  }

  /** Back lanes may be had: requests for them need not be run in front. */
  get isAvailable(): boolean { return lanes.stateOfLanes(this.#memory) !== lanes.UNAVAILABLE; }

  /** Lanes starve: what was measured to be long runs in front, as where there are none. What somebody has put on one stays there. */
  keepsInFront(root: RootLane): boolean { return this.#hunger?.isStarving(sharedNow()) === true && this.#clock.verdictOf(root).by !== 'hand'; }
  /** One that goes there all the same; at most one in a tenth of a second. */
  takesProbe(): boolean {
    const now = sharedNow();
    if (now - this.#probedAt < PROBE_MS) return false;
    this.#probedAt = now;
    return true;
  }

  /** Something is for the back, and there is no lane yet. */
  wantFirst(): void { if (lanes.stateOfLanes(this.#memory) === lanes.CLOSED) this.#want(); }

  readonly isForBack = ({ target, options }: Call): boolean => {
    const lane = options?.lane;
    if (lane === 'front' || (lane !== 'back' && !this.#clock.isBack(target.lane ??= this.#clock.of(target.rootName)))) return false;
    this.wantFirst();
    const state = lanes.stateOfLanes(this.#memory);
    if (state === lanes.UNAVAILABLE) return false;
    return lane === 'back' || state !== lanes.OPEN || !this.keepsInFront(target.lane as RootLane) || this.takesProbe();
  };
}
