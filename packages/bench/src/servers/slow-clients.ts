/**
 * 10,000 idle keep-alive connections and 1,000 clients that send or read a byte a second: what do they cost light requests? Each server stands twice, once
 * with the crowd, in turns; the crowd pauses while the other is measured, so that its own processor time counts against the one that has it.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { interleave, median, ratio, round3, showRatio, table, type Bench, type Side, type SideResult } from '../harness.ts';
import { hammer } from '../load/hammer.ts';
import type { CrowdCount, FromCrowd, ToCrowd } from './crowd.ts';
import { endProcess, ServerProcess } from './server-process.ts';

const IDLE = 10_000;
const SLOW = 1000;
const CONNECTIONS = 64;
const ROUND_MS = 1000;
const GATHER_MS = 120_000;
/** Longer than a run. */
const KEEP_ALIVE_MS = 3_600_000;
const CONTENDERS = [['capriccio', 'capriccio.ts'], ['node:cluster', 'cluster.ts']] as const;
/** Of the limit of descriptors, the rest for what a process has besides. */
const USABLE = 0.8;

/** How much of the crowd one process may hold here. */
function share(): number {
  let limit = Infinity;
  try { limit = Number(/^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? Infinity); } catch { /* not Linux */ }
  return Math.min(1, limit * USABLE / (IDLE + SLOW));
}

class Crowd implements AsyncDisposable {
  readonly #child: ChildProcess;
  private constructor(child: ChildProcess) { this.#child = child; }

  /** Resolves when all its connections are there. */
  static async gather(port: number, part: number): Promise<Crowd> {
    const child = fork(new URL('crowd.ts', import.meta.url), [port, Math.floor(IDLE * part), Math.floor(SLOW * part)].map(String), { stdio: ['ignore', 2, 2, 'ipc'] });
    const crowd = new Crowd(child);
    try { await crowd.#hear('ready', GATHER_MS); } catch (error) { await endProcess(child); throw error; }
    return crowd;
  }
  #send(message: ToCrowd): void { this.#child.send(message); }
  #hear<T extends FromCrowd['type']>(type: T, withinMs: number): Promise<Extract<FromCrowd, { type: T }>> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => { reject(new Error(`no ${type} message from the crowd within ${withinMs} ms`)); }, withinMs);
      const onMessage = (message: FromCrowd): void => {
        if (message.type !== type) return;
        clearTimeout(timer);
        this.#child.off('message', onMessage);
        resolve(message as Extract<FromCrowd, { type: T }>);
      };
      this.#child.on('message', onMessage);
    });
  }
  pace(isOn: boolean): void { this.#send({ type: 'pace', isOn }); }
  async count(): Promise<CrowdCount> {
    const heard = this.#hear('count', 10_000);
    this.#send({ type: 'count' });
    return (await heard).count;
  }
  [Symbol.asyncDispose](): Promise<void> { return endProcess(this.#child); }
}

export const bench: Bench = async ({ cores, rounds }) => {
  const part = share();
  await using stack = new AsyncDisposableStack();
  const crowds: Crowd[] = [];
  const sides: Side[] = [];
  for (const [name, file] of CONTENDERS) {
    const start = async (): Promise<ServerProcess> => stack.use(await ServerProcess.start(new URL(file, import.meta.url), { app: new URL('apps/patient.ts', import.meta.url), port: 0, cores, keepAliveMs: KEEP_ALIVE_MS }));
    const [free, crowded] = [await start(), await start()];
    const crowd = stack.use(await Crowd.gather(crowded.port, part));
    crowd.pace(false);
    crowds.push(crowd);
    const measure = async (port: number, isPaced: boolean): Promise<number> => {
      crowd.pace(isPaced);
      const answers = await hammer({ port, path: '/', connections: CONNECTIONS, depth: 1, ms: ROUND_MS });
      crowd.pace(false);
      return answers / ROUND_MS * 1000;
    };
    sides.push({ name, measure: () => measure(free.port, false) }, { name: `${name}, with the crowd`, measure: () => measure(crowded.port, true) });
  }
  for (const { measure } of sides) await measure();
  const results = await interleave(sides, rounds, { label: 'light requests', unit: 'requests/s' }) as [SideResult, SideResult, SideResult, SideResult];
  const counts = await Promise.all(crowds.map((crowd) => crowd.count()));
  table(['server', 'requests/s', 'of its own without', 'connections open', 'ended'], results.map((result, k) => {
    const count = counts[k >> 1] as CrowdCount;
    return k % 2 === 0 ? [result.name, round3(median(result.rounds))] : [result.name, round3(median(result.rounds)), showRatio(ratio(result, results[k - 1] as SideResult)), String(count.open), String(count.ended)];
  }));
  const kept = ratio(results[1], results[0]);
  return [{ what: `light throughput beside ${Math.floor(IDLE * part)} idle and ${Math.floor(SLOW * part)} slow clients, of without`, figure: `${showRatio(kept)} (node:cluster ${showRatio(ratio(results[3], results[2]))})`, goal: '≥ 0.9', isMet: kept.median >= 0.9 }];
};
