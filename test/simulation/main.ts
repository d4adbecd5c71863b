// `npm run simulate`: the tables behind docs/decisions/0014-scheduling.md, from the product's own policy modules. The same command prints the same figures.
//   npm run simulate [-- TABLE …] [--seconds 8] [--seeds 3] [--cores 128] [--json]        (packages/bench/src/scaling/simulated.ts reads `curve --json`)
import { parseArgs } from 'node:util';
import { Capriccio2003, Fifo, Gradient2, LeastAttained } from './baselines.ts';
import { Capriccio, type Weakened } from './capriccio.ts';
import type { Policy } from './machine.ts';
import { report, type Figures } from './report.ts';
import { Machine, type MachineOptions } from './machine.ts';
import { classOf, mean, run, runWith, servedOf, type Served } from './runs.ts';
import { bimodal, cpuMix, db, flood, ledger, memio, memory, memstep, type Workload } from './workloads.ts';

interface Table { readonly title: string; readonly columns: readonly string[]; readonly rows: readonly (readonly (string | number)[])[] }

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '8' }, seeds: { type: 'string', default: '3' }, cores: { type: 'string', default: '128' }, json: { type: 'boolean', default: false } },
});
const seconds = whole('seconds', values.seconds, 2);
const seeds = Array.from({ length: whole('seeds', values.seeds, 1) }, (_, k) => k + 1);
const coresMax = whole('cores', values.cores, 1);

function whole(name: string, given: string, min: number): number {
  const value = Number(given);
  if (Number.isInteger(value) && value >= min) return value;
  console.error(`--${name} must be an integer of at least ${min}, not '${given}'`);
  process.exit(2);
}

const LOADS = [0.9, 1, 2, 4, 8];
const workloads: Readonly<Record<string, (cores: number) => Workload>> = { cpuMix, bimodal, memory, memio, memstep, db };
/** Of `scale` and `curve`. */
const CORES = [1, 2, 4, 8, 16, 32, 64, 128].filter((cores) => cores <= coresMax);
/** What the curve by cores is asked with: each several times what the machine can do. */
const curves: Readonly<Record<string, (cores: number) => Omit<MachineOptions, 'cores' | 'seed' | 'seconds'>>> = {
  'computing': (cores) => ({ workload: cpuMix(cores), load: 4 }),
  'one entry point, half of the work in 0.5 % of the requests': (cores) => ({ workload: bimodal(cores), load: 4 }),
  'memory that binds': (cores) => ({ workload: memory(cores), load: 4 }),
  'all arrive at a quarter of the workers': (cores) => ({ workload: cpuMix(cores), load: 2, skew: Math.ceil(cores / 4) }),
};
const policies: Readonly<Record<string, () => Policy>> = {
  fifo: () => new Fifo(), 'least attained': () => new LeastAttained(), gradient: () => new Gradient2(), 'capriccio 2003': () => new Capriccio2003(), ours: () => new Capriccio(),
};
const overSeeds = (of: (seed: number) => Figures): Figures[] => seeds.map(of);
const average = (all: readonly Figures[], of: (figures: Figures) => number, digits = 2): number => Number(mean(all.map(of)).toFixed(digits));

const tables: Readonly<Record<string, () => Table>> = {
  goodput: () => ({
    title: 'work in time, part of the machine / answers in time a second', columns: ['workload', 'policy', ...LOADS.map((load) => `${load}x`)],
    rows: Object.entries(workloads).flatMap(([name, workload]) => Object.entries(policies).map(([policy, make]) => [name, policy, ...LOADS.map((load) => {
      const all = overSeeds((seed) => runWith(make(), { workload: workload(2), load, seconds, seed }));
      return `${average(all, ({ work }) => work).toFixed(2)}/${average(all, ({ okPerS }) => okPerS, 0)}`;
    })])),
  }),
  serve: () => ({
    title: 'five routes that ask for the same, on two workers that share nothing', columns: ['load', 'work', 'poorest route, of its max-min share', 'light p50 ms', 'light p99 ms', 'longest p99 ms', 'refused'],
    rows: [0.8, 0.9, 1, 1.1, 1.2, 1.5, 2, 4, 8].map((load) => {
      const all = seeds.map((seed) => servedOf(load, seed));
      const of = (figure: (run: Served) => number, digits: number): string => mean(all.map(figure)).toFixed(digits);
      return [`${load}x`, of(({ work }) => work, 3), of(({ poorest }) => poorest, 2), of(({ light }) => light.p50, 0), of(({ light }) => light.p99, 0), of(({ long }) => long.p99, 0), of(({ refused }) => refused, 2)];
    }),
  }),
  classes: () => ({
    title: 'ours, by class', columns: ['workload', 'load', 'class', 'answered', 'p50 ms', 'p99 ms', 'late', 'refused after ms', 'memory peak'],
    rows: Object.entries(workloads).flatMap(([name, workload]) => LOADS.flatMap((load) => {
      const all = overSeeds((seed) => run({ workload: workload(2), load, seconds, seed }).figures);
      return (all[0] as Figures).classes.map(({ name: type }) => [name, load, type, average(all, (f) => classOf(f, type).okShare, 3), average(all, (f) => classOf(f, type).p50, 1), average(all, (f) => classOf(f, type).p99, 1), average(all, (f) => classOf(f, type).late, 1), average(all, (f) => classOf(f, type).refusalMs, 1), average(all, ({ memoryPeak }) => memoryPeak)]);
    })),
  }),
  quantum: () => ({
    title: 'light delay at the 99th percentile, ms, heavy work of 90 %', columns: ['quantum ms', ...[0.5, 1, 2, 4].map((slice) => `slice ${slice}`)],
    rows: [0.25, 0.5, 1, 2, 5, 10, Infinity].map((quantumMs) => [quantumMs, ...[0.5, 1, 2, 4].map((sliceMs) => average(overSeeds((seed) => run({ workload: cpuMix(2), load: 0.9, seconds, seed, sliceMs }, { quantumMs }).figures), (f) => classOf(f, 'light').delay99, 1))]),
  }),
  ablation: () => {
    const weakened: Readonly<Record<string, Weakened>> = {
      whole: {}, 'refuses at the head': { shedding: 'head' }, 'refuses nothing': { shedding: 'none' }, 'start gate 2': { rules: { startGate: 2 } }, 'start gate 32': { rules: { startGate: 32, longGate: 32, longGateLoaded: 32 } },
      'long ones gather': { rules: { longGate: 6, longGateLoaded: 6 } }, 'one level': { rules: { levels: 1 } }, 'round robin above': { rules: { isFirstComeFirstServed: false } }, 'share 1': { rules: { share: 1 } }, 'share 0.1': { rules: { share: 0.1 } },
      'no memory gate': { gatesMemory: false }, 'no forecasts': { decide: { hasForecasts: false } }, 'no windows': { decide: { hasWindows: false } }, 'equal tickets': { decide: { hasTickets: false } }, 'no preemption': { quantumMs: Infinity }, 'no stealing': { steals: false },
    };
    return {
      title: 'work at four times the capacity; for db queries a second', columns: ['policy', ...Object.keys(workloads)],
      rows: Object.entries(weakened).map(([name, parts]) => [name, ...Object.entries(workloads).map(([workload, make]) => average(overSeeds((seed) => run({ workload: make(2), load: 4, seconds, seed }, parts).figures), (f) => (workload === 'db' ? classOf(f, 'query').okPerS : f.work), workload === 'db' ? 0 : 2))]),
    };
  },
  stages: () => ({
    title: 'work in time where one stage has a core alone and the one before it has all', columns: ['policy', ...LOADS.map((load) => `${load}x`)],
    rows: Object.entries({ whole: {}, 'equal tickets': { decide: { hasTickets: false } }, 'no conductor': { dead: { from: 0, to: Infinity } } } satisfies Record<string, Weakened>)
      .map(([name, parts]) => [name, ...LOADS.map((load) => average(overSeeds((seed) => run({ workload: ledger(), load, seconds, seed }, parts).figures), ({ work }) => work))]),
  }),
  flood: () => ({
    title: 'one root flooded: the others answered, and the work', columns: ['roots', 'times', 'others', 'flooded a second', 'work'],
    rows: [[2, 16], [8, 1], [8, 4], [8, 16], [64, 16]].map(([roots, times]) => {
      const all = overSeeds((seed) => run({ workload: flood(2, roots as number, times as number), seconds, seed }).figures);
      const others = (f: Figures): number => { const rest = f.classes.slice(1); return rest.reduce((sum, { okPerS }) => sum + okPerS, 0) / rest.reduce((sum, { offeredPerS }) => sum + offeredPerS, 0); };
      return [roots as number, times as number, average(all, others, 4), average(all, (f) => classOf(f, 'flood').okPerS, 0), average(all, ({ work }) => work)];
    }),
  }),
  scale: () => ({
    title: 'cpuMix on more cores', columns: ['cores', 'work at 0.9x', 'light p99 ms', 'work at 4x', 'light p99 ms'],
    rows: CORES.map((cores) => [cores, ...[0.9, 4].flatMap((load) => {
      const { figures } = run({ workload: cpuMix(cores), cores, load, seconds: cores > 16 ? 4 : seconds });
      return [Number(figures.work.toFixed(2)), Number(classOf(figures, 'light').p99.toFixed(1))];
    })]),
  }),
  curve: () => ({
    title: 'throughput by cores: what more than the machine can do comes to, in cores’ worth of work in time', columns: ['workload', 'cores', 'throughput'],
    rows: Object.entries(curves).flatMap(([name, options]) => CORES.map((cores) => [name, cores, average(overSeeds((seed) => run({ cores, seed, seconds: cores > 16 ? Math.min(4, seconds) : seconds, ...options(cores) }).figures), ({ work }) => work * cores, 3)])),
  }),
  skew: () => ({
    title: 'a quarter of the workers receives everything, load 0.8', columns: ['cores', 'work', 'without stealing'],
    rows: [4, 16, 64].map((cores) => [cores, ...[true, false].map((steals) => Number(report(new Machine(new Capriccio({ steals }), { workload: cpuMix(cores), cores, load: 0.8, skew: cores / 4, seconds: cores > 16 ? 4 : seconds }).run()).work.toFixed(2)))]),
  }),
};

const unknown = positionals.filter((name) => tables[name] === undefined);
if (unknown.length > 0) {
  console.error(`there is no table ${unknown.join(', ')}; there are ${Object.keys(tables).join(', ')}`);
  process.exit(2);
}
const chosen = positionals.length === 0 ? Object.keys(tables) : positionals;
const made = chosen.map((name) => ({ name, ...(tables[name] as () => Table)() }));
if (values.json) console.log(JSON.stringify({ seconds, seeds, tables: made }, undefined, 2));
else for (const { title, columns, rows } of made) print(title, [columns, ...rows]);

function print(title: string, rows: readonly (readonly (string | number)[])[]): void {
  const widths = (rows[0] as readonly unknown[]).map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)));
  console.log(`\n${title}`);
  for (const row of rows) console.log(`  ${row.map((cell, column) => (typeof cell === 'string' && column < 2 ? String(cell).padEnd(widths[column] as number) : String(cell).padStart(widths[column] as number))).join('  ')}`);
}
