/**
 * What threads of this isolate wait for, as far as circles that reach across cores need it: those that have shared locks, that wait for them, or that
 * run a task of somebody's, and whoever these wait for. main joins the reports of all (the core's deadlocks.ts). Local circles are found at once, by
 * deadlock.ts. Nothing is kept for this: it is looked up when somebody asks.
 */
import type { Executor } from './executor.ts';
import { FrameStack } from './compiled/frames.ts';
import { placeOfFrames } from './compiled/traces.ts';
import { living } from './deadlock.ts';
import { SharedWait } from './objects/shared-wait.ts';
import type { SharedObjects } from './objects/shared-objects.ts';
import { giveUp, type Waitable, type Waiter } from './sync/waiting.ts';
import { whatOf } from './thread-list.ts';
import type { LocalThread } from './thread.ts';

/** Threads that are looked at: a circle among more of them may be missed. */
const THREADS_MAX = 10_000;

/** A thread that waits for one thing only, without a time limit. */
export interface ReportedWait {
  readonly thread: number;
  readonly name: string;
  readonly waitingFor: string;
  readonly site?: string;
  /** `file:line` where it waits. */
  readonly node?: string;
  /** Tells this wait of the thread from its next one. */
  readonly serial: number;
  /** A shared lock, a task, or threads of the same isolate. */
  readonly on: { readonly object: number } | { readonly slot: number } | { readonly threads: readonly number[] };
}

export interface WaitReport {
  readonly waits: readonly ReportedWait[];
  /** Shared locks, and the threads that have them. */
  readonly held: readonly (readonly [object: number, threads: readonly number[]])[];
  /** Slots, and the threads that run their tasks. */
  readonly tasks: readonly (readonly [slot: number, thread: number])[];
}

const serials = new WeakMap<object, number>();
let lastSerial = 0;
function serialOf(one: object): number {
  let serial = serials.get(one);
  if (serial === undefined) serials.set(one, serial = ++lastSerial);
  return serial;
}

/** The report of this isolate. @param executor  of a worker: main runs no tasks */
export function reportWaits(objects: SharedObjects, executor: Executor | undefined): WaitReport {
  const waits = new Map<LocalThread, ReportedWait | undefined>();
  const toLookAt: LocalThread[] = [];
  const held = [...objects.held()].map((lock) => [lock.object, lock.holders().map(living)] as const).filter(([, holders]) => holders.length > 0);
  const tasks = [...executor?.running() ?? []];
  for (const [, holders] of held) toLookAt.push(...holders);
  for (const [, thread] of tasks) toLookAt.push(thread);
  for (const wait of objects.waits) if (wait instanceof SharedWait && wait.thread !== undefined) toLookAt.push(wait.thread);
  for (let thread = toLookAt.pop(); thread !== undefined && waits.size < THREADS_MAX; thread = toLookAt.pop()) {
    if (waits.has(thread)) continue;
    const wait = reportOf(thread);
    waits.set(thread, wait?.reported);
    toLookAt.push(...wait?.next ?? []);
  }
  return {
    waits: [...waits.values()].filter((wait) => wait !== undefined),
    held: held.map(([object, holders]) => [object, holders.map(({ id }) => id)]),
    tasks: tasks.map(([slot, { id }]) => [slot, id]),
  };
}

interface Looked { readonly reported: ReportedWait; readonly next: readonly LocalThread[] }

function reportOf(thread: LocalThread): Looked | undefined {
  const wait = thread.hasEnded ? undefined : thread.onlyWait;
  if (wait === undefined) return undefined;
  const call = thread.awaitedCall;
  if (call !== undefined) {
    if (call.slot !== 0) return looked(thread, wait, serialOf(call), { slot: call.slot });
    return call.thread === undefined ? undefined : looked(thread, wait, serialOf(call), { threads: [call.thread.id] }, [call.thread]);
  }
  if (wait instanceof SharedWait) return wait.isForLock ? looked(thread, wait, serialOf(wait), { object: wait.monitor }) : undefined;
  const holders = Array.from(wait.holders(), living);
  return holders.length === 0 ? undefined : looked(thread, wait, 0, { threads: holders.map(({ id }) => id) }, holders);
}

function looked(thread: LocalThread, wait: Waitable, serial: number, on: ReportedWait['on'], next: readonly LocalThread[] = []): Looked {
  const { id, name, origin: { site } } = thread;
  const node = thread.frame instanceof FrameStack ? placeOfFrames(thread.frame) : undefined;
  return { reported: { thread: id, name, waitingFor: whatOf(thread, wait), ...site === undefined ? {} : { site }, ...node === undefined ? {} : { node }, serial, on }, next };
}

/** Ends a wait that a report has told of, if it still goes on. @returns whether it ends */
export function breakWait(objects: SharedObjects, executor: Executor | undefined, wanted: ReportedWait, error: unknown): boolean {
  const candidates: Iterable<LocalThread | undefined>[] = [[...executor?.running() ?? []].map(([, thread]) => thread), Array.from(objects.waits, (wait) => (wait instanceof SharedWait ? wait.thread : undefined))];
  for (const thread of candidates.flatMap((some) => [...some])) {
    if (thread?.id !== wanted.thread) continue;
    const now = reportOf(thread)?.reported;
    if (now?.serial !== wanted.serial || now.waitingFor !== wanted.waitingFor) return false;
    const waiter: Waiter = [...thread.openWaits()][0] ?? thread;
    return giveUp(waiter, error);
  }
  return false;
}
