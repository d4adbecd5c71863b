/**
 * What recording the blocking graph costs the server of `npm start`: processor time of its process a request, with the recorder and without, conductor and
 * garbage collection included. Two servers of each kind are up, for one start differs from the next by more than what is measured; they take turns under the
 * same arrivals, at a third of the machine, so that nobody waits.
 */
import { enter, median, progress, ratio, round3, showRatio, table, type Bench } from '../harness.ts';
import { prepareWorkload } from '../demo/workload.ts';
import { GeneratorProcess } from '../load/generator-process.ts';
import type { LoadPlan } from '../load/plan.ts';
import { loadApp } from './protocol.ts';
import { ServerProcess } from './server-process.ts';

const library = new URL('../../../../examples/library/', import.meta.url);
const app = new URL('app.ts', library);
const LOAD = 0.33;
/** What a request costs beyond the application's own work, on both sides of the loopback, ms. */
const EXCHANGE_MS = 0.5;
const GOAL = 1.02;

export const bench: Bench = async ({ cores, rounds, quick }) => {
  const { buildCatalogue } = await import(new URL('catalogue.ts', library).href) as { buildCatalogue(tell: () => void): Promise<string> };
  process.env['LIBRARY_CATALOGUE'] = await buildCatalogue(() => { /* it is quick */ });
  const workload = await prepareWorkload(await loadApp(app), () => { /* likewise */ });
  await using generator = await GeneratorProcess.start();
  const start = (env: NodeJS.ProcessEnv): Promise<ServerProcess> => ServerProcess.start(new URL('capriccio.ts', import.meta.url), { app, port: 0, cores }, env);
  const without = { BENCH_WITHOUT: 'recorder' };
  await using recording = await start({});
  await using recordingToo = await start({});
  await using plain = await start(without);
  await using plainToo = await start(without);
  const ratePerSecond = Math.round(LOAD * cores * 1000 / (workload.meanCpuMs + EXCHANGE_MS));
  const plan = ({ port }: ServerProcess, seconds: number, seed: number): LoadPlan => ({
    host: '127.0.0.1', port, seed, ratePerSecond, seconds, arrivals: 'poisson', timeoutMs: 5000, connections: { initial: 64, max: 1024 }, requests: workload.requests,
  });
  const sides = [{ name: 'without', servers: [plain, plainToo], rounds: [] as number[] }, { name: 'with the recorder', servers: [recording, recordingToo], rounds: [] as number[] }] as const;
  for (const { servers } of sides) for (const server of servers) { progress('warming up'); await generator.run(plan(server, quick ? 5 : 7, 1)); }
  const count = quick ? 6 : Math.max(rounds, 20);
  for (let round = 0; round < count; round++) {
    for (let k = 0; k < 2; k++) {
      const side = sides[(round + k) % 2 as 0 | 1];
      const server = side.servers[(round >> 1) % 2] as ServerProcess;
      progress(`round ${round + 1} of ${count}: ${side.name}`);
      const before = await server.usage();
      const { total } = await generator.run(plan(server, quick ? 1.5 : 3, 10 + round));
      const after = await server.usage();
      if (Object.keys(total.wrong).length > 0) throw new Error(`wrong answers: ${JSON.stringify(total.wrong)}`);
      side.rounds.push((after.cpuUs - before.cpuUs) / Math.max(1, total.right));
    }
  }
  progress('');
  for (const side of sides) enter({ label: 'the server of npm start', unit: 'us a request', better: 'lower' }, side);
  const cost = ratio(sides[1], sides[0]);
  table(['recorder', 'us of processor time a request', 'of without'], sides.map((side, k) => [side.name, round3(median(side.rounds)), k === 0 ? '' : showRatio(cost)]));
  return [{ what: 'recorder on the server of npm start, processor time', figure: showRatio(cost), goal: `≤ ${GOAL}`, isMet: cost.median <= GOAL }];
};
