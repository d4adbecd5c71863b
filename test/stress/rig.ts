/** Real threads over one arena: each runs one role of structures-worker.ts and reports; the seed is printed, and can be given back. */
import { Worker } from 'node:worker_threads';
import { allocateMemory, layOut, markLive, mapMemory, type Layout, type LayoutOptions, type Memory } from '@capriccio/shared';

/** CAPRICCIO_LONG=1 multiplies the effort; CAPRICCIO_SEED repeats a run, as far as threads can be repeated. */
export const effort = process.env['CAPRICCIO_LONG'] === '1' ? 10 : 1;
export const seed: number = Number(process.env['CAPRICCIO_SEED'] ?? Date.now() % 2 ** 31) | 0 || 1;

/** xorshift32, as in test/chaos: whole numbers from 0 to 2^32 - 1. */
export function random(from: number): () => number {
  let state = from | 0 || 1;
  return () => { state ^= state << 13; state ^= state >>> 17; state ^= state << 5; return state >>> 0; };
}

/** What a thread is told. */
export interface Task {
  readonly role: string;
  readonly id: number;
  readonly buffer: SharedArrayBuffer;
  readonly layout: Layout;
  readonly seed: number;
  /** How much of whatever the role does. */
  readonly count: number;
  /** A word for each task, that counts how often it ran. */
  readonly counters: SharedArrayBuffer;
}
/** What it tells: counts by name. */
export type Report = Readonly<Record<string, number>>;

/** Runs a thread of `script` for each role, participant 0 first, until all have reported. Fails with the first error, or after `secondsMax`. */
export async function runThreads({ script = new URL('structures-worker.ts', import.meta.url), ...options }: Partial<LayoutOptions> & { script?: URL }, roles: readonly { role: string; count: number }[], countersMax = 1, secondsMax = 90 * effort): Promise<{ reports: Report[]; memory: Memory; counters: Int32Array }> {
  const layout = layOut({ participantCount: Math.max(2, roles.length), slotCount: 1_024, payloadBytes: 65_536, namesBytes: 1_024, ringCount: 1, ...options });
  const buffer = allocateMemory(layout);
  const memory = mapMemory(buffer, layout);
  for (let id = 0; id < roles.length; id++) markLive(memory, id);
  const counters = new SharedArrayBuffer(countersMax * 4);
  const workers: Worker[] = [];
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => { timer = setTimeout(() => reject(new Error(`not all have reported after ${secondsMax} s: one sleeps for ever, or turns for ever`)), secondsMax * 1_000); });
  try {
    const reports = roles.map(({ role, count }, id) => new Promise<Report>((resolve, reject) => {
      const worker = new Worker(script, { workerData: { role, id, buffer, layout, seed: seed + id * 7_919, count, counters } satisfies Task });
      workers.push(worker);
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.once('exit', (code) => reject(new Error(`${role} ${id} has exited with ${code} and not reported`)));
    }));
    return { reports: await Promise.race([Promise.all(reports), late]), memory, counters: new Int32Array(counters) };
  } finally {
    clearTimeout(timer);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

export const sum = (reports: readonly Report[], name: string): number => reports.reduce((total, report) => total + (report[name] ?? 0), 0);
