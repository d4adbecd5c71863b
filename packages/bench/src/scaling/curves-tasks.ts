/** What runs on the cores: work that needs the processor, work that waits for a file, and both. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

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
