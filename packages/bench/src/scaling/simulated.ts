/**
 * The product's scheduling policy on a simulated machine of 1 to 128 cores (test/simulation, in a process of its own), fitted by the Universal Scalability
 * Law, and drawn beside what this machine does for calls that compute. The simulator runs the policy's own modules on a virtual clock, so its curve tells
 * what the policy loses; what cores lose by sharing memory, caches and a kernel is only in the measured one.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { note, progress, table, type Bench, type Finding } from '../harness.ts';
import { journal } from '../journal.ts';
import { drawPlot, type Series } from '../plot/svg.ts';
import { curves, measureCurve } from './curves.ts';
import { lawHead, lawRow } from './laws.ts';
import { fit, predict, type Point } from './usl.ts';

/** The curve of 128 cores against linear from one. */
const FLAT = 0.9;
const TIMEOUT_MS = 10 * 60_000;
const OUTPUT_MAX = 2 ** 20;

interface Output { readonly tables: readonly { readonly name: string; readonly rows: readonly (readonly [workload: string, cores: number, rate: number])[] }[] }

/** What `npm run simulate -- curve --json` prints, by workload. Throws when it prints anything else. */
export function curvesOf(output: string): Map<string, Point[]> {
  const { tables } = JSON.parse(output) as Output;
  const rows = tables.find(({ name }) => name === 'curve')?.rows;
  if (rows === undefined || rows.length === 0) throw new Error('the simulator printed no table `curve`');
  const all = new Map<string, Point[]>();
  for (const [workload, cores, rate] of rows) {
    if (!(cores >= 1) || !(rate > 0)) throw new Error(`the simulator printed ${rate} for ${workload} on ${cores} cores`);
    all.set(workload, [...all.get(workload) ?? [], { cores, rate }]);
  }
  return all;
}

async function simulate(seconds: number, seeds: number): Promise<Map<string, Point[]>> {
  const main = fileURLToPath(new URL('../../../../test/simulation/main.ts', import.meta.url));
  progress('the simulator runs');
  const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=capriccio-source', main, 'curve', '--json', '--seconds', String(seconds), '--seeds', String(seeds)], { timeout: TIMEOUT_MS, maxBuffer: OUTPUT_MAX });
  progress('');
  return curvesOf(stdout);
}

const efficiency = (points: readonly Point[]): { x: number; y: number }[] => points.map(({ cores, rate }) => ({ x: cores, y: rate / (points[0] as Point).rate / cores * (points[0] as Point).cores }));

export const bench: Bench = async ({ rounds, quick }) => {
  const found: Finding[] = [];
  const rows: string[][] = [];
  const laws: string[][] = [];
  const series: Series[] = [];
  const [computing] = curves();
  const measured = await measureCurve(computing as NonNullable<typeof computing>, quick ? 1 : Math.min(rounds, 3));
  const simulated = await simulate(quick ? 3 : 8, quick ? 1 : 3);
  for (const [name, points] of [...simulated, ['measured here: computing, 0.1 ms', measured] as const]) {
    const parts = efficiency(points);
    for (const [k, { cores, rate }] of points.entries()) rows.push([name, String(cores), rate.toFixed(2), `${(rate / (points[0] as Point).rate).toFixed(2)} x`, parts[k]?.y.toFixed(2) ?? '']);
    series.push({ name, points: parts });
    if (points.length < 2) continue;
    laws.push(lawRow(name, points));
    if (points === measured) continue;
    const law = fit(points);
    series.push({ name: `${name}, the law`, isDashed: true, points: efficiency(points.map(({ cores }) => ({ cores, rate: predict(law, cores) }))) });
    const last = parts.at(-1) as { x: number; y: number };
    found.push({ what: `simulated, ${name}: ${last.x} cores, of linear`, figure: last.y.toFixed(2), goal: `≥ ${FLAT}`, isMet: last.y >= FLAT });
  }
  table(['', 'cores', 'rate', 'speed-up', 'efficiency'], rows);
  console.log('\nthe Universal Scalability Law, fitted');
  table(lawHead, laws);
  note('The simulated rate is processor time of answers in time, in cores; it has the policy’s losses alone, and none of what cores lose by sharing memory, caches and a kernel. The measured rate is calls a second.');
  journal.drawings.push({ name: 'efficiency', title: 'Efficiency by cores, simulated and measured', svg: drawPlot({ title: 'Efficiency by cores, simulated and measured', x: 'cores', y: 'efficiency', series, isDoubling: true }) });
  return found;
};
