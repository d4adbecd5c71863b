/**
 * The storm in a process of its own. The test gives it one malloc arena: with one for each thread, as by default, what a worker frees stays with an arena
 * that the next worker need not get, and the process grows until all arenas have seen the worst.
 */
import { storm } from './storm.ts';

const { seed, seconds } = JSON.parse(process.argv[2] as string) as { seed: number; seconds: number };
await storm({ seed: seed + 1, seconds: 2 });                             // what a process keeps for good (libuv's threads, caches) is there after the first
console.log(JSON.stringify(await storm({ seed, seconds })));
