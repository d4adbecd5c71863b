// One contender's turn: start its server, warm it up, drive the plan, read what its cores did, end it.
import { availableParallelism, cpus } from 'node:os';
import { GeneratorProcess } from '../load/generator-process.ts';
import type { LoadPlan, LoadProgress, LoadResult } from '../load/plan.ts';
import { ServerProcess } from '../servers/server-process.ts';
import type { PartUsage, ServerUsage } from '../servers/protocol.ts';
import type { ContenderName } from './options.ts';

const contenders: Record<ContenderName, { title: string; file: string }> = {
  capriccio: { title: 'Capriccio', file: 'capriccio.ts' },
  http: { title: 'node:http, one thread', file: 'http.ts' },
  cluster: { title: 'node:cluster', file: 'cluster.ts' },
};

/**
 * Half the rate, for cold code is several times slower: nobody should be overloaded by the warm-up itself. As long as the last contender needs: with back
 * lanes there are two isolates more that see each function for the first time (heavy routes' p99 after 3 s 180 to 460 ms, after 7 s 80 to 250, after 20 s
 * 70 to 140), and in 12 s one page in ten has not been asked for yet. What goes wrong meanwhile is shown.
 */
const warmUp = { seconds: 20, share: 0.5 };

export interface Turn {
  name: ContenderName;
  title: string;
  load: LoadResult;
  /** What each core, thread or process did while the load ran. */
  parts: PartUsage[];
  serverCpuUs: number;
  /** CPU that neither server nor generator used: what else ran on the machine meanwhile. Undefined where it cannot be told. */
  othersCpuUs: number | undefined;
  /** Wrong answers and failures while warming up: they count, their latencies do not. */
  warmUp: { wrong: Record<string, number>; failed: Record<string, number> };
}

export interface TurnOptions {
  app: URL;
  cores: number;
  /** Without a port: each contender listens on one of its own. */
  plan: Omit<LoadPlan, 'port'>;
  onProgress: (text: string) => void;
}

export async function takeTurn(name: ContenderName, { app, cores, plan, onProgress }: TurnOptions): Promise<Turn> {
  const { title, file } = contenders[name];
  onProgress(`${title}: starting`);
  await using server = await ServerProcess.start(new URL(`../servers/${file}`, import.meta.url), { app, port: 0, cores });
  await using generator = await GeneratorProcess.start();
  const { port } = server;
  const show = (phase: string) => (progress: LoadProgress): void => { onProgress(`${title}: ${phase} ${describe(progress)}`); };
  // Other arrivals than the measured ones, or a cache would have seen exactly them.
  const warm = await generator.run({ ...plan, port, ratePerSecond: plan.ratePerSecond * warmUp.share, seconds: warmUp.seconds, seed: plan.seed + 1 }, show('warming up'));
  const machineBefore = machineCpuUs();
  const before = await server.usage();
  const load = await generator.run({ ...plan, port }, show('under load'));
  const used = difference(before, await server.usage());
  const othersCpuUs = machineBefore === undefined ? undefined : Math.max(0, (machineCpuUs() ?? 0) - machineBefore - used.serverCpuUs - load.cpuUs);
  return { name, title, load, ...used, othersCpuUs, warmUp: { wrong: warm.total.wrong, failed: warm.total.failed } };
}

/** Time that the processors were busy since boot. Undefined in a container that sees processors it may not use. */
function machineCpuUs(): number | undefined {
  const processors = cpus();
  if (processors.length !== availableParallelism()) return undefined;
  return processors.reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0) * 1000;
}

function difference(before: ServerUsage, after: ServerUsage): { parts: PartUsage[]; serverCpuUs: number } {
  const parts = after.parts.map(({ name, busyUs, threadsRun }) => {
    const earlier = before.parts.find((part) => part.name === name);
    return { name, busyUs: busyUs - (earlier?.busyUs ?? 0), threadsRun: threadsRun - (earlier?.threadsRun ?? 0) };
  });
  return { parts, serverCpuUs: after.cpuUs - before.cpuUs };
}

function describe({ elapsedSeconds, seconds, sent, answered, failed, inFlight }: LoadProgress): string {
  const shown = Math.min(elapsedSeconds, seconds).toFixed(1);
  return `${shown}/${seconds} s, ${sent} sent, ${answered} answered, ${inFlight} waiting${failed === 0 ? '' : `, ${failed} not right`}`;
}
