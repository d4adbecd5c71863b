/** Programs at random give the same effects natively, compiled, and as a thread. CAPRICCIO_LONG=1 runs thousands; CAPRICCIO_SEED=n runs one. */
import { test } from 'vitest';
import { same } from './equivalence.ts';
import { ProgramMaker } from './programs.ts';

const isLong = process.env['CAPRICCIO_LONG'] === '1';
const only = process.env['CAPRICCIO_SEED'];
const count = only !== undefined ? 1 : isLong ? 5000 : 60;
const first = only !== undefined ? Number(only) : isLong ? Date.now() % 2 ** 31 : 1;

test(`${count} programs from seed ${first}`, async () => {
  if (isLong) console.log(`seeds ${first} to ${first + count - 1}`);
  for (let seed = first; seed < first + count; seed++) {
    const program = new ProgramMaker(seed).program();
    try {
      await same(program);
    } catch (error) {
      throw new Error(`seed ${seed} (CAPRICCIO_SEED=${seed} runs it alone):\n${program}\n${(error as Error).message.slice(0, 6000)}`, { cause: error });
    }
  }
}, 600_000);
