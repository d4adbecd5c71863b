/**
 * Routes that cost processor time and say so by their paths: `/spin/<rounds>/<name>` computes inline, `/wait/<rounds>/<name>` waits for five milliseconds
 * before, `/hoard/<KiB>/<name>` keeps so much of the heap over a wait of fifty. The names make routes of them: each is a root of its own.
 */
import { setTimeout as pause } from 'node:timers/promises';

export const WAIT_MS = 5;
const HOARD_MS = 50;

export function spin(rounds: number): number {
  let x = 2_463_534_242;
  for (let k = 0; k < rounds * 1000; k++) { x ^= x << 13; x ^= x >>> 17; x ^= x << 5; }
  return x >>> 0;
}

/** Small objects, as a parsed document is. */
const hoard = (kib: number): object[] => Array.from({ length: kib * 8 }, (_, k) => ({ id: k, name: `n${k}`, next: undefined as unknown }));

export default {
  async fetch(request: Request): Promise<Response> {
    const [what, amount = '0'] = new URL(request.url).pathname.split('/').slice(-3);
    if (what === 'wait') await pause(WAIT_MS);
    if (what !== 'hoard') return new Response(`${spin(Number(amount))}\n`);
    const kept = hoard(Number(amount));
    await pause(HOARD_MS);
    return new Response(`${kept.length}\n`);
  },
};
