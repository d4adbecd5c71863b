/** Programs at random give the same effects natively, compiled, and as a thread. CAPRICCIO_LONG=1 runs thousands, for eight minutes at most; CAPRICCIO_SEED=n runs one. */
import { test } from 'vitest';
import { same } from './equivalence.ts';
import { ProgramMaker } from './programs.ts';

const isLong = process.env['CAPRICCIO_LONG'] === '1';
const only = process.env['CAPRICCIO_SEED'];
const count = only !== undefined ? 1 : isLong ? 5000 : 60;
const LONGEST_MS = 480_000;
const first = only !== undefined ? Number(only) : isLong ? Date.now() % 2 ** 31 : 1;

test(`${count} programs from seed ${first}`, async () => {
  if (isLong) console.log(`seeds ${first} to ${first + count - 1}`);
  const end = performance.now() + LONGEST_MS;
  let seed = first;
  for (; seed < first + count && performance.now() < end; seed++) {
    const program = new ProgramMaker(seed).program();
    try {
      await same(program);
    } catch (error) {
      throw new Error(`seed ${seed} (CAPRICCIO_SEED=${seed} runs it alone):\n${program}\n${(error as Error).message.slice(0, 6000)}`, { cause: error });
    }
  }
  if (isLong) console.log(`${seed - first} programs ran`);
}, 600_000);
