/** What hangs: every thread of a scheduler and what it waits for. Next: deadlock.ts. */
import type { Scheduler } from './scheduler.ts';
import { around, type LocalThread, type ThreadStatus } from './thread.ts';
import type { Waitable } from './sync/waiting.ts';

/** A thread as `pool.threads()` shows it. */
export interface ThreadInfo {
  readonly id: number;
  readonly name: string;
  /** The entry point, or the function, that it works for. */
  readonly root: string;
  readonly status: ThreadStatus;
  /** Thread whose cancellation reaches it. */
  readonly parent?: number;
  /** Where it was spawned, a line of a stack, if that was noted. */
  readonly site?: string;
  /** What it waits for: `mutex cache`, `a time`, `a promise`. Several, when ordinary code waits for several at once. */
  readonly waitingFor?: readonly string[];
  /** For how long, milliseconds; to the second for threads that run as frames. */
  readonly waitingMs?: number;
  /** Threads that have what it waits for. */
  readonly heldBy?: readonly number[];
}

/** All threads that have not ended, spawners before what they have spawned. O(threads). */
export function listThreads(scheduler: Scheduler): ThreadInfo[] {
  const now = scheduler.now();
  const list: ThreadInfo[] = [];
  const toVisit: Iterator<LocalThread>[] = [around(scheduler.threads)];
  for (let top = toVisit.at(-1); top !== undefined; top = toVisit.at(-1)) {
    const { done, value: thread } = top.next();
    if (done === true) { toVisit.pop(); continue; }
    list.push(infoOf(thread, now));
    toVisit.push(thread.children());
  }
  return list;
}

function infoOf(thread: LocalThread, now: number): ThreadInfo {
  const { id, name, root, status, parent, origin: { site } } = thread;
  const base = { id, name, root: root.name, status, ...parent === undefined ? {} : { parent: parent.id }, ...site === undefined ? {} : { site } };
  if (status !== 'blocked') return base;
  const waits = [...thread.openWaits()];
  const on = [...waits.map((wait) => wait.waitingOn), ...waits.length === 0 ? [thread.waitingOn] : []].filter((one): one is Waitable => one !== undefined);
  const heldBy = on.flatMap((one) => Array.from(one.holders(), (holder) => holder.id));
  const waitingMs = waits.length > 0 ? Math.max(...waits.map((wait) => now - wait.sinceMs)) : thread.blockedSeconds(now) * 1000;
  return { ...base, waitingFor: on.length === 0 ? ['a promise'] : on.map(({ what }) => what), waitingMs: Math.max(0, Math.round(waitingMs)), ...heldBy.length === 0 ? {} : { heldBy } };
}
