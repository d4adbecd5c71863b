/**
 * Counts the instructions of a process of Node: with perf where the processor's counters can be had, or else with valgrind's cachegrind, which runs what V8
 * compiles too and counts every instruction of it, some twenty times slower. V8 is told to compile and collect on the thread itself and to draw the same
 * random numbers each time: two runs of one thing under valgrind differ by some millionths where nothing looks at the clock, by a thousandth where it does.
 *
 * A count of valgrind is to be compared with counts of valgrind alone: they come out several times above what the time of the same code allows (2,900 for
 * the life of a slot, which takes 100 ns), because V8 runs it in lower tiers there for longer; why it does is not known.
 *
 * Tried and left out: `node --jitless` under valgrind, which counts the interpreter's instructions and none of those that run in production (434 a turn of
 * a loop that takes 64 as V8 compiles it); lackey, which counts the same and is slower; callgrind, whose functions end where compiled code begins.
 */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const EVENT = 'instructions:u';
const V8_FLAGS = ['--single-threaded', '--predictable', '--no-concurrent-recompilation', '--no-concurrent-osr', '--hash-seed=1', '--random-seed=1'];
const VALGRIND_FLAGS = ['--tool=cachegrind', '--cache-sim=no', '--cachegrind-out-file=/dev/null', '--smc-check=all-non-file'];
const TIMEOUT_MS = 5 * 60_000;
const OUTPUT_MAX = 2 ** 20;

export type CounterName = 'perf' | 'valgrind';
export interface Availability { readonly name: CounterName | undefined; /** Why perf does not count, or nothing does, in one line. */ readonly why: string }

/** What perf has printed for the event with `-x ,`: a count, or why there is none. */
export function countOfPerf(output: string): number | string {
  const line = output.split('\n').find((one) => one.includes(EVENT));
  if (line === undefined) return output.trim().split('\n')[0] ?? '';
  const [count = ''] = line.split(',');
  return /^\d+$/.test(count) ? Number(count) : count;
}

/** What cachegrind has printed. */
export function countOfValgrind(output: string): number | undefined {
  const count = /I\s+refs:\s+(?<count>[\d,]+)/.exec(output)?.groups?.['count'];
  return count === undefined ? undefined : Number(count.replaceAll(',', ''));
}

/** What counts on this machine. */
export function availability(): Availability {
  const perf = spawnSync('perf', ['stat', '-x', ',', '-e', EVENT, 'true'], { encoding: 'utf8' });
  const counted = perf.error === undefined ? countOfPerf(perf.stderr) : 'it is not installed';
  if (typeof counted === 'number') return { name: 'perf', why: '' };
  const why = `perf counts no instructions here: ${counted === '<not supported>' ? 'the processor’s counters are not to be had, as in most virtual machines' : counted}`;
  const hasValgrind = spawnSync('valgrind', ['--version']).status === 0;
  return { name: hasValgrind ? 'valgrind' : undefined, why: hasValgrind ? `${why}; valgrind counts` : `${why}; nor is valgrind here` };
}

/** Counts what `node <arguments>` takes, all of its threads. Rejects when it fails, or nothing is counted. */
export async function countInstructions(counter: CounterName, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const node = [process.execPath, ...V8_FLAGS, ...args];
  const options = { timeout: TIMEOUT_MS, maxBuffer: OUTPUT_MAX, env };
  if (counter === 'valgrind') {
    const { stderr } = await promisify(execFile)('valgrind', [...VALGRIND_FLAGS, ...node], options);
    const count = countOfValgrind(stderr);
    if (count === undefined) throw new Error(`valgrind counted nothing: ${stderr.slice(-200)}`);
    return count;
  }
  const folder = mkdtempSync(join(tmpdir(), 'capriccio-instructions-'));
  try {
    const file = join(folder, 'count');
    await promisify(execFile)('perf', ['stat', '-x', ',', '-e', EVENT, '-o', file, ...node], options);
    const count = countOfPerf(readFileSync(file, 'utf8'));
    if (typeof count !== 'number') throw new Error(`perf counted nothing: ${count}`);
    return count;
  } finally { rmSync(folder, { recursive: true, force: true }); }
}

/** Runs without a counter, with the same flags: fills the compile cache that `env` names, whose code then needs no compiler. */
export async function runOnce(args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  await promisify(execFile)(process.execPath, [...V8_FLAGS, ...args], { timeout: TIMEOUT_MS, maxBuffer: OUTPUT_MAX, env });
}
