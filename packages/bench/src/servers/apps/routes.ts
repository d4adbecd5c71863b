/**
 * Routes that cost processor time and say so by their paths: `/spin/<rounds>/<name>` computes inline, `/wait/<rounds>/<name>` waits for five milliseconds
 * before, `/hoard/<KiB>/<name>` keeps so much of the heap over a wait of 400. The names make routes of them: each is a root of its own. `/who/0/x` tells the isolate. Where
 * BENCH_PEAKS names a folder, each isolate notes there the fullest that its heap has been.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { getHeapSpaceStatistics } from 'node:v8';
import { threadId } from 'node:worker_threads';

export const WAIT_MS = 5;
const HOARD_MS = 400;
/** A peak is noted when it is so much higher than the last, bytes. */
const NOTED = 2 ** 19;

export function spin(rounds: number): number {
  let x = 2_463_534_242;
  for (let k = 0; k < rounds * 1000; k++) { x ^= x << 13; x ^= x >>> 17; x ^= x << 5; }
  return x >>> 0;
}

/** Rows of a kilobyte, as an answer of a database is. */
const hoard = (kib: number): number[][] => Array.from({ length: kib }, (_, k) => Array<number>(128).fill(k + 0.5));

const peaks = process.env['BENCH_PEAKS'];
let peak = 0;
/** Of the old generation, for that is what is limited; garbage included. */
function notePeak(): void {
  if (peaks === undefined) return;
  const used = getHeapSpaceStatistics().reduce((sum, { space_name: name, space_used_size: bytes }) => (name.startsWith('new') ? sum : sum + bytes), 0);
  if (used < peak + NOTED) return;
  peak = used;
  writeFileSync(join(peaks, `${process.pid}-${threadId}`), String(peak));
}

export default {
  async fetch(request: Request): Promise<Response> {
    const [what, amount = '0'] = new URL(request.url).pathname.split('/').slice(-3);
    if (what === 'who') return new Response(`${process.pid}-${threadId}`);
    if (what === 'wait') await pause(WAIT_MS);
    if (what !== 'hoard') return new Response(`${spin(Number(amount))}\n`);
    const kept = hoard(Number(amount));
    notePeak();
    await pause(HOARD_MS);
    return new Response(`${kept.length}\n`);
  },
};
