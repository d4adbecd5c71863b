/** What runs on the cores: work that needs the processor, work that waits for a file, and both. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { pool } from 'capriccio/thread';

const own = fileURLToPath(import.meta.url);

/** About 100 us of arithmetic. @returns what must come out */
export function compute(seed: number): number {
  let state = seed | 1;
  for (let k = 0; k < 100_000; k++) { state ^= state << 13; state ^= state >>> 17; state ^= state << 5; }
  return state;
}

/** Reads a file of about a kilobyte. @returns its length */
export async function read(): Promise<number> { return (await readFile(own)).length; }

export async function mixed(seed: number): Promise<number> {
  const length = await read();
  return compute(seed) + length - length;
}

/** A lock that all cores want, held for about 5 us, and as much work outside of it. */
export async function locked(seed: number, times: number): Promise<number> {
  const mutex = pool().mutex('scaling');
  let sum = 0;
  for (let k = 0; k < times; k++) {
    {
      using held = await mutex.lock();
      void held;
      sum += short(seed + k);
    }
    sum += short(seed - k);
  }
  return sum;
}
function short(seed: number): number {
  let state = seed | 1;
  for (let k = 0; k < 5000; k++) { state ^= state << 13; state ^= state >>> 17; state ^= state << 5; }
  return state;
}

/** Passes items through one channel that all cores use: sends one, takes one, whosever it is. */
export async function passed(times: number): Promise<number> {
  const channel = pool().channel<number>('scaling', { capacity: 1024 });
  let count = 0;
  for (let k = 0; k < times; k++) {
    await channel.send(k);
    if (await channel.recv() !== undefined) count++;
  }
  return count;
}
