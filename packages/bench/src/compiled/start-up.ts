/**
 * What compiling adds to a start: the application of `npm start` in a pool of one worker, from the start of the process to the first answer. Fresh
 * processes take turns: without the compiler, with it and a warm cache, with it and an empty one. And what a compiler without a cache takes a line.
 * Run: npm run bench -- compiled/start-up
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { compile } from '@capriccio/compiler';
import { interleave, median, ratio, round3, showRatio, table, threadCpuUs, type Bench } from '../harness.ts';

const library = new URL('../../../../examples/library/', import.meta.url);
const run = promisify(execFile);

interface Start { readonly ms: number; readonly cpuMs: number; readonly count: number }

async function start(how: 'native' | 'compiled', cache: string): Promise<Start> {
  const file = fileURLToPath(new URL('./start-up-process.ts', import.meta.url));
  const { stdout } = await run(process.execPath, ['--conditions=capriccio-source', file, new URL('app.ts', library).href, how], { env: { ...process.env, CAPRICCIO_CACHE: cache } });
  return JSON.parse(stdout) as Start;
}

/** Sources of this project, their types stripped: processor time, ms a thousand lines. */
function coldCompile(): { ms: number; lines: number } {
  const folder = fileURLToPath(new URL('../../../', import.meta.url));
  const files = ['shared', 'worker', 'core'].flatMap((name) => readdirSync(join(folder, name, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts')).map((file) => join(folder, name, 'src', file)));
  const texts = files.map((file) => [file, readFileSync(file, 'utf8')] as const);
  const lines = texts.reduce((sum, [, text]) => sum + text.split('\n').length, 0);
  const times: number[] = [];
  for (let round = 0; round < 9; round++) {
    const before = threadCpuUs();
    for (const [file, text] of texts) compile(text, { file });
    times.push((threadCpuUs() - before) / lines);
  }
  return { ms: median(times.slice(2)), lines };                        // the first two warm it up
}

export const bench: Bench = async ({ rounds }) => {
  const { buildCatalogue } = await import(new URL('catalogue.ts', library).href) as { buildCatalogue(progress: () => void): Promise<string> };
  process.env['LIBRARY_CATALOGUE'] = await buildCatalogue(() => { /* it takes a moment */ });
  const folder = mkdtempSync(join(tmpdir(), 'capriccio-start-up-'));
  let fresh = 0;
  const cpu = new Map<string, number[]>();
  const expected = (await start('native', '0')).count;
  const side = (name: string, how: 'native' | 'compiled', cache: () => string): { name: string; measure(): Promise<number> } => ({
    name,
    async measure() {
      const { ms, cpuMs, count } = await start(how, cache());
      if (count !== expected) throw new Error(`${name}: ${count} documents, not ${expected}`);
      cpu.set(name, [...cpu.get(name) ?? [], cpuMs]);
      return ms;
    },
  });
  try {
    const warm = join(folder, 'warm');
    await start('compiled', warm);
    const results = await interleave([side('not compiled', 'native', () => warm), side('warm cache', 'compiled', () => warm), side('empty cache', 'compiled', () => join(folder, String(fresh++)))], rounds, { label: 'to the first answer', unit: 'ms', better: 'lower' });
    const [native] = results as [never];
    table(['to the first answer', 'ms', 'of native', 'ms of CPU', 'of native'], results.map((one) => {
      const cpuOf = { name: one.name, rounds: cpu.get(one.name) as number[] };
      return [one.name, round3(median(one.rounds)), showRatio(ratio(one, native)), round3(median(cpuOf.rounds)), showRatio(ratio(cpuOf, { name: '', rounds: cpu.get('not compiled') as number[] }))];
    }));
    const warmed = ratio(results[1] as never, native);
    const { ms, lines } = coldCompile();
    console.log(`\ncompiling ${lines.toLocaleString('en')} lines of this project, types stripped: ${ms.toFixed(2)} ms of CPU a thousand`);
    return [
      { what: 'start with a warm cache, of native', figure: warmed.median.toFixed(3), goal: '≤ 1.05', isMet: warmed.median <= 1.05 },
      { what: 'compiling, ms a thousand lines', figure: ms.toFixed(2), goal: '≤ 2.5', isMet: ms <= 2.5 },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
