/** How long from nothing to the first answer of every worker, and what a worker takes: each contender in a fresh process, in turns. Ours as users have it, built. */
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { interleave, median, round3, table, type Bench } from '../harness.ts';
import { openers } from './contenders.ts';

interface Start { readonly ms: number; readonly bytesEach: number }

const bundle = fileURLToPath(new URL('../../../../scripts/bundle.ts', import.meta.url));
const FROM_SOURCES = 'capriccio, from its sources';

async function startOnce(name: string, cores: number): Promise<Start> {
  const isSource = name === FROM_SOURCES;
  const contender = isSource ? 'capriccio' : name;
  const child = fork(fileURLToPath(new URL('start-process.ts', import.meta.url)), [contender, String(cores)], { execArgv: [...isSource ? ['--conditions=capriccio-source'] : [], '--expose-gc'], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  const exited = once(child, 'exit');
  const [start] = await Promise.race([once(child, 'message'), exited.then(() => { throw new Error(`${contender} died at its start`); })]) as [Start];
  await exited;
  return start;
}

export const bench: Bench = async ({ cores, rounds }) => {
  execFileSync(process.execPath, [bundle], { stdio: ['ignore', 'ignore', 'inherit'] });
  const names = [...Object.keys(openers), FROM_SOURCES].filter((name) => name !== 'the same thread' && !name.endsWith('a worker'));
  const bytes = new Map<string, number[]>(names.map((name) => [name, []]));
  const results = await interleave(names.map((name) => ({
    name,
    async measure() {
      const { ms, bytesEach } = await startOnce(name, cores);
      bytes.get(name)?.push(bytesEach / 2 ** 20);
      return ms;
    },
  })), rounds, { label: `${cores} workers ready`, unit: 'ms', better: 'lower' });
  table(['contender', 'ms', 'MiB a worker'], results.map(({ name, rounds: times }) => [name, round3(median(times)), round3(median(bytes.get(name) as number[]))]));
  return [];
};
