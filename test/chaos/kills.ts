/** The chaos run: workers are killed at random moments while tasks of every kind are under way. What must hold is checked by who calls it. */
import type { Worker } from 'node:worker_threads';
import { createPool, isCapriccioError, type Remote } from 'capriccio';

type Tasks = Remote<typeof import('../fixtures/chaos-tasks.ts')>;

export interface ChaosReport {
  kills: number; seconds: number; started: number; right: number; lost: number; lostUnstarted: number; expectedErrors: number;
  wrong: string[]; ranTwice: number; ranThoughUnstarted: number; retried: number; slotsHeld: number; outstanding: number; hung: number;
}

const TASKS_MAX = 4_000_000;
/** A worker lives at most so many times what it needs to start: some die while they start, most while they work. */
const LIVES = 3;

/** xorshift32: the same seed, the same moments. */
function random(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => { state ^= state << 13; state ^= state >>> 17; state ^= state << 5; return (state >>> 0) / 2 ** 32; };
}

export async function chaos({ kills, cores, seed, width, secondsMax }: { kills: number; cores: number; seed: number; width: number; secondsMax: number }): Promise<ChaosReport> {
  const chance = random(seed);
  const report: ChaosReport = { kills: 0, seconds: 0, started: 0, right: 0, lost: 0, lostUnstarted: 0, expectedErrors: 0, wrong: [], ranTwice: 0, ranThoughUnstarted: 0, retried: 0, slotsHeld: 0, outstanding: 0, hung: 0 };
  const enough = Promise.withResolvers<void>();
  let isStopping = false;
  let lifeMsMax = 0;
  /** Every worker gets a random length of life, from while it starts to well after. */
  const doom = (worker: Worker): void => {
    setTimeout(() => {
      if (isStopping || report.kills >= kills) return;
      if (++report.kills === kills) enough.resolve();
      void worker.terminate();
    }, chance() * lifeMsMax);
  };
  const first: Worker[] = [];
  const note = (worker: Worker): void => { first.push(worker); };
  process.on('worker', note);
  const starting = performance.now();
  const pool = await createPool({ cores, memory: { slots: 4096, payloadBytes: 8 * 2 ** 20 } });
  lifeMsMax = (performance.now() - starting) * LIVES;
  process.off('worker', note);
  process.on('worker', doom);
  for (const worker of first) doom(worker);
  pool.on('warning', () => { /* back-off after kills during start is expected here */ });
  const tasks = pool.module<typeof import('../fixtures/chaos-tasks.ts')>(new URL('../fixtures/chaos-tasks.ts', import.meta.url));
  const counters = new SharedArrayBuffer(TASKS_MAX * 4);
  const counts = new Int32Array(counters);
  const began = performance.now();

  const one = async (): Promise<void> => {
    while (!isStopping && report.started < TASKS_MAX) await runOne(tasks, counters, counts, report.started++, chance, report);
  };
  const loops = Array.from({ length: width }, one);
  const limit = setTimeout(enough.resolve, secondsMax * 1000);
  await enough.promise;
  clearTimeout(limit);
  isStopping = true;
  const late = Symbol('late');
  let timer: NodeJS.Timeout | undefined;
  const ended = await Promise.race([Promise.all(loops), new Promise((resolve) => { timer = setTimeout(resolve, 30_000, late); })]);
  clearTimeout(timer);
  const { calls, memory } = pool.stats();
  report.outstanding = calls.outstanding;
  report.hung = ended === late ? calls.outstanding : 0;
  report.slotsHeld = 4096 - memory.slotsFree;
  report.seconds = Math.round((performance.now() - began) / 100) / 10;
  process.off('worker', doom);
  await pool.close({ graceMs: 1000 });
  return report;
}

/** One task of a random kind, its answer checked. */
async function runOne(tasks: Tasks, counters: SharedArrayBuffer, counts: Int32Array, id: number, chance: () => number, report: ChaosReport): Promise<void> {
  const kind = Math.floor(chance() * 11);
  const isIdempotent = kind === 8;
  try {
    const fault = await perform(kind, tasks, counters, id, chance);
    if (fault === undefined) report.right++;
    else report.wrong.push(`task ${id} of kind ${kind}: ${fault}`);
    if (!isIdempotent && (counts[id] as number) > 1) report.ranTwice++;
    if (isIdempotent && (counts[id] as number) > 1) report.retried++;
  } catch (error) {
    if (isCapriccioError(error, 'CAP_ERR_WORKER_LOST')) {
      report.lost++;
      if (error.started === false) { report.lostUnstarted++; if ((counts[id] as number) > 0) report.ranThoughUnstarted++; }
      if (!isIdempotent && (counts[id] as number) > 1) report.ranTwice++;
    } else if (error instanceof RangeError && error.message === `task ${id}`) report.expectedErrors++;
    else report.wrong.push(`task ${id} of kind ${kind}: ${String(error)}`);
  }
}

const SIZES = [0, 40, 64, 65, 1000, 5000, 33_000, 70_000, 300_000];

async function perform(kind: number, tasks: Tasks, counters: SharedArrayBuffer, id: number, chance: () => number): Promise<string | undefined> {
  const is = (value: unknown, expected: unknown): string | undefined => (Object.is(value, expected) ? undefined : `${String(value)} instead of ${String(expected)}`);
  switch (kind) {
    case 0: return is(await tasks.plain(counters, id), id + 1);
    case 1: return is(await tasks.tiny(id), id + 1);
    case 2: return is(await tasks.waiting(counters, id), id + 1);
    case 3: {
      const payload = new Uint8Array(SIZES[Math.floor(chance() * SIZES.length)] as number).fill(id);
      const answer = await tasks.bytes(counters, id, payload);
      if (answer.length !== payload.length) return `length ${answer.length} instead of ${payload.length}`;
      for (let k = 0; k < answer.length; k += 97) if (answer[k] !== ((payload[k] as number) ^ 0xff)) return `byte ${k} is wrong`;
      return undefined;
    }
    case 4: {
      const answer = await tasks.record(counters, id, { id, text: `text ${id}`, list: [1, 2, id] });
      return is(`${answer.id} ${answer.text} ${answer.sum} ${answer.when.getTime()}`, `${id} TEXT ${id} ${3 + id} ${id}`);
    }
    case 5: return `answered ${String(await tasks.throws(counters, id))}`;
    case 6: { const length = SIZES[Math.floor(chance() * 7)] as number; return is((await tasks.text(counters, id, length)).length, length + String(id).length); }
    case 7: return is(await tasks.family(counters, id, 2), 4 + 4 + 1);
    case 8: return is(await tasks.waiting.with({ idempotent: true })(counters, id), id + 1);
    case 9: { let sum = 0; for await (const k of tasks.counts(30)) sum += k; return is(sum, 435); }
    default: { const buffer = new Uint8Array(10_000).fill(id & 255); return is((await tasks.bytes.with({ transfer: [buffer.buffer] })(counters, id, buffer)).length, 10_000); }
  }
}
