/**
 * Max-min fair shares: who asks for less than an equal part gets what he asks for, and what he leaves is shared out among the others.
 * Source: Bertsekas and Gallager, Data Networks, 1987, 6.5.2; here with one resource and equal tickets.
 * @param demands  0 or more each; in any unit @param capacity  in the same @returns in the order of the demands; they come to the capacity, or to all that is asked for
 */
export function maxMinShares(demands: readonly number[], capacity: number): number[] {
  const shares = demands.map(() => 0);
  let [left, sharers] = [capacity, demands.length];
  for (const [index, demand] of [...demands.entries()].sort(([, a], [, b]) => a - b)) {
    const share = shares[index] = Math.min(demand, left / sharers);
    left -= share;
    sharers--;
  }
  return shares;
}
