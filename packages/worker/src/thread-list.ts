/** What hangs: every thread of a scheduler and what it waits for. Next: deadlock.ts. */
import { FrameStack } from './compiled/frames.ts';
import { linesOfFrames, placeOfFrames } from './compiled/traces.ts';
import { PromiseWait } from './frame.ts';
import type { Scheduler } from './scheduler.ts';
import { around } from './circle.ts';
import type { LocalThread, ThreadStatus } from './thread.ts';
import type { Waitable } from './sync/waiting.ts';

/** A thread as `pool.threads()` shows it. */
export interface ThreadInfo {
  readonly id: number;
  readonly name: string;
  /** The entry point, or the function, that it works for. */
  readonly root: string;
  readonly status: ThreadStatus;
  /** Thread that it is a part of: whose cancellation reaches it, or that waits for the scope it was started in. */
  readonly parent?: number;
  /** Where it was spawned, a line of a stack, if that was noted. */
  readonly site?: string;
  /** Where it waits, `file:line`, if it runs compiled code. */
  readonly node?: string;
  /** The same as a stack, innermost frame first: lines of a stack trace without their `at`. */
  readonly frames?: readonly string[];
  /** What it waits for: `mutex 'cache'`, `a time`, `a call of images.ts#resize`, `a promise`. Several, when ordinary code waits for several at once. */
  readonly waitingFor?: readonly string[];
  /** For how long, milliseconds; to the second for threads that run as frames. */
  readonly waitingMs?: number;
  /** Threads that have what it waits for. */
  readonly heldBy?: readonly number[];
}

/** As a worker answers it: with the slot of the task that it runs, and those of the calls that it has made. */
export interface ListedThread extends ThreadInfo { readonly task?: number; readonly calls?: readonly number[] }

/** All threads that have not ended, spawners before what they have spawned. O(threads). */
export function listThreads(scheduler: Scheduler): ListedThread[] {
  const now = scheduler.now();
  const list: ListedThread[] = [];
  const toVisit: Iterator<LocalThread>[] = [around(scheduler.threads)];
  for (let top = toVisit.at(-1); top !== undefined; top = toVisit.at(-1)) {
    const { done, value: thread } = top.next();
    if (done === true) { toVisit.pop(); continue; }
    const { slot, callSlots: calls } = thread;
    list.push({ ...infoOf(thread, now), ...slot === 0 ? {} : { task: slot }, ...calls.length === 0 ? {} : { calls } });
    toVisit.push(thread.children());
  }
  return list;
}

function infoOf(thread: LocalThread, now: number): ThreadInfo {
  const { id, name, root, status, parent = thread.scopeOwner, origin: { site } } = thread;
  const place = status === 'blocked' && thread.frame instanceof FrameStack ? { node: placeOfFrames(thread.frame), frames: linesOfFrames(thread.frame) } : undefined;
  const base = { id, name, root: root.name, status, ...place?.node === undefined ? {} : place as { node: string; frames: string[] }, ...parent === undefined ? {} : { parent: parent.id }, ...site === undefined ? {} : { site } };
  if (status !== 'blocked') return base;
  const waits = [...thread.openWaits()];
  const on = [...waits.map((wait) => wait.waitingOn), ...waits.length === 0 ? [thread.waitingOn] : []].filter((one): one is Waitable => one !== undefined);
  const heldBy = on.flatMap((one) => Array.from(one.holders(), (holder) => holder.id));
  const waitingMs = waits.length > 0 ? Math.max(...waits.map((wait) => now - wait.sinceMs)) : thread.blockedSeconds(now) * 1000;
  return { ...base, waitingFor: on.length === 0 ? ['a promise'] : on.map((one) => whatOf(thread, one)), waitingMs: Math.max(0, Math.round(waitingMs)), ...heldBy.length === 0 ? {} : { heldBy } };
}

/** What a thread waits for, as listings say it. */
export const whatOf = (thread: LocalThread, wait: Waitable): string => (wait instanceof PromiseWait ? thread.awaitedCall?.what : undefined) ?? wait.what;
