/**
 * What goes wrong in a worker, and who is harmed: each contender in a process of its own for each case, two workers, a neighbour's task beside the one
 * that fails. Told: the caller's promise rejects. Lost: it is still pending after two seconds. A pool survives when it runs a task afterwards.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { progress, table, type Bench, type Finding } from '../harness.ts';
import { openers, type FunctionName } from './contenders.ts';

export interface Outcome { readonly told: string; readonly neighbour: 'answered' | 'lost' | 'failed'; readonly after: 'runs' | 'fails' | 'hangs'; readonly ends: boolean }

const CASES: readonly (readonly [name: FunctionName, what: string, value: unknown])[] = [
  ['fails', 'a task throws', 'on purpose'], ['uncloneable', 'a result cannot be copied', 0], ['throwsOutside', 'an error outside of any task', 0],
  ['exits', 'process.exit in a worker', 3], ['exhaustsMemory', 'a worker’s memory is exhausted', 0], ['loopsForEver', 'a task never ends', 0],
];
const PATIENCE_MS = 20_000;

async function judge(contender: string, name: FunctionName, value: unknown): Promise<Outcome | string> {
  const child = fork(fileURLToPath(new URL('failure-process.ts', import.meta.url)), [contender, name, JSON.stringify(value)], {
    execArgv: ['--conditions=capriccio-source', '--max-old-space-size=256'], stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  let outcome: Outcome | undefined;
  child.on('message', (message) => { outcome = message as Outcome; });
  const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
  const [code, signal] = await once(child, 'exit') as [number | null, string | null];
  clearTimeout(timer);
  return outcome ?? (signal === 'SIGKILL' ? 'the process hangs' : `the process dies (${signal ?? code})`);
}

const shown = (outcome: Outcome | string): string => (typeof outcome === 'string' ? outcome : [
  outcome.told, ...outcome.neighbour === 'answered' ? [] : [`neighbour ${outcome.neighbour}`], ...outcome.after === 'runs' ? [] : [`the pool ${outcome.after} afterwards`], ...outcome.ends ? [] : ['close hangs'],
].join('; '));

export const bench: Bench = async () => {
  const rows: string[][] = [];
  const found: Finding[] = [];
  const names = Object.keys(openers).filter((name) => name !== 'the same thread');
  for (const [name, what, value] of CASES) {
    const outcomes: string[] = [];
    for (const contender of names) {
      progress(`${what}: ${contender}`);
      const outcome = await judge(contender, name, value);
      outcomes.push(shown(outcome));
      if (contender !== 'capriccio') continue;
      const isMet = typeof outcome !== 'string' && outcome.neighbour === 'answered' && outcome.after === 'runs' && outcome.ends && (name === 'loopsForEver' || outcome.told.startsWith('told'));
      found.push({ what: `${what}: the caller is told, nobody else is harmed`, figure: shown(outcome), goal: 'yes', isMet });
    }
    rows.push([what, ...outcomes]);
  }
  progress('');
  table(['contender', ...CASES.map(([, what]) => what)], names.map((contender, k) => [contender, ...rows.map((row) => row[k + 1] as string)]));
  return found;
};
