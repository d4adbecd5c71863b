/**
 * Programs at random, preempted at every look that may preempt, beside a thread that meddles: what is proved gives the effects of native code and sees no
 * change between two awaits; and the same programs marked, with nobody meddling that they could see, give the same results.
 * CAPRICCIO_LONG=1 runs thousands; CAPRICCIO_SEED=n runs one.
 */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { LoopProgramMaker } from './loop-programs.ts';
import { bothWays, undisturbed } from './preempted.ts';

const isLong = process.env['CAPRICCIO_LONG'] === '1';
const only = process.env['CAPRICCIO_SEED'];
const count = only !== undefined ? 1 : isLong ? 4000 : 40;
const LONGEST_MS = 300_000;
const first = only !== undefined ? Number(only) : isLong ? Date.now() % 2 ** 31 : 1;
const MARK = 'require("capriccio/thread").annotate(module, { preemptible: true }); ';
const withoutBroken = (log: readonly string[]): string[] => log.filter((line) => !line.startsWith('"broken'));

test(`${count} programs from seed ${first}`, async () => {
  if (isLong) console.log(`seeds ${first} to ${first + count - 1}`);
  const end = performance.now() + LONGEST_MS;
  let proved = 0;
  let marked = 0;
  let broken = 0;
  let seed = first;
  for (; seed < first + count && performance.now() < end; seed++) {
    const program = new LoopProgramMaker(seed).program();
    try {
      const ways = await undisturbed(program);
      assert.ok(ways.native.log.every((line) => !line.startsWith('"broken')), 'natively the epoch changes: the program is wrong');
      proved += ways.made.report.preemption.filter(({ by }) => by === 'proof').length;
      const { native, asThread, byWrapper } = await bothWays(MARK + program);
      assert.deepEqual([withoutBroken(asThread.log), asThread.end], [native.log, native.end]);
      assert.deepEqual([withoutBroken(byWrapper.log), byWrapper.end], [native.log, native.end]);
      marked += asThread.epochs;
      broken += asThread.log.length - withoutBroken(asThread.log).length;
    } catch (error) {
      throw new Error(`seed ${seed} (CAPRICCIO_SEED=${seed} runs it alone):\n${program}\n${(error as Error).message.slice(0, 6000)}`, { cause: error });
    }
  }
  if (isLong) console.log(`${seed - first} programs ran: ${proved} loops and functions proved, ${marked} turns of the meddler, ${broken} changes seen where programs were marked`);
  assert.ok(only !== undefined || (proved > 0 && marked > 1000 && broken > 0), `${proved} proved, ${marked} turns, ${broken} changes seen: nothing was shown`);
}, 600_000);
