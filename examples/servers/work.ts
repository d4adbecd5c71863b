// Heavy and ordinary: what a core is kept busy with.
import { createHash } from 'node:crypto';
import { sleep } from 'capriccio/thread';

/** The largest prime below `limit`, the slow way. */
export function primeBelow(limit: number): number {
  for (let candidate = limit - 1; candidate >= 2; candidate--) {
    let divisor = 2;
    while (divisor * divisor <= candidate && candidate % divisor !== 0) divisor++;
    if (divisor * divisor > candidate) return candidate;
  }
  return 0;
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** One number after the other, until nobody listens. */
export async function* ticks(everyMs: number): AsyncGenerator<number> {
  for (let tick = 1; ; tick++) {
    yield tick;
    await sleep(everyMs);
  }
}

const abandoned: string[] = [];
/** Ends only by cancellation, which it remembers. */
export async function patient(name: string): Promise<never> {
  try {
    for (;;) await sleep(1000);
  } finally {
    abandoned.push(name);
  }
}
export const abandonedSoFar = (): readonly string[] => abandoned;
