/**
 * A route that asks a service (thrashing-service.ts) whose capacity nobody tells: three times as many ask as it can answer at its best, beside a route
 * that needs nobody. How much of its best does it give? Then, at 0.7 of its best, it dies for five seconds: what becomes of the other route, and how soon
 * is it used again? Open loop; the service itself counts what it answers. Beside node:cluster, which lets everybody through.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { median, progress, round3, table, type Bench } from '../harness.ts';
import { bodyHash } from '../load/generator.ts';
import { GeneratorProcess } from '../load/generator-process.ts';
import type { LoadPlan, LoadResult } from '../load/plan.ts';
import { ServerProcess, endProcess } from './server-process.ts';
import { answersPerMs, type FromService, type ToService } from './thrashing-service.ts';

const CONTENDERS = [['capriccio', 'capriccio.ts'], ['node:cluster', 'cluster.ts']] as const;
const STATIC_PER_SECOND = 200;
const OVERLOAD = 3;
const CALM = 0.7;
const TIMEOUT_MS = 500;
/** Of a run, and of it before anything is counted, seconds. */
const SECONDS = 10;
const WARM_SECONDS = 4;
/** It dies so long after the beginning, for so long, seconds. */
const DIES_AT = 3;
const DEAD_SECONDS = 5;
const AFTER_SECONDS = 4;
const LOOK_MS = 100;

class Service implements AsyncDisposable {
  readonly port: number;
  readonly #child: ChildProcess;
  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }
  static async start(): Promise<Service> {
    const child = fork(new URL('thrashing-service.ts', import.meta.url), { stdio: ['ignore', 2, 2, 'ipc'] });
    const [{ port }] = await once(child, 'message') as [{ port: number }];
    return new Service(child, port);
  }
  tell(order: ToService): void { this.#child.send(order); }
  async count(): Promise<FromService> {
    const answer = once(this.#child, 'message');
    this.tell('count');
    return (await answer as [FromService])[0];
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.disconnect();
    await endProcess(this.#child);
  }
}

interface Look { readonly atMs: number; readonly done: number; readonly inside: number }
/** What the service answers a second between two moments of a run. */
function rate(looks: readonly Look[], fromMs: number, toMs: number): number {
  const at = (ms: number): Look => looks.find(({ atMs }) => atMs >= ms) ?? looks.at(-1) as Look;
  const [first, last] = [at(fromMs), at(toMs)];
  return (last.done - first.done) / Math.max(1, last.atMs - first.atMs) * 1000;
}

const best = Math.max(...Array.from({ length: 200 }, (_, k) => answersPerMs(k + 1))) * 1000;

function plan(port: number, queriesPerSecond: number, seconds: number, seed: number): LoadPlan {
  const request = (path: string, weight: number, body: string) => ({ route: path, weight, method: 'GET' as const, path, status: 200, bodyHash: bodyHash(Buffer.from(body)) });
  return {
    host: '127.0.0.1', port, seed, ratePerSecond: queriesPerSecond + STATIC_PER_SECOND, seconds, arrivals: 'poisson', timeoutMs: TIMEOUT_MS,
    connections: { initial: 64, max: 2048 }, requests: [request('/query', queriesPerSecond, '42\n'), request('/static', STATIC_PER_SECOND, 'static\n')],
  };
}

interface Turn { readonly looks: readonly Look[]; readonly result: LoadResult }
async function observe(service: Service, run: Promise<LoadResult>, orders: readonly (readonly [atMs: number, order: ToService])[] = []): Promise<Turn> {
  const looks: Look[] = [];
  const began = performance.now();
  let isOver = false;
  const due = [...orders];
  const watch = (async () => {
    while (!isOver) {
      const { done, inside } = await service.count();
      const atMs = performance.now() - began;
      looks.push({ atMs, done, inside });
      while (due.length > 0 && (due[0] as readonly [number, ToService])[0] <= atMs) service.tell((due.shift() as readonly [number, ToService])[1]);
      await sleep(LOOK_MS);
    }
  })();
  const result = await run;
  isOver = true;
  await watch;
  return { looks, result };
}

const answered = ({ result }: Turn, path: string): number => {
  const route = result.routes.find((one) => one.route === path);
  return route === undefined || route.sent === 0 ? 0 : route.right / route.sent;
};
/** Seconds from its return until half a second has 0.9 of the rate of before; Infinity when none has. */
function backAfter({ looks }: Turn): number {
  const before = rate(looks, 1000, DIES_AT * 1000);
  if (before < 1) return Infinity;                                      // it was not used before either
  const returned = (DIES_AT + DEAD_SECONDS) * 1000;
  for (let ms = 0; ms <= AFTER_SECONDS * 1000 - 500; ms += LOOK_MS) if (rate(looks, returned + ms, returned + ms + 500) >= 0.9 * before) return ms / 1000;
  return Infinity;
}

export const bench: Bench = async ({ cores, rounds, quick }) => {
  await using service = await Service.start();
  process.env['BENCH_WINDOWS'] = 'auto';
  process.env['BENCH_SERVICE'] = `http://127.0.0.1:${service.port}/`;
  await using generator = await GeneratorProcess.start();
  const figures = CONTENDERS.map(([name]) => ({ name, held: [] as number[], inside: [] as number[], steady: [] as number[], meanwhile: [] as number[], back: [] as number[] }));
  for (let round = 0; round < (quick ? 1 : Math.min(rounds, 5)); round++) {
    for (const [k, [name, file]] of CONTENDERS.entries()) {
      await using server = await ServerProcess.start(new URL(file, import.meta.url), { app: new URL('apps/downstream.ts', import.meta.url), port: 0, cores });
      const row = figures[k] as typeof figures[number];
      progress(`round ${round + 1}: ${name}, ${OVERLOAD} times its best`);
      const loaded = await observe(service, generator.run(plan(server.port, best * OVERLOAD, SECONDS, 10 + round)));
      row.held.push(rate(loaded.looks, WARM_SECONDS * 1000, SECONDS * 1000) / best);
      row.inside.push(median(loaded.looks.filter(({ atMs }) => atMs > WARM_SECONDS * 1000).map(({ inside }) => inside)));
      row.steady.push(answered(loaded, '/static'));
      await sleep(2000);
      progress(`round ${round + 1}: ${name}, it dies`);
      const dead = await observe(service, generator.run(plan(server.port, best * CALM, DIES_AT + DEAD_SECONDS + AFTER_SECONDS, 20 + round)), [[DIES_AT * 1000, 'die'], [(DIES_AT + DEAD_SECONDS) * 1000, 'live']]);
      row.meanwhile.push(answered(dead, '/static'));
      row.back.push(backAfter(dead));
    }
  }
  progress('');
  const share = (values: readonly number[]): string => `${(median(values) * 100).toFixed(1)} %`;
  console.log(`at its best it answers ${best.toFixed(0)} a second`);
  table(['server', 'of its best, 3x asked', 'requests in it', 'static answered', 'while it is dead', 'back after s'], figures.map(({ name, held, inside, steady, meanwhile, back }) => [name, share(held), round3(median(inside)), share(steady), share(meanwhile), median(back).toFixed(1)]));
  const [ours] = figures as [typeof figures[number]];
  return [
    { what: 'of the best of a service that thrashes, held', figure: share(ours.held), goal: '≥ 85 %', isMet: median(ours.held) >= 0.85 },
    { what: 'other requests while a service is dead', figure: share(ours.meanwhile), goal: '≥ 97 %', isMet: median(ours.meanwhile) >= 0.97 },
    { what: 'used again after its return', figure: `${median(ours.back).toFixed(1)} s`, goal: '≤ 1.5 s', isMet: median(ours.back) <= 1.5 },
  ];
};
