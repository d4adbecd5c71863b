// The open loop: requests start when the schedule says, whether or not earlier ones have been answered, and latency counts
// from that moment. A server that stalls is charged for every request it kept waiting, not only for one per connection.
// Source: Tene, How NOT to Measure Latency, 2013 (coordinated omission); Schroeder et al., Open Versus Closed, NSDI 2006.
import { hash } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { encodeRequest } from './client.ts';
import type { Connection, Outcome, WireRequest } from './client.ts';
import { nowUs } from './clock.ts';
import { Connections } from './connections.ts';
import { gather } from './gather.ts';
import type { PacerData } from './pacer.ts';
import { summarise } from './percentiles.ts';
import type { LoadPlan, LoadProgress, LoadResult, PlannedRequest, RouteResult } from './plan.ts';
import { inTurn, makeSchedule } from './schedule.ts';
import type { Schedule } from './schedule.ts';

const progressMs = 200;
/** Between planning and the first arrival: the pacer starts and the first connections open. */
const leadUs = 300_000;

/** What the driver computes of a right answer, and this process of each answer it receives. */
export function bodyHash(body: Buffer | Uint8Array): string {
  return hash('sha256', body, 'base64url');
}

/** Runs one plan to its end. Ends at most `timeoutMs` after the last arrival. Rejects when the plan cannot be run at all. */
export async function runLoad(plan: LoadPlan, onProgress: (progress: LoadProgress) => void = () => {}): Promise<LoadResult> {
  const run = new Run(plan, plan.gathering === undefined ? [] : await gather(plan, plan.gathering, plan.connections.initial));
  const timer = setInterval(() => { onProgress(run.progress()); }, progressMs);
  try {
    return await run.finish();
  } finally {
    clearInterval(timer);
  }
}

interface Tally { route: string; sent: number; right: number; wrong: Record<string, number>; failed: Record<string, number>; latenciesUs: number[]; refusalsUs: number[]; rightByTenth: number[] }

class Run {
  readonly #plan: LoadPlan;
  readonly #schedule: Schedule;
  readonly #requests: PlannedRequest[];
  readonly #wire: WireRequest[];
  readonly #connections: Connections;
  readonly #tallies: Map<string, Tally>;
  readonly #lateUs: number[] = [];
  readonly #startUs: number = nowUs() + leadUs;
  readonly #cpuAtStart: NodeJS.CpuUsage = process.cpuUsage();
  readonly #ended: PromiseWithResolvers<void> = Promise.withResolvers();
  #sent = 0;
  #answered = 0;
  #failed = 0;

  constructor(plan: LoadPlan, ready: Connection[]) {
    this.#plan = plan;
    const phases = [plan, ...plan.phases ?? []];
    this.#schedule = inTurn(phases.map((phase, index) => ({ schedule: makeSchedule({ ...plan, ...phase, seed: plan.seed + index, weights: phase.requests.map(({ weight }) => weight) }), seconds: phase.seconds, requests: phase.requests.length })));
    this.#requests = phases.flatMap(({ requests }) => requests);
    this.#wire = this.#requests.map((request) => encodeRequest(request, `${plan.host}:${plan.port}`));
    this.#connections = new Connections(plan, plan.connections, ready);
    this.#tallies = new Map(this.#requests.map(({ route }) => [route, emptyTally(route)]));
  }

  get #seconds(): number { return [this.#plan, ...this.#plan.phases ?? []].reduce((sum, { seconds }) => sum + seconds, 0); }

  progress(): LoadProgress {
    const elapsedSeconds = Math.max(0, (nowUs() - this.#startUs) / 1e6);
    return { elapsedSeconds, seconds: this.#seconds, sent: this.#sent, answered: this.#answered, failed: this.#failed, inFlight: this.#sent - this.#answered };
  }

  async finish(): Promise<LoadResult> {
    if (this.#schedule.atUs.length > 0) await this.#keepSchedule();
    const wallSeconds = (nowUs() - this.#startUs) / 1e6;
    this.#connections.close();
    const { user, system } = process.cpuUsage(this.#cpuAtStart);
    const tallies = [...this.#tallies.values()];
    return {
      routes: tallies.map(toResult),
      total: toResult(together(tallies)),
      wallSeconds,
      lateUs: summarise(this.#lateUs),
      cpuUs: user + system,
      connectionsMax: this.#connections.openMax,
    };
  }

  async #keepSchedule(): Promise<void> {
    const stop = new Int32Array(new SharedArrayBuffer(4));
    const workerData: PacerData = { atUs: this.#schedule.atUs, startUs: this.#startUs, stop };
    const pacer = new Worker(new URL('pacer.ts', import.meta.url), { workerData, name: 'pacer' });
    pacer.on('message', (due: number) => { this.#sendUpTo(due); });
    pacer.on('error', this.#ended.reject);
    try {
      await this.#ended.promise;
    } finally {
      Atomics.store(stop, 0, 1);
      Atomics.notify(stop, 0);
      await pacer.terminate();
    }
  }

  #sendUpTo(due: number): void {
    while (this.#sent < due) this.#start(this.#sent++);
  }

  #start(arrival: number): void {
    const index = this.#schedule.request[arrival] ?? 0;
    const request = this.#requests[index];
    const wire = this.#wire[index];
    const tally = this.#tallies.get(request?.route ?? '');
    if (request === undefined || wire === undefined || tally === undefined) throw new RangeError(`the plan has no request ${index}`);
    const intendedUs = this.#startUs + (this.#schedule.atUs[arrival] ?? 0);
    tally.sent++;
    this.#lateUs.push(Math.max(0, nowUs() - intendedUs));
    this.#connections.acquire((connection) => {
      const leftMs = this.#plan.timeoutMs - (nowUs() - intendedUs) / 1000;
      connection.send(wire, leftMs, (outcome) => {
        const latencyUs = nowUs() - intendedUs;
        this.#connections.release(connection);
        this.#record(tally, request, outcome, latencyUs);
      });
    });
  }

  #record(tally: Tally, request: PlannedRequest, outcome: Outcome, latencyUs: number): void {
    const verdict = judge(request, outcome);
    if (verdict === 'right') {
      tally.right++;
      const tenth = Math.max(0, Math.floor((nowUs() - this.#startUs) / 1e5));
      tally.rightByTenth[tenth] = (tally.rightByTenth[tenth] ?? 0) + 1;
    }
    else if (verdict.startsWith('wrong')) count(tally.wrong, verdict);
    else count(tally.failed, verdict);
    // A time-out stands for a latency of at least that much; leaving it out would make a stalled server look quick.
    if (verdict === 'right' || verdict === 'timeout') tally.latenciesUs.push(latencyUs);
    if (verdict === 'status 503') tally.refusalsUs.push(latencyUs);
    if (verdict !== 'right') this.#failed++;
    this.#answered++;
    if (this.#answered === this.#schedule.atUs.length) this.#ended.resolve();
  }
}

/** `right`, `wrong …`, or why there is no answer. */
function judge(request: PlannedRequest, outcome: Outcome): string {
  if ('failure' in outcome) return outcome.failure;
  const { status, body } = outcome.response;
  if (status !== request.status) return status >= 500 ? `status ${status}` : `wrong status ${status}`;
  return bodyHash(body) === request.bodyHash ? 'right' : 'wrong body';
}

function count(counts: Record<string, number>, kind: string): void {
  counts[kind] = (counts[kind] ?? 0) + 1;
}

function emptyTally(route: string): Tally {
  return { route, sent: 0, right: 0, wrong: {}, failed: {}, latenciesUs: [], refusalsUs: [], rightByTenth: [] };
}

function toResult({ latenciesUs, refusalsUs, ...rest }: Tally): RouteResult {
  return { ...rest, refusedUs: summarise(refusalsUs), rightByTenth: Array.from(rest.rightByTenth, (count) => count ?? 0), latencyUs: summarise(latenciesUs) };
}

function together(tallies: Tally[]): Tally {
  const all = emptyTally('all');
  for (const { sent, right, wrong, failed, latenciesUs, refusalsUs, rightByTenth } of tallies) {
    all.sent += sent;
    all.right += right;
    for (const [kind, times] of Object.entries(wrong)) all.wrong[kind] = (all.wrong[kind] ?? 0) + times;
    for (const [kind, times] of Object.entries(failed)) all.failed[kind] = (all.failed[kind] ?? 0) + times;
    rightByTenth.forEach((count, tenth) => { all.rightByTenth[tenth] = (all.rightByTenth[tenth] ?? 0) + count; });
    all.latenciesUs = all.latenciesUs.concat(latenciesUs);
    all.refusalsUs = all.refusalsUs.concat(refusalsUs);
  }
  return all;
}
