/**
 * The storm: calls of every kind, threads that share locks and a channel across cores, and requests on connections go on while workers are killed, exit,
 * throw, run out of memory and block, and the pool is resized and restarted. What must hold is checked by who calls it. All choices come from the seed;
 * their moments depend on the machine.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { createPool, isCapriccioError, type Pool, type Remote } from 'capriccio';
import { FIRST_ITEM, MUTEX_INSIDE, PERMITS, WRITERS, violations, type Message } from '../fixtures/shared-chaos.ts';

type Tasks = Remote<typeof import('../fixtures/chaos-tasks.ts')>;
type Shared = Remote<typeof import('../fixtures/shared-chaos.ts')>;
type Deadly = Remote<typeof import('../fixtures/core/deadly.ts')>;
type Blocks = Remote<typeof import('../fixtures/core/blocks.ts')>;

/**
 * What the process holds while nothing runs: bytes, and slots of main's. `native`: what is held of malloc, with what that keeps from being given
 * back, where it has one arena only (storm-process.ts); 0 where that cannot be seen. `lives`: workers that have begun so far.
 */
interface Level { readonly heap: number; readonly external: number; readonly native: number; readonly rss: number; readonly payload: number; readonly slots: number; readonly lives: number }

/** What a request is told whose worker died: before it had begun, and, on a back lane, afterwards (serve: hand-over.ts); in front its connection ends. */
const CUT = [502, 503];

export interface StormReport {
  events: Record<string, number>; calls: { ended: number; lost: number; quarantined: number }; requests: { answered: number; cut: number };
  wrong: string[]; hung: number; slotsHeld: number; descriptors: number[]; threads: number[]; seconds: number;
  /** After each part of the storm, at rest. */
  levels: Level[];
}

const CORES = 2;
const ITEMS = 3;
const SLOTS = 4096;
/** The storm rests so often, to see what is left. */
const PARTS = 4;
const count = (folder: string): number => { try { return readdirSync(folder).length; } catch { return 0; } };
/** Threads of this process that are not V8's or libuv's own. */
const threadCount = (): number => { try { return readdirSync('/proc/self/task').filter((id) => { try { return /^(?:storm|node-Worker|WorkerThread)/.test(readFileSync(`/proc/self/task/${id}/comm`, 'utf8')); } catch { return false; } }).length; } catch { return 0; } };

export async function storm({ seed, seconds }: { seed: number; seconds: number }): Promise<StormReport> {
  let state = seed | 0 || 1;
  const chance = (): number => { state ^= state << 13; state ^= state >>> 17; state ^= state << 5; return (state >>> 0) / 2 ** 32; };
  const report: StormReport = { events: {}, calls: { ended: 0, lost: 0, quarantined: 0 }, requests: { answered: 0, cut: 0 }, wrong: [], hung: 0, slotsHeld: 0, descriptors: [], threads: [], seconds: 0, levels: [] };
  const workers = new Set<Worker>();
  let lives = 0;
  const note = (worker: Worker): void => { lives++; workers.add(worker); worker.once('exit', () => { workers.delete(worker); }); };
  process.on('worker', note);
  const measure = (): void => { report.descriptors.push(count('/proc/self/fd')); report.threads.push(threadCount()); };
  measure();
  const pool = await createPool({ cores: CORES, name: 'storm', audit: true, cancelGraceMs: 300, memory: { slots: SLOTS, payloadBytes: 8 * 2 ** 20 }, resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 8 }, execArgv: ['--conditions=capriccio-source', '--disable-warning=CapriccioRequestError'] });
  pool.on('warning', ({ message }) => { if (/corrupt/.test(message)) report.wrong.push(message); });
  const server = await pool.serve(new URL('../fixtures/core/serve/paths.ts', import.meta.url), { port: 0, graceMs: 2000 });
  const began = performance.now();
  for (let part = 0; part < PARTS && report.hung === 0; part++) {
    await inTime('blow', seconds / PARTS + 75, pool, blow(pool, server.url, workers, seconds / PARTS, chance, report));
    await inTime('resize', 30, pool, pool.resize(CORES));
    await calm(pool);
    await areFree(pool, report);
    report.levels.push(await levelOf(pool, lives));
  }
  report.slotsHeld = SLOTS - pool.stats().memory.slotsFree;
  report.seconds = Math.round((performance.now() - began) / 100) / 10;
  await inTime('close', 30, pool, pool.close({ graceMs: 2000 }));
  process.off('worker', note);
  await delay(200);
  measure();
  return report;
}

/** @throws with what the pool knows of itself, where it takes longer: so many seconds that only something that hangs takes them. */
async function inTime(what: string, seconds: number, pool: Pool, done: Promise<unknown>): Promise<void> {
  const late = Symbol('late');
  const timer = new AbortController();
  const ended = await Promise.race([done, delay(seconds * 1000, late, { signal: timer.signal }).catch(() => undefined)]);
  timer.abort();
  if (ended !== late) return;
  const threads = await Promise.race([pool.threads(), delay(5000, 'no list of threads within 5 s')]).catch(String);
  throw new Error(`${what} did not end within ${seconds} s: ${JSON.stringify({ stats: pool.stats(), health: pool.health(), threads }, undefined, 1)}`);
}

/**
 * Nobody holds or waits for what threads have shared, however many of them have died with it; and nobody has been beside an owner. Who is told here that
 * the last owner died mends what it was in, as every owner does.
 */
async function areFree(pool: Pool, report: StormReport): Promise<void> {
  report.wrong.push(...violations(cells));
  const limit = { timeoutMs: 5000 };
  try {
    { using _ = await pool.semaphore('chaos permits', PERMITS).acquire(PERMITS, limit); }
    { using held = await pool.rwlock('chaos lock').write(limit); if (held.ownerDied) cells[WRITERS] = 0; }
    { using held = await pool.mutex('chaos').lock(limit); if (held.ownerDied) cells[MUTEX_INSIDE] = 0; }
  } catch (error) { report.wrong.push(`at rest: ${String(error)}`); }
}

async function blow(pool: Pool, url: string, workers: ReadonlySet<Worker>, seconds: number, chance: () => number, report: StormReport): Promise<void> {
  const end = performance.now() + seconds * 1000;
  const isOver = (): boolean => performance.now() > end;
  const load = [
    ...Array.from({ length: 30 }, async () => { while (!isOver()) await oneCall(pool, chance, report); }),
    ...Array.from({ length: 6 }, async () => { await someRequests(url, isOver, chance, report); }),
    (async () => { while (!isOver()) { await oneEvent(pool, [...workers], chance, report); await delay(20 + chance() * 250); } })(),
  ];
  const late = Symbol('late');
  let timer: NodeJS.Timeout | undefined;
  let hasEnded = false;
  const drained = drainChannel(pool, () => hasEnded);
  const ended = await Promise.race([Promise.all(load), new Promise((resolve) => { timer = setTimeout(resolve, seconds * 1000 + 60_000, late); })]);
  clearTimeout(timer);
  hasEnded = true;
  await drained;
  if (ended === late) report.hung = pool.stats().calls.outstanding + 1;
}

/** Takes what threads send, until they have ended: they wait for room. */
async function drainChannel(pool: Pool, isOver: () => boolean): Promise<void> {
  const channel = pool.channel<Message>('chaos channel', { capacity: 16, bytes: 8192 });
  while (!isOver() || channel.length > 0) {
    try { await channel.recv({ timeoutMs: 50 }); } catch (error) { if (!isCapriccioError(error, 'CAP_ERR_TIMEOUT')) throw error; }
  }
}

/** When the collector has done what it can. */
async function levelOf(pool: Pool, lives: number): Promise<Level> {
  for (let k = 0; k < 3; k++) { globalThis.gc?.(); await delay(20); }
  const { heapUsed, external, rss } = process.memoryUsage();
  const { slotsFree, payloadBytes } = pool.stats().memory;
  return { heap: heapUsed, external, native: nativeBytes(), rss, payload: payloadBytes, slots: SLOTS - slotsFree, lives };
}
/** Resident bytes of the program break, when glibc has given back what nobody holds; 0 where the process cannot ask for that (it needs --experimental-ffi). */
function nativeBytes(): number {
  try {
    const { dlopen } = process.getBuiltinModule('node:ffi') as unknown as { dlopen(library: null, functions: object): { functions: { malloc_trim(pad: bigint): number } } };
    dlopen(null, { malloc_trim: { arguments: ['u64'], return: 'i32' } }).functions.malloc_trim(0n);
    return Number(/\[heap\](?:\n.*)*?\nRss: +(\d+)/.exec(readFileSync('/proc/self/smaps', 'utf8'))?.[1] ?? 0) * 1024;
  } catch { return 0; }
}

/** Until there are as many workers as there should be: bounded by whoever awaits the storm. */
async function calm(pool: Pool): Promise<void> {
  const end = performance.now() + 20_000;
  for (;;) {
    const { activations, calls } = pool.stats();
    if (pool.health().status === 'ok' && activations.spares === 1 && activations.blocked + activations.retiring === 0 && calls.outstanding === 0) return;
    if (performance.now() > end) throw new Error(`the pool did not come to rest: ${JSON.stringify({ health: pool.health(), activations, calls })}`);
    await delay(20);
  }
}

/** What threads note of what they share. */
const cells = new Int32Array(new SharedArrayBuffer(4 * (FIRST_ITEM + ITEMS)));
const tasksOf = (pool: Pool): Tasks => pool.module<typeof import('../fixtures/chaos-tasks.ts')>(new URL('../fixtures/chaos-tasks.ts', import.meta.url));

async function oneCall(pool: Pool, chance: () => number, report: StormReport): Promise<void> {
  const tasks = tasksOf(pool);
  const shared: Shared = pool.module<typeof import('../fixtures/shared-chaos.ts')>(new URL('../fixtures/shared-chaos.ts', import.meta.url));
  const id = Math.floor(chance() * 1e6);
  const size = Math.floor(chance() * 40_000);
  const kinds: (() => Promise<[unknown, unknown]>)[] = [
    async () => [await tasks.tiny(id), id + 1],
    async () => [await tasks.sized(new Uint8Array(size)), size],
    async () => [await tasks.leaf(2, id), 4],
    async () => { let sum = 0; for await (const k of tasks.counts(20)) sum += k; return [sum, 190]; },
    async () => [await tasks.sized.with({ affinity: id % 3 })(new Uint8Array(100)), 100],
    async () => { const bytes = new Uint8Array(9000); return [await tasks.sized.with({ transfer: [bytes.buffer] })(bytes), 9000]; },
    async () => [await tasks.tiny.with({ idempotent: true })(id), id + 1],
    async () => [await tasks.tiny.with({ lane: 'back' })(id), id + 1],
    async () => [await shared.owns(cells.buffer, id + 1, id % 3), undefined],
    async () => [await shared.takes(1 + id % PERMITS, id % 3), undefined],
    async () => [await (id % 2 === 0 ? shared.reads(cells.buffer, id % 3) : shared.writes(cells.buffer, id + 1, id % 3)), undefined],
    async () => [await shared.signals(cells.buffer, 3), undefined],
    async () => [await shared.sends(cells.buffer, 0, ITEMS), undefined],
  ];
  try {
    const [answer, right] = await (kinds[Math.floor(chance() * kinds.length)] as (typeof kinds)[0])();
    if (!Object.is(answer, right)) report.wrong.push(`${String(answer)} instead of ${String(right)}`);
  } catch (error) {
    if (isCapriccioError(error, 'CAP_ERR_WORKER_LOST')) { report.calls.lost++; if (/quarantined/.test(error.message)) report.calls.quarantined++; } else report.wrong.push(String(error));
  }
  report.calls.ended++;
}

/** Requests on a few keep-alive connections; one whose worker dies is cut, and no other way to fail is right. */
async function someRequests(url: string, isOver: () => boolean, chance: () => number, report: StormReport): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 2 });
  while (!isOver()) {
    const wait = Math.floor(chance() * 5);
    await new Promise<void>((resolve) => {
      const settle = (fault?: string): void => { if (fault === undefined) report.requests.answered++; else if (fault === 'cut') report.requests.cut++; else report.wrong.push(fault); resolve(); };
      const req = get(`${url}/wait?ms=${wait}`, { agent, timeout: 20_000 }, (res) => {
        let text = '';
        res.on('data', (chunk) => { text += chunk; }).on('end', () => settle(res.statusCode === 200 ? text === 'waited' ? undefined : `answer ${text}` : CUT.includes(res.statusCode ?? 0) ? 'cut' : `status ${res.statusCode}`)).on('error', () => settle('cut'));
      });
      req.on('timeout', () => { settle('a request that was not answered within 20 s'); req.destroy(); }).on('error', () => settle('cut'));
    });
  }
  agent.destroy();
}

async function oneEvent(pool: Pool, workers: readonly Worker[], chance: () => number, report: StormReport): Promise<void> {
  const deadly: Deadly = pool.module<typeof import('../fixtures/core/deadly.ts')>(new URL('../fixtures/core/deadly.ts', import.meta.url));
  const blocks: Blocks = pool.module<typeof import('../fixtures/core/blocks.ts')>(new URL('../fixtures/core/blocks.ts', import.meta.url));
  const isExpected = (error: unknown): void => { if (!isCapriccioError(error, 'CAP_ERR_WORKER_LOST')) report.wrong.push(String(error)); };
  const events: Record<string, () => unknown> = {
    kill: () => workers[Math.floor(chance() * workers.length)]?.terminate(),
    exit: () => deadly.exits().catch(isExpected),
    throw: () => deadly.throwsFromTimer().catch(isExpected),
    memory: () => deadly.eatsMemory().catch(isExpected),
    exec: () => blocks.execs(50 + Math.floor(chance() * 300)).catch(isExpected),
    execInBack: () => blocks.execs.with({ lane: 'back' })(50 + Math.floor(chance() * 300)).catch(isExpected),
    wait: () => blocks.waits(50 + Math.floor(chance() * 300)).catch(isExpected),
    sync: () => blocks.sync(50 + Math.floor(chance() * 100)).catch(isExpected),
    spin: () => blocks.spins(50 + Math.floor(chance() * 200)).catch(isExpected),
    poison: () => deadly.exits.with({ idempotent: true })().catch((error: unknown) => { isExpected(error); if (!/quarantined|tried/.test(String(error))) report.wrong.push(`not quarantined: ${String(error)}`); else report.calls.quarantined++; }),
    resize: () => pool.resize(1 + Math.floor(chance() * 4)),
    restart: () => pool.restart(),
  };
  const names = Object.keys(events);
  const name = names[Math.floor(chance() * names.length)] as string;
  report.events[name] = (report.events[name] ?? 0) + 1;
  const done = Promise.resolve((events[name] as () => unknown)()).catch((error: unknown) => { report.wrong.push(`${name}: ${String(error)}`); });
  if (chance() < 0.5) await done;
}
