/**
 * Attained service: inside a root, who has had much already stands behind who has had little, for most work is short and nobody knows which.
 * Level 0 holds threads that have had less than theta of processor time, each level above four times as much; a level has a quarter of the share of the
 * one below, so that long work is slowed and never starved (all levels busy: 75.3, 18.8, 4.7 and 1.2 %). Pure.
 *
 * Source: foreground-background scheduling: Nuyens and Wierman, The Foreground-Background queue: a survey, 2008; first come, first served below theta:
 * Aalto and Ayesta, 2008. Figures behind each number: docs/decisions/0014-scheduling.md.
 */

/** The numbers of the scheduling policy. The simulator weakens them one at a time; nothing else changes them. */
export interface SchedulingRules {
  /** Most threads of one root that are started and runnable on a worker before it starts another: what has not begun can be stolen and shed. */
  readonly startGate: number;
  /**
   * How many of them may be above level 0; and how many while more than `startGate` wait to begin. What has begun goes on, whatever its deadline: so where
   * long ones gather, none of them ends in time (three quarters of the work was wasted on a root that hides few long ones among many short: simulated).
   */
  readonly longGate: number;
  readonly longGateLoaded: number;
  readonly levels: number;
  /** Processor time that ends level 0, microseconds. */
  readonly thetaUs: number;
  /** Each level holds threads that have had so many times as much. */
  readonly factor: number;
  /** Tickets of a level, of those of the one below. */
  readonly share: number;
  /**
   * Roots borrow by how short their pieces are (stride.ts): who takes long stands back by so many pieces of its own, up to so long; and once it has waited
   * for the other, all roots together, it goes first. Ms of processor time.
   */
  readonly behindCosts: number;
  readonly behindMs: number;
  readonly behindMsMax: number;
  /** Above level 0, a thread that was preempted goes on before others of its level: first come, first served. Round robin there costs a tenth of goodput. */
  readonly isFirstComeFirstServed: boolean;
}

export const schedulingRules: SchedulingRules = { startGate: 6, longGate: 2, longGateLoaded: 1, levels: 4, thetaUs: 1000, factor: 4, share: 0.25, behindCosts: 8, behindMs: 60, behindMsMax: 300, isFirstComeFirstServed: true };

/** @param attainedUs  processor time that a thread has had in its life */
export function levelOf(attainedUs: number, { levels, thetaUs, factor }: SchedulingRules): number {
  let level = 0;
  for (let bound = thetaUs; attainedUs >= bound && level < levels - 1; bound *= factor) level++;
  return level;
}
