// Heavy and ordinary: what a core is kept busy with. It knows nothing of queues.

/** How far it is, and what it has found so far. */
export interface Step { readonly done: number; readonly primes: number }

const isPrime = (candidate: number): boolean => {
  for (let divisor = 2; divisor * divisor <= candidate; divisor++) if (candidate % divisor === 0) return false;
  return candidate > 1;
};

/** Counts the primes below `limit`, the slow way; says ten times how far it is. */
export function* countPrimes(limit: number): Generator<Step> {
  let primes = 0;
  for (let tenth = 1; tenth <= 10; tenth++) {
    for (let candidate = Math.ceil(limit * (tenth - 1) / 10); candidate < limit * tenth / 10; candidate++) if (isPrime(candidate)) primes++;
    yield { done: tenth / 10, primes };
  }
}
