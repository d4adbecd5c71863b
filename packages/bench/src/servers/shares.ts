/**
 * Shares by tickets: three routes with 1, 2 and 4 tickets, each asked for more than the machine has, so that what each gets is the scheduler's choice.
 * By the processor time that the pool counts for each route, in windows of a second: how far is the worst of them from its due? Without lanes, where the
 * share is that of the stride scheduler; with lanes, where the kernel and the hand-over have a say, it is shown beside.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { median, progress, table, type Bench, type Finding } from '../harness.ts';
import { GeneratorProcess } from '../load/generator-process.ts';
import app from './apps/routes.ts';
import { cpuMsOf, plannedRequest } from './planned.ts';
import { ServerProcess } from './server-process.ts';

const TICKETS = [1, 2, 4];
const ALL = TICKETS.reduce((sum, tickets) => sum + tickets, 0);
const path = (tickets: number): string => `/spin/700/t${tickets}`;
/** The order in which the pool names the route of that path. */
const routeOf = (tickets: number): string => `GET /spin/:id/t${tickets}`;
const LOAD = 3;
const WINDOW_MS = 1000;
const WARM_MS = 1500;
const GOAL = 0.02;

export const bench: Bench = async ({ cores, rounds, quick }) => {
  await using generator = await GeneratorProcess.start();
  const ms = await cpuMsOf(app, path(1), 600);
  const ratePerSecond = LOAD * cores * 1000 / ms;
  const requests = await Promise.all(TICKETS.map((tickets) => plannedRequest(app, path(tickets), 1)));
  const rows: string[][] = [];
  const found: Finding[] = [];
  for (const lanes of ['off', 'auto']) {
    const errors: number[] = [];
    const shares = TICKETS.map(() => [] as number[]);
    for (let round = 0; round < (quick ? 1 : Math.min(rounds, 5)); round++) {
      await using server = await ServerProcess.start(new URL('capriccio.ts', import.meta.url), { app: new URL('apps/routes.ts', import.meta.url), port: 0, cores },
        { BENCH_LANES: lanes, BENCH_TICKETS: JSON.stringify(Object.fromEntries(TICKETS.map((tickets) => [`/spin/:id/t${tickets}`, { tickets }]))) });
      progress(`round ${round + 1}, lanes ${lanes}`);
      const seconds = quick ? 7 : 10;
      const load = generator.run({ host: '127.0.0.1', port: server.port, seed: 3 + round, ratePerSecond, seconds, arrivals: 'poisson', timeoutMs: 500, connections: { initial: 256, max: 1024 }, requests });
      const used = async (): Promise<number[]> => {
        const { roots = [] } = await server.usage();
        return TICKETS.map((tickets) => roots.find(({ name }) => name === routeOf(tickets) || name === `/spin/:id/t${tickets}`)?.usedMs ?? 0);
      };
      await sleep(WARM_MS);
      let before = await used();
      for (const end = performance.now() + (seconds - 1) * 1000 - WARM_MS; performance.now() < end;) {
        await sleep(WINDOW_MS);
        const now = await used();
        const gained = now.map((value, k) => value - (before[k] as number));
        before = now;
        const sum = gained.reduce((total, value) => total + value, 0);
        if (sum <= 0) continue;
        for (const [k, value] of gained.entries()) shares[k]?.push(value / sum);
        errors.push(Math.max(...gained.map((value, k) => Math.abs(value / sum - (TICKETS[k] as number) / ALL))));
      }
      await load;
    }
    if (errors.length === 0) throw new Error('the pool has told of no route');
    rows.push([`lanes ${lanes}`, ...shares.map((values) => `${(median(values) * 100).toFixed(1)} %`), `${(median(errors) * 100).toFixed(2)} %`, `${(Math.max(...errors) * 100).toFixed(2)} %`]);
    if (lanes === 'off') found.push({ what: 'shares by tickets over a second, median of the windows\' worst errors', figure: `${(median(errors) * 100).toFixed(2)} %`, goal: `≤ ${GOAL * 100} %`, isMet: median(errors) <= GOAL });
  }
  progress('');
  table(['three routes at 3x', ...TICKETS.map((tickets) => `${tickets} of ${ALL} (${(tickets / ALL * 100).toFixed(1)} %)`), 'worst error', 'of all windows'], rows);
  return found;
};
