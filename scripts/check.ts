// `npm test` and `npm run test:long`: everything that is checked, one step after the other. The last line is "N passed, N failed".
// With names after it (`npm test -- types lint`), only those steps. A tool counts as one check; a step of vitest counts its tests, and one more when it fails otherwise.
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, styleText } from 'node:util';
import type { Tally } from './tally-reporter.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
/** All steps of `npm test` together, and all of the long forms, seconds. */
const TOTAL_S = 1110;
const TOTAL_LONG_S = 4 * 3600;

const LATE = 'took longer';

interface Step { readonly name: string; readonly command: readonly string[]; readonly isVitest: boolean; readonly boundS: number; readonly env?: Readonly<Record<string, string>> }
interface Outcome { readonly passed: number; readonly failures: readonly string[]; readonly output: string }

const tool = (name: string, boundS: number, ...command: string[]): Step => ({ name, command, isVitest: false, boundS });
/** Projects of vitest.config.ts that run with another. */
const WITH: Readonly<Record<string, readonly string[]>> = { fast: ['no-context-frames'] };
const tests = (name: string, boundS: number, env: Record<string, string> = {}): Step => ({
  name: Object.keys(env).length === 0 ? name : `${name}, long`, isVitest: true, boundS, env,
  command: ['vitest', 'run', ...[name, ...WITH[name] ?? []].flatMap((project) => ['--project', project]), '--reporter=default', '--reporter=./scripts/tally-reporter.ts'],
});

const defaultForms: readonly Step[] = [
  tool('types', 120, 'tsc', '-b'),
  tool('lint', 60, 'oxlint'),
  tool('unused', 60, 'knip', '--treat-config-hints-as-errors'),
  // The last is the one that does with less time where there is less left (test/chaos/time.ts).
  tests('simulation', 120), tests('install', 180), tests('fast', 720), tests('model', 360), tests('stress', 300),
];
const longForms = (env: Record<string, string>): readonly Step[] => ['fast', 'model', 'stress'].map((name) => tests(name, TOTAL_LONG_S, env));

const children = new Set<ChildProcess>();
const folder = mkdtempSync(join(tmpdir(), 'capriccio-check-'));

/** Kills a child and all that it has started: each is a process group of its own. */
function kill(child: ChildProcess): void {
  try { if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL'); } catch { /* it has ended */ }
}
process.on('exit', () => {
  for (const child of children) kill(child);
  rmSync(folder, { recursive: true, force: true });
});
for (const [signal, number] of [['SIGINT', 2], ['SIGTERM', 15], ['SIGHUP', 1]] as const) process.on(signal, () => process.exit(128 + number));

interface Ended { readonly output: string; readonly problem: string | undefined }

/** Runs a command to its end or to its bound, and collects what it prints. */
function execute([command, ...args]: readonly string[], seconds: number, env: Readonly<Record<string, string>>): Promise<Ended> {
  const { promise, resolve } = Promise.withResolvers<Ended>();
  const child = spawn(command as string, args, {
    cwd: root, detached: true, stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH: `${root}node_modules/.bin:${process.env['PATH'] ?? ''}`, ...process.stdout.isTTY ? { FORCE_COLOR: '1' } : { NO_COLOR: '1', FORCE_COLOR: undefined }, ...env },
  });
  children.add(child);
  let output = '';
  let isLate = false;
  const timer = setTimeout(() => { isLate = true; kill(child); }, seconds * 1000);
  const end = (problem: string | undefined): void => {
    clearTimeout(timer);
    kill(child);                                                       // what it left behind, if anything
    children.delete(child);
    resolve({ output, problem });
  };
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => { output += chunk.toString(); });
  child.on('error', (error) => end(`could not be started: ${error.message}`));
  child.on('close', (code, signal) => end(isLate ? `${LATE} than ${Math.round(seconds)} s and was ended` : code === 0 ? undefined : `ended with ${code === null ? signal : `exit code ${code}`}`));
  return promise;
}

async function run(step: Step, seconds: number): Promise<Outcome> {
  if (seconds <= 0) return { passed: 0, failures: [`${step.name}: no time was left for it`], output: '' };
  if (!step.isVitest) {
    const { output, problem } = await execute(step.command, seconds, {});
    return { passed: problem === undefined ? 1 : 0, failures: problem === undefined ? [] : [`${step.name} ${problem}`], output };
  }
  const file = join(folder, `${step.name}.json`);
  const { output, problem } = await execute(step.command, seconds, { CAPRICCIO_TALLY: file, CAPRICCIO_STEP_S: String(Math.round(seconds)), ...step.env });
  return { output, ...judge(step, problem, readTally(file)) };
}

function readTally(file: string): Tally | undefined {
  try { return JSON.parse(readFileSync(file, 'utf8')) as Tally; } catch { return undefined; }
}

function judge(step: Step, problem: string | undefined, tally: Tally | undefined): Omit<Outcome, 'output'> {
  if (tally === undefined) return { passed: 0, failures: [`${step.name} ${problem ?? 'told nothing of its tests'}`] };
  const { passed, failed, unsteady, skipped, broken } = tally;
  const failures = [...failed, ...broken.map((what) => `${what}: outside of a test`), ...skipped.filter(({ reason }) => reason === undefined || reason === '').map(({ name }) => `${name}: skipped without a reason`)];
  for (const { name, reason } of skipped) if (reason !== undefined && reason !== '') console.log(`  skipped: ${name}: ${reason}`);
  for (const { name, error } of unsteady) console.log(styleText('yellow', `  passed at its second try only: ${name}`) + `\n${error.replace(/^/gm, '    ')}`);
  if (problem !== undefined && (failures.length === 0 || problem.startsWith(LATE))) failures.push(`${step.name} ${problem}`);
  if (passed === 0 && failures.length === 0) failures.push(`${step.name} has no tests`);
  return { passed, failures };
}

function report({ name }: Step, { passed, failures, output }: Outcome, seconds: number): void {
  const isGood = failures.length === 0;
  const count = passed + failures.length === 1 ? '' : `  ${passed} passed${isGood ? '' : `, ${failures.length} failed`}`;
  console.log(`${styleText(isGood ? 'green' : 'red', isGood ? '✓' : '✗')} ${name.padEnd(14)}${seconds.toFixed(1).padStart(6)} s${count}`);
  if (isGood) return;
  console.log(output.trimEnd());
  for (const failure of failures) console.log(styleText('red', `  ✗ ${failure}`));
}

async function runAll(steps: readonly Step[], totalS: number): Promise<{ passed: number; failed: number }> {
  const endsAt = performance.now() + totalS * 1000;
  let passed = 0;
  let failed = 0;
  for (const step of steps) {
    const begun = performance.now();
    if (process.stdout.isTTY) process.stdout.write(`… ${step.name}\r`);
    const outcome = await run(step, Math.min(step.boundS, (endsAt - begun) / 1000));
    report(step, outcome, (performance.now() - begun) / 1000);
    passed += outcome.passed;
    failed += outcome.failures.length;
  }
  return { passed, failed };
}

/** The steps that were named, or all. */
function chosen(steps: readonly Step[], names: readonly string[]): readonly Step[] {
  const unknown = names.filter((name) => !defaultForms.some((step) => step.name === name));
  if (unknown.length > 0) {
    console.error(`there is no step ${unknown.join(', ')}; there are ${defaultForms.map(({ name }) => name).join(', ')}`);
    process.exit(2);
  }
  return names.length === 0 ? steps : steps.filter(({ name }) => names.includes(name.replace(/, .*/, '')));
}

const { values: { long }, positionals } = parseArgs({ options: { long: { type: 'boolean', default: false } }, allowPositionals: true });
const total = await runAll(chosen(defaultForms, positionals), TOTAL_S);
if (long) {
  const seed = process.env['CAPRICCIO_SEED'] ?? String(Math.floor(Math.random() * 2 ** 31));
  console.log(`long forms; to repeat them: CAPRICCIO_SEED=${seed} npm run test:long`);
  const more = await runAll(chosen(longForms({ CAPRICCIO_LONG: '1', CAPRICCIO_SEED: seed }), positionals), TOTAL_LONG_S);
  total.passed += more.passed;
  total.failed += more.failed;
}
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;
