/**
 * Threads that wait for each other in a circle. A circle is closed by the last of its waits, so it is looked for when a wait begins, from the new
 * waiter along what each waits for and who holds that: a step or two as a rule, for most holders run. Only waits that nothing else can end count:
 * a thread that waits for several things, or for some time only, is not followed. Locks, joins, scopes and `Once` know their holders; who
 * will send to a channel, or release a semaphore, nobody knows.
 * Source: Holt, Some deadlock properties of computer systems, 1972 (reusable resources with one unit; a wait for several readers is a wait for each).
 */
import { CapriccioError } from '@capriccio/shared';
import { FrameStack } from './compiled/frames.ts';
import { placeOfFrames } from './compiled/traces.ts';
import { userLineOf } from './origin.ts';
import type { LocalThread } from './thread.ts';
import { giveUp, NOBODY, type Waitable, type Waiter } from './sync/waiting.ts';

/** One thread of a circle. The next one has what it waits for; the first has what the last waits for. */
export interface DeadlockedThread {
  readonly id: number;
  readonly name: string;
  readonly waitingFor: string;
  /** `file:line` where it waits, if it runs compiled code. */
  readonly node?: string;
  /** Where it was spawned, if that was noted. */
  readonly site?: string;
  /** Its worker, where a circle reaches across cores; 0: the main thread. */
  readonly worker?: number;
}

export interface DeadlockReport {
  readonly threads: readonly DeadlockedThread[];
  /** The wait of the first of them has been rejected with CAP_ERR_DEADLOCK. */
  readonly isBroken: boolean;
  /** Stack of the wait that closed the circle. */
  readonly stack: string;
}

/** Threads looked at before the search is given up. */
const SEARCH_MAX = 100_000;

/** The holder that can let go: the thread whose part of the work it was, when it has ended. */
export const living = (holder: LocalThread): LocalThread => (holder.hasEnded ? holder.principal : holder);

/** The threads of a circle that `start` closes when it waits for `on`, itself first; 'leaves' when there is none here, and the search has met calls. Allocates nothing where holders do not wait. */
function findCircle(start: LocalThread, on: Waitable): LocalThread[] | 'leaves' | undefined {
  let mayBe = false;
  let leaves = false;
  const holders = on.holders();
  if (holders === NOBODY) return undefined;
  for (const holder of holders) {
    const one = living(holder);
    if (one === start || one.onlyWait !== undefined) mayBe = true;
    leaves ||= one.hasCalls;
  }
  if (!mayBe) return leaves ? 'leaves' : undefined;
  const seen = new Set<LocalThread>();
  const path = [{ thread: start, holders: on.holders()[Symbol.iterator]() }];
  for (let top = path.at(-1); top !== undefined && seen.size < SEARCH_MAX; top = path.at(-1)) {
    const { done, value } = top.holders.next();
    if (done === true) { path.pop(); continue; }
    const thread = living(value);
    if (thread === start) return path.map((one) => one.thread);
    const next = thread.onlyWait;
    leaves ||= thread.hasCalls;
    if (thread.hasEnded || next === undefined || seen.has(thread)) continue;
    seen.add(thread);
    path.push({ thread, holders: next.holders()[Symbol.iterator]() });
  }
  return leaves ? 'leaves' : undefined;
}

/** A wait without a time limit has begun: if it closes a circle, the scheduler's owner is told, and the wait is rejected if he wants that. */
export function lookForDeadlock(waiter: Waiter): void {
  const { thread, waitingOn } = waiter;
  if (thread === undefined || waitingOn === undefined) return;
  const circle = findCircle(thread, waitingOn);
  const { scheduler } = thread;
  if (circle === 'leaves') scheduler.onSuspicion?.();
  if (circle === undefined || circle === 'leaves') return;
  const stack = stackOfNow();
  const threads = circle.map((one): DeadlockedThread => ({
    id: one.id, name: one.name, waitingFor: (one === thread ? waitingOn : one.onlyWait)?.what ?? '', ...placeOf(one, one === thread ? userLineOf(stack) : undefined), ...one.origin.site === undefined ? {} : { site: one.origin.site },
  }));
  const story = threads.map((one, at) => `thread ${one.id} (${one.name})${whereOf(one)} waits for ${one.waitingFor}, which thread ${threads[(at + 1) % threads.length]?.id} has`).join('; ');
  const error = new CapriccioError('CAP_ERR_DEADLOCK', `threads wait for each other: ${story}; take locks in one order everywhere`);
  const isBroken = scheduler.deadlock === 'break' && giveUp(waiter, error);
  scheduler.onDeadlock({ threads, isBroken, stack: `${error.name}: ${error.message}\n${stack}` }, error.message);
}

/** Where it waits, or else where it was spawned, for a message. */
export const whereOf = ({ node, site }: Pick<DeadlockedThread, 'node' | 'site'>): string => (node !== undefined ? ` at ${node}` : site !== undefined ? `, spawned ${site},` : '');

/** @param line  of a stack, of who is about to wait: its frames do not say it yet */
function placeOf({ frame }: LocalThread, line: string | undefined): { node?: string } {
  const node = line !== undefined ? /((?:file:|\/)[^()]*:\d+):\d+\)?$/.exec(line)?.[1] : frame instanceof FrameStack ? placeOfFrames(frame) : undefined;
  return node === undefined ? {} : { node };
}

function stackOfNow(): string {
  const at: { stack?: string } = {};
  Error.captureStackTrace(at, stackOfNow);
  return (at.stack ?? '').split('\n').slice(1).join('\n');
}
