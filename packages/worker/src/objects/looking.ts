/** How long who is about to wait for a shared object looks on before it does: shared-objects.ts, lookOn. */
import { SpinBudget } from '@capriccio/shared';

/** Longest look, microseconds: two empty turns of the event loop take as long. */
const LOOK_US_MAX = 8;

/** For one object: so long as it has paid there. */
export const newLooking = (): SpinBudget => new SpinBudget(LOOK_US_MAX);
/** For what has been looked for already. */
export const NO_LOOKING: SpinBudget = new SpinBudget(0);
