/** One run, or the mean of several seeds, as tests and tables want them. */
import { Capriccio, type Weakened } from './capriccio.ts';
import { Machine, type MachineOptions, type Policy } from './machine.ts';
import { report, type ClassFigures, type Figures } from './report.ts';
import { maxMinShares } from '../../packages/bench/src/servers/max-min.ts';
import { Serving, type WeakenedServing } from './serving.ts';
import { routes } from './workloads.ts';

export interface Run { readonly machine: Machine; readonly policy: Capriccio; readonly figures: Figures }

export function run(options: MachineOptions, weakened: Weakened = {}): Run {
  const policy = new Capriccio(weakened);
  const machine = new Machine(policy, options).run();
  return { machine, policy, figures: report(machine) };
}

export const runWith = (policy: Policy, options: MachineOptions): Figures => report(new Machine(policy, options).run());

export const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

export const SEEDS: readonly number[] = [1, 2, 3];
/** A figure's mean over seeds. */
export const meanOf = (options: MachineOptions, of: (figures: Figures) => number, weakened: Weakened = {}, seeds = SEEDS): number =>
  mean(seeds.map((seed) => of(run({ ...options, seed }, weakened).figures)));

export function classOf({ classes }: Figures, name: string): ClassFigures {
  const found = classes.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no class ${name}`);
  return found;
}

/** Answers in time of a class per second, between two times in seconds. */
export function rateOf(machine: Machine, type: number, from: number, to: number): number {
  let sum = 0;
  for (let bucket = Math.round(from * 20); bucket < Math.round(to * 20); bucket++) sum += machine.series[bucket]?.ok[type] ?? 0;
  return sum / (to - from);
}

/** Seconds after `from` until half a second has 90 % of the rate that is reached in the last three seconds before `to`. */
export function settlingTime(machine: Machine, type: number, from: number, to: number): number {
  const steady = rateOf(machine, type, to - 3, to);
  for (let at = from; at + 0.5 <= to; at += 0.05) if (rateOf(machine, type, at, at + 0.5) >= 0.9 * steady) return at - from;
  return Infinity;
}

/** Coefficient of variation of a class's rate, half a second each. */
export function variation(machine: Machine, type: number, from: number, to: number): number {
  const rates = Array.from({ length: Math.floor((to - from) * 2) }, (_, k) => rateOf(machine, type, from + k / 2, from + k / 2 + 0.5));
  const middle = mean(rates);
  return Math.sqrt(mean(rates.map((rate) => (rate - middle) ** 2))) / middle;
}

/** What becomes of `routes` on a server of two workers, in four seconds. */
export interface Served { readonly work: number; readonly poorest: number; readonly refused: number; readonly light: ClassFigures; readonly long: ClassFigures }

/** @param before  load in the four seconds before, in which it learns */
export function servedOf(load: number, seed: number, weakened?: WeakenedServing, before = 0.5): Served {
  const cores = 2, seconds = 4;
  const machine = new Machine(new Serving(weakened), { workload: routes(cores), cores, seed, load: before, seconds: 2 * seconds, warmUp: seconds, shifts: [{ at: seconds, apply: (one) => { one.load = load; } }] }).run();
  const { work, classes } = report(machine);
  const cpuMs = machine.options.workload.classes.map(({ steps }) => steps.reduce((sum, step) => sum + step.cpuMs(machine.random), 0));
  const part = (ms: number): number => ms / 1000 / seconds / cores;
  const shares = maxMinShares(machine.counts.map(({ offered }, k) => part(offered * (cpuMs[k] as number))), 1);
  const [offered, refused] = [machine.counts.reduce((sum, one) => sum + one.offered, 0), machine.counts.reduce((sum, one) => sum + one.refused, 0)];
  return { work, poorest: Math.min(...machine.counts.map((counts, k) => part(counts.work) / (shares[k] as number))), refused: refused / offered, light: classes[0] as ClassFigures, long: classes.at(-1) as ClassFigures };
}
