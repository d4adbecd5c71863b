/**
 * Tickets of nodes: while a resource is short, threads that are about to give some back go before others, and those about to take some go after. One
 * step a period, at most by two, so that the queues that follow from it can be seen before the next. Pure.
 * Source: the priorities of Capriccio (SOSP 2003, section 4.2), which move by resource pressure.
 */

export interface Pressure {
  /** Mean change on the way to the next node, parts of the limit: more than 0 takes, less gives back. */
  readonly growth: number;
  /** Part of the mark in use: 1 or more is short. */
  readonly use: number;
}

const TICKETS_MAX = 4;
/** Of what a node has by default: no node is starved. */
const TICKETS_MIN = 0.25;
const STEP = 2;
/** A change that is a smaller part of the limit is none. */
const MINOR = 1e-4;

/** @param pressures  of each resource that the node changes */
export function nodeTickets(tickets: number, pressures: readonly Pressure[]): number {
  const short = pressures.filter(({ use, growth }) => use >= 1 && Math.abs(growth) >= MINOR);
  const takes = short.some(({ growth }) => growth > 0);
  const wanted = short.length === 0 ? 1 : takes ? TICKETS_MIN : TICKETS_MAX;
  return Math.max(tickets / STEP, Math.min(tickets * STEP, wanted));
}
