/* oxlint-disable require-yield -- frames that never wait are measured too */
/**
 * What threads and their primitives cost, in a steady state, beside native promises, async-mutex, p-limit, @thi.ng/csp's channels and Effect's fibers. Frames by direct forms are
 * what compiled async functions use; the awaited forms are what uncompiled code uses. Figures are ns of processor time an operation, lower is better.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { Mutex as AsyncMutex } from 'async-mutex';
import { channel as cspChannel } from '@thi.ng/csp';
import { Effect, Fiber, Queue, Semaphore as EffectSemaphore } from 'effect';
import pLimit from 'p-limit';
import { directOf, Scheduler, SUSPENDED, type LocalThread } from '@capriccio/worker';
import { createPool } from 'capriccio';
import { Channel, Mutex, sleep, spawn, type Thread } from 'capriccio/thread';
import { awaits, check, locks, ownItems, receives, sends, spawns, tryLocks, yields, type Frames } from './thread-bodies.ts';
import { interleave, ratio, round3, showRatio, table, threadCpuUs, type Bench, type Finding, type Side, type SideResult } from '../harness.ts';

const recv = directOf(Channel.prototype.recv);
const doze = directOf(sleep);

/** Processor time of this thread, ns: all of it is done here, and other programs that share the processor add nothing. */
const cpuNs = (): number => threadCpuUs() * 1000;
/** A side that does `count` operations: ns for each. */
function side(name: string, count: number, run: (count: number) => Promise<unknown>): Side {
  return { name, async measure() { const began = cpuNs(); await run(count); return (cpuNs() - began) / count; } };
}
const joined = (...threads: Thread<unknown>[]): Promise<unknown> => Promise.all(threads.map((thread) => thread.join()));

// ---- spawn and join ----
async function nativeCalls(count: number): Promise<void> { const one = async (): Promise<number> => 1; for (let k = 0; k < count; k++) check(await one(), 1); }
const effectForks = (count: number): Promise<void> => Effect.runPromise(Effect.gen(function* () { for (let k = 0; k < count; k++) check(yield* Fiber.join(yield* Effect.forkChild(Effect.succeed(1))), 1); }));

// ---- switch ----
/** Two threads that have stores of their own, and enter them at each turn. */
const store = new AsyncLocalStorage<number>();
const yieldsApart = (count: number): Promise<unknown> => joined(...[1, 2].map((one) => store.run(one, () => spawn(yields, count / 2))));
const effectYields = (count: number): Effect.Effect<void> => Effect.gen(function* () { for (let k = 0; k < count; k++) yield* Effect.yieldNow; });

// ---- an uncontended lock ----
async function awaitedLocks(count: number): Promise<void> { const mutex = new Mutex(); for (let k = 0; k < count; k++) (await mutex.lock())[Symbol.dispose](); }
async function asyncMutexLocks(count: number): Promise<void> { const mutex = new AsyncMutex(); for (let k = 0; k < count; k++) (await mutex.acquire())(); }
async function limits(count: number): Promise<void> { const limit = pLimit(1); for (let k = 0; k < count; k++) await limit(() => 1); }
const effectLocks = (count: number): Promise<void> => Effect.runPromise(Effect.gen(function* () {
  const semaphore = EffectSemaphore.makeUnsafe(1);
  for (let k = 0; k < count; k++) yield* semaphore.withPermits(1)(Effect.void);
}));

// ---- items of a channel ----
const effectOwnItems = (count: number): Promise<void> => Effect.runPromise(Effect.gen(function* () {
  const queue = yield* Queue.bounded<number>(16);
  for (let k = 0; k < count; k++) { yield* Queue.offer(queue, k); check(yield* Queue.take(queue), k); }
}));
async function cspOwnItems(count: number): Promise<void> { const channel = cspChannel<number>(16); for (let k = 0; k < count; k++) { const written = channel.write(k); check(await channel.read(), k); await written; } }
async function meet(count: number): Promise<unknown> { const channel = new Channel<number>(); return joined(spawn(sends, channel, count), spawn(receives, channel, count)); }
async function meetAwaited(count: number): Promise<unknown> {
  const channel = new Channel<number>();
  return joined(spawn(async () => { for (let k = 0; k < count; k++) await channel.send(k); }), spawn(async () => { for (let k = 0; k < count; k++) check(await channel.recv(), k); }));
}
async function cspMeet(count: number): Promise<void> {
  const channel = cspChannel<number>();
  const sent = (async () => { for (let k = 0; k < count; k++) await channel.write(k); })();
  for (let k = 0; k < count; k++) check(await channel.read(), k);
  await sent;
}
const effectMeet = (count: number): Promise<void> => Effect.runPromise(Effect.gen(function* () {
  const queue = yield* Queue.bounded<number>(1);
  const sender = yield* Effect.forkChild(Effect.gen(function* () { for (let k = 0; k < count; k++) yield* Queue.offer(queue, k); }));
  for (let k = 0; k < count; k++) check(yield* Queue.take(queue), k);
  yield* Fiber.join(sender);
}));

// ---- timers ----
async function wheelTimers(count: number): Promise<void> {
  const scheduler = new Scheduler();
  const timer = { due: -1, previous: undefined, next: undefined, fire: (): void => { /* never */ } };
  const other = { due: -1, previous: undefined, next: undefined, fire: (): void => { /* never */ } };
  scheduler.timers.set(other, 60_000);
  const run = scheduler.spawn(function* (): Frames { for (let k = 0; k < count; k++) { scheduler.timers.set(timer, 1_000 + (k & 1023)); scheduler.timers.cancel(timer); } }, [], scheduler.roots.named('timers')) as LocalThread;
  await run.join();
  scheduler.timers.cancel(other);
}
async function nodeTimers(count: number): Promise<void> { for (let k = 0; k < count; k++) clearTimeout(setTimeout(() => { /* never */ }, 1_000 + (k & 1023))); }

// ---- a million blocked threads ----
const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });
function* waitForItem(channel: Channel<number>): Frames {
  if (recv.call(channel) === SUSPENDED) yield SUSPENDED;
}
function* waitForTime(): Frames { if (doze(600_000) === SUSPENDED) yield SUSPENDED; }
async function untilBlocked(thread: Thread<unknown>): Promise<void> { while (thread.status !== 'blocked') await turn(); }
function bytes(): number { globalThis.gc?.(); const { heapUsed, external } = process.memoryUsage(); return heapUsed + external; }

async function million(count: number, kind: 'channel' | 'sleep'): Promise<{ bytesEach: number; createdPerS: number; wokenPerS: number }> {
  const channel = new Channel<number>();
  const threads: Thread<unknown>[] = kind === 'sleep' ? new Array<Thread<unknown>>(count) : [];
  const before = bytes();
  let began = cpuNs();
  const start = (): Thread<unknown> => (kind === 'channel' ? spawn(waitForItem, channel) : spawn(waitForTime));
  let last = start();
  for (let k = 1; k < count; k++) {
    if (kind === 'sleep') threads[k] = last;
    last = start();
  }
  await untilBlocked(last);
  const createdPerS = count / (cpuNs() - began) * 1e9;
  const bytesEach = (bytes() - before) / count;
  began = cpuNs();
  if (kind === 'channel') for (let k = 0; k < count; k++) channel.trySend(k);
  else for (const thread of [...threads, last]) thread?.cancel();
  while (last.status === 'blocked' || last.status === 'ready') await turn();
  return { bytesEach, createdPerS, wokenPerS: count / (cpuNs() - began) * 1e9 };
}
async function millionPromises(count: number): Promise<number> {
  const resolvers: ((value: number) => void)[] = new Array<(value: number) => void>(count);
  const before = bytes();
  const all = Array.from({ length: count }, async (_, k) => { await new Promise<number>((resolve) => { resolvers[k] = resolve; }); });
  const each = (bytes() - before) / count;
  for (const resolve of resolvers) resolve(1);
  await Promise.all(all);
  return each;
}

// ---- threads of one worker that each wait for another ----
async function askers(count: number): Promise<Finding> {
  await using pool = await createPool(2);
  const tasks = pool.module<typeof import('./shared-tasks.ts')>(new URL('./shared-tasks.ts', import.meta.url));
  const first = await tasks.where.with({ affinity: 0 })();
  let other = 1;
  while (await tasks.where.with({ affinity: other })() === first) other++;
  await tasks.asksAll.with({ affinity: 0 })(count / 10, other);
  const began = performance.now();
  check(await tasks.asksAll.with({ affinity: 0 })(count, other), count);
  return { what: `${count.toLocaleString('en')} threads, each a question to the other worker and its answer`, figure: `${round3(count / (performance.now() - began))} thousand/s`, goal: '', isMet: undefined };
}

// ---- the questions ----
interface Question { readonly what: string; readonly goalNs: number; readonly sides: readonly Side[] }
const questions = (scale: number): Question[] => [
  { what: 'spawn + join', goalNs: 100, sides: [side('capriccio', 200_000 * scale, (n) => spawn(spawns, n).join()), side('native async call', 500_000 * scale, nativeCalls), side('Effect fork + join', 50_000 * scale, effectForks)] },
  { what: 'switch', goalNs: 25, sides: [side('capriccio', 1_000_000 * scale, (n) => joined(spawn(yields, n / 2), spawn(yields, n / 2))), side('capriccio, two contexts', 1_000_000 * scale, yieldsApart), side('native await', 1_000_000 * scale, (n) => Promise.all([awaits(n / 2), awaits(n / 2)])), side('Effect yieldNow', 100_000 * scale, (n) => Effect.runPromise(Effect.all([effectYields(n / 2), effectYields(n / 2)], { concurrency: 2 })))] },
  { what: 'lock + unlock', goalNs: 5, sides: [side('capriccio tryLock', 2_000_000 * scale, (n) => spawn(tryLocks, n).join()), side('capriccio direct', 2_000_000 * scale, (n) => spawn(locks, n).join()), side('capriccio awaited', 300_000 * scale, awaitedLocks), side('async-mutex', 100_000 * scale, asyncMutexLocks), side('p-limit(1)', 100_000 * scale, limits), side('Effect semaphore', 100_000 * scale, effectLocks)] },
  { what: 'channel item, no switch', goalNs: 15, sides: [side('capriccio', 1_000_000 * scale, (n) => spawn(ownItems, n).join()), side('@thi.ng/csp', 100_000 * scale, cspOwnItems), side('Effect queue', 50_000 * scale, effectOwnItems)] },
  { what: 'channel item, switch', goalNs: 60, sides: [side('capriccio', 500_000 * scale, meet), side('capriccio awaited', 200_000 * scale, meetAwaited), side('@thi.ng/csp', 100_000 * scale, cspMeet), side('Effect queue', 50_000 * scale, effectMeet)] },
  { what: 'timer add + cancel', goalNs: 20, sides: [side('capriccio', 1_000_000 * scale, wheelTimers), side('setTimeout + clearTimeout', 500_000 * scale, nodeTimers)] },
];

export const bench: Bench = async ({ rounds, quick }) => {
  const found: Finding[] = [];
  for (const { what, goalNs, sides } of questions(quick ? 0.2 : 1)) {
    for (const one of sides) await one.measure();
    const results = await interleave(sides, rounds, { label: what, unit: 'ns', better: 'lower' });
    const [own] = results as [SideResult];
    const best = Math.min(...own.rounds);
    console.log(`\n${what}, ns`);
    table(['', 'median', 'least', 'of the first'], results.map((result) => [result.name, round3(middle(result.rounds)), round3(Math.min(...result.rounds)), result === own ? '' : showRatio(ratio(result, own))]));
    found.push({ what: `${what}, least of ${rounds} rounds`, figure: `${round3(best)} ns`, goal: `${goalNs} ns`, isMet: best <= goalNs });
  }
  const count = quick ? 100_000 : 1_000_000;
  await million(count / 10, 'channel');
  for (const kind of ['channel', 'sleep'] as const) {
    const { bytesEach, createdPerS, wokenPerS } = await million(count, kind);
    found.push({ what: `${count.toLocaleString('en')} blocked on a ${kind}, each`, figure: `${round3(bytesEach)} B`, goal: '250 B', isMet: globalThis.gc === undefined ? undefined : bytesEach <= 250 });
    if (kind === 'channel') {
      found.push({ what: 'created', figure: `${round3(createdPerS / 1e6)} M/s`, goal: '1 M/s', isMet: createdPerS >= 1e6 });
      found.push({ what: 'woken, to their ends', figure: `${round3(wokenPerS / 1e6)} M/s`, goal: '2 M/s', isMet: wokenPerS >= 2e6 });
    }
  }
  found.push(await askers(quick ? 10_000 : 100_000));
  found.push({ what: 'native async functions that wait, each', figure: `${round3(await millionPromises(count))} B`, goal: '', isMet: undefined });
  return found;
};
const middle = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] as number;
