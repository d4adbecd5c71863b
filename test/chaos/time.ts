/** How long the time-boxed tests of this folder go on: their whole time, or less of it where scripts/check.ts has less left for this step, down to a half. */

/** What the step has on a machine that is fast enough, s (scripts/check.ts). */
const WHOLE_S = 300;
const share = Math.max(0.5, Math.min(1, Number(process.env['CAPRICCIO_STEP_S'] ?? WHOLE_S) / WHOLE_S));

/** So many seconds, or the share of them that there is time for. */
export const asTimeAllows = (whole: number): number => Math.round(whole * share);
