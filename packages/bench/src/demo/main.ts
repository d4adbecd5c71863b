// `npm start`: the whole of it at work. A library of documents is served on every core under a mix of light and heavy
// requests, every answer is checked against the directly computed one, and two usual deployments are shown beside it.
import type { LoadPlan } from '../load/plan.ts';
import { loadApp } from '../servers/protocol.ts';
import { takeTurn } from './contest.ts';
import type { Turn } from './contest.ts';
import { help, parseOptions, UsageError } from './options.ts';
import type { Options } from './options.ts';
import { Progress } from './progress.ts';
import { failuresOf, formatComparison, formatTurn } from './results.ts';
import { prepareWorkload } from './workload.ts';
import type { Workload } from './workload.ts';

const library = new URL('../../../../examples/library/', import.meta.url);
const app = new URL('app.ts', library);

/** What a request costs beyond the application's own work, on both sides of the loopback: measured with node:cluster. */
const exchangeCpuMs = 0.5;
const timeoutMs = 5_000;

/** Builds the catalogue once, here: the servers find it by the environment they inherit. */
async function prepareCatalogue(progress: Progress): Promise<void> {
  progress.line('Preparing the library.');
  const { buildCatalogue } = (await import(new URL('catalogue.ts', library).href)) as { buildCatalogue(progress: (done: number, total: number) => void): Promise<string> };
  process.env.LIBRARY_CATALOGUE = await buildCatalogue((done, total) => { progress.update(`indexing documents: ${done} of ${total}`); });
}

function planFor(workload: Workload, options: Options): Omit<LoadPlan, 'port'> {
  const ratePerSecond = options.rate ?? Math.max(1, Math.round((options.load * options.cores * 1000) / (workload.meanCpuMs + exchangeCpuMs)));
  return {
    host: '127.0.0.1', seed: options.seed, ratePerSecond, seconds: options.seconds, arrivals: 'poisson', timeoutMs,
    // Each is used about once a second or more, well within the five seconds after which node:http closes it.
    connections: { initial: Math.min(64, Math.ceil(ratePerSecond)), max: 4_096 },
    requests: workload.requests,
  };
}

function introduce(progress: Progress, workload: Workload, plan: Omit<LoadPlan, 'port'>, options: Options): void {
  const demand = (plan.ratePerSecond * (workload.meanCpuMs + exchangeCpuMs)) / 1000 / options.cores;
  for (const { route, percent, cpuMs, distinct } of workload.routes) {
    progress.line(`  ${String(percent).padStart(2)} %  ${route.padEnd(22)} ${String(distinct).padStart(3)} distinct, ${cpuMs.toFixed(2)} ms of CPU each`);
  }
  progress.line(`${plan.ratePerSecond} requests/s (seed ${plan.seed}) for ${plan.seconds} s: about ${(demand * 100).toFixed(0)} % of ${options.cores} cores, generator included.`);
}

async function compare(options: Options): Promise<number> {
  const progress = new Progress();
  await prepareCatalogue(progress);
  const workload = await prepareWorkload(await loadApp(app), (done, total) => { progress.update(`computing right answers: ${done} of ${total}`); });
  const plan = planFor(workload, options);
  introduce(progress, workload, plan, options);
  const turns: Turn[] = [];
  const broken: string[] = [];
  for (const name of options.only) {
    try {
      const turn = await takeTurn(name, { app, cores: options.cores, plan, onProgress: (text) => { progress.update(text); } });
      turns.push(turn);
      progress.clear();
      if (!options.json) console.log(`\n${formatTurn(turn, options)}`);
    } catch (error) {
      broken.push(`${name} could not be measured: ${(error as Error).message}`);
      progress.line(broken.at(-1) ?? '');
    }
  }
  return conclude(plan, workload, options, { turns, failures: [...broken, ...failuresOf(turns)] });
}

/** Prints what all turns say together. Returns the exit code. */
function conclude(plan: Omit<LoadPlan, 'port'>, workload: Workload, options: Options, { turns, failures }: { turns: Turn[]; failures: string[] }): number {
  if (options.json) {
    const { requests: _, ...shownPlan } = plan;
    console.log(JSON.stringify({ node: process.version, cores: options.cores, plan: shownPlan, mix: workload.routes, turns, failures }, null, 2));
  } else {
    if (turns.length > 1) console.log(`\n${formatComparison(turns)}`);
    const answers = turns.reduce((sum, { load }) => sum + load.total.right, 0);
    console.log(failures.length === 0 ? `\n${answers} answers compared with the directly computed ones, none wrong.` : `\nFailed. ${failures.join('. ')}.`);
  }
  return failures.length === 0 ? 0 : 1;
}

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) {
    console.log(help);
    return 0;
  }
  if (!options.serve) return compare(options);
  await prepareCatalogue(new Progress());
  // Loaded only here: the comparison runs the pool in a process of its own.
  const { serveUntilInterrupted } = await import('./serve.ts');
  await serveUntilInterrupted(app, options);
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (error instanceof UsageError) console.error(`${error.message}\nnpm start -- --help lists the options.`);
  else console.error(error);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
