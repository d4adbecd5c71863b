/** One contender and one thing that goes wrong in a worker of it: see failures.ts. Says what became of whom, and ends. */
import type { Outcome } from './failures.ts';
import { openContender, type FunctionName } from './contenders.ts';

const TOLD_MS = 2000;
const [name = '', failing = '', value = '0'] = process.argv.slice(2);
const pending = Symbol('pending');
const within = async (promise: Promise<unknown>, ms: number): Promise<unknown> => await Promise.race([promise.catch((error: unknown) => error instanceof Error ? error : new Error(String(error))), new Promise((resolve) => { setTimeout(resolve, ms, pending); })]);

const contender = await openContender(name, 2);
await Promise.all(Array.from({ length: 8 }, (_, k) => contender.call('increment', k)));
const neighbour = contender.call('spin', 50);
const victim = contender.call(failing as FunctionName, JSON.parse(value));
const [toNeighbour, toVictim] = await Promise.all([within(neighbour, TOLD_MS), within(victim, failing === 'loopsForEver' ? TOLD_MS / 2 : TOLD_MS * 2)]);
const later = await within(contender.call('increment', 1), TOLD_MS);
const end = await within(Promise.resolve(contender[Symbol.asyncDispose]()), TOLD_MS * 3);
const outcome: Outcome = {
  told: toVictim === pending ? failing === 'loopsForEver' ? 'still runs' : 'lost' : toVictim instanceof Error ? `told (${(toVictim as { code?: string }).code ?? toVictim.name})` : `gives ${String(toVictim)}`,
  neighbour: toNeighbour === 50 ? 'answered' : toNeighbour === pending ? 'lost' : 'failed',
  after: later === 2 ? 'runs' : later === pending ? 'hangs' : 'fails',
  ends: end !== pending,
};
process.send?.(outcome, undefined, undefined, () => { process.exit(); });
