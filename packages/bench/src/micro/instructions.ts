/**
 * Instructions an operation, which no other program on the machine changes: each hot path in a process of its own, at two counts; the difference is the
 * operation alone, without start, loading and warming up. `npm run bench:compare -- <revision> micro/instructions` shows what a change costs on any machine.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { enter, median, note, progress, round3, table, type Bench } from '../harness.ts';
import { availability, countInstructions, runOnce, type CounterName } from './instruction-counter.ts';
import { operations } from './instruction-operations.ts';

/** Before any is counted, and the two counts. */
const WARM = 100_000, WARM_QUICK = 20_000;
const FEW = 20_000, MANY = 60_000;
/** Processes at a time: nothing that is counted depends on how many there are. */
const AT_ONCE = 2;

const file = fileURLToPath(new URL('instructions-process.ts', import.meta.url));
const argumentsOf = (name: string, warm: number, count: number): string[] => ['--conditions=capriccio-source', file, name, String(warm), String(count)];

async function instructionsOf(counter: CounterName, name: string, warm: number, env: NodeJS.ProcessEnv): Promise<number> {
  const few = await countInstructions(counter, argumentsOf(name, warm, FEW), env);
  const many = await countInstructions(counter, argumentsOf(name, warm, MANY), env);
  return (many - few) / (MANY - FEW);
}

export const bench: Bench = async ({ rounds, quick }) => {
  const { name: counter, why } = availability();
  if (why !== '') note(why);
  if (counter === undefined) return [];
  const folder = mkdtempSync(join(tmpdir(), 'capriccio-instructions-'));
  try {
    const env = { ...process.env, NODE_COMPILE_CACHE: folder };
    const names = Object.keys(operations).filter((name) => !quick || operations[name]?.isQuick === true);
    const warm = quick ? WARM_QUICK : WARM;
    await runOnce(argumentsOf(names[0] as string, 1000, 1000), env);
    const counts = new Map<string, number[]>(names.map((name) => [name, []]));
    const left = Array.from({ length: counter === 'perf' ? rounds : 1 }, () => names).flat();
    const all = left.length;
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      for (let name = left.shift(); name !== undefined; name = left.shift()) {
        progress(`${all - left.length} of ${all}: ${name}`);
        counts.get(name)?.push(await instructionsOf(counter, name, warm, env));
      }
    }));
    progress('');
    for (const [name, figures] of counts) enter({ label: name, unit: 'instructions', better: 'lower' }, { name: counter, rounds: figures });
    table(['operation', `instructions, by ${counter}`], [...counts].map(([name, figures]) => [name, round3(median(figures))]));
    if (counter === 'valgrind') note('Counts of valgrind are to be compared with counts of valgrind alone: V8 runs in lower tiers under it for longer.');
    return [];
  } finally { rmSync(folder, { recursive: true, force: true }); }
};
