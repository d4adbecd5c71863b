/**
 * Runs a random program against a primitive and against its sequential model, and compares what has ended after each step. Each operation is a thread
 * of its own, by direct form or awaited, or ordinary main-thread code; acts (a release, a signal, a close) and cancellations come in bursts, with
 * nothing run in between, so that a grant and a cancellation meet.
 */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import * as fc from 'fast-check';
import { currentScheduler } from '../../../../packages/worker/src/current.ts';
import { isGenerator } from '../../../../packages/worker/src/frame.ts';
import { SUSPENDED } from '../../../../packages/worker/src/suspended.ts';
import { spawn, type Thread, type WaitOptions } from '../../../../packages/worker/src/thread-api.ts';

type Form = 'direct' | 'awaited' | 'main';
type Burst<Act> = { readonly act: Act } | { readonly cancel: number };
export type Step<Op, Act> = { readonly start: Op; readonly form: Form; readonly isTimed: boolean; readonly meanwhile: readonly Burst<Act>[] } | { readonly burst: readonly Burst<Act>[] };

/** What a model knows: which operations wait, and how the others have ended. */
export interface Model<Op, Act> {
  readonly results: Map<number, unknown>;
  start(id: number, op: Op): void;
  /** Does it to the model and to the primitive, or to neither if it makes no sense now. `values`: what operations have given that have been seen to end. */
  act(act: Act, values: ReadonlyMap<number, unknown>): void;
  /** Waits in line. */
  isWaiting(id: number): boolean;
  giveUp(id: number, code: string): void;
  /** Everything that can go on goes on. */
  settled?(): void;
}

export interface Subject<Op> {
  /** The awaited form. */
  awaited(op: Op, options: WaitOptions | undefined): Promise<unknown>;
  /** The direct form. */
  direct(op: Op, options: WaitOptions | undefined): unknown;
  /** A result as the model says it. */
  show(value: unknown, op: Op): unknown;
}

const TIMEOUT_MS = 5;

export function steps<Op, Act>(op: fc.Arbitrary<Op>, act: fc.Arbitrary<Act>, forms: readonly Form[] = ['direct', 'awaited', 'main']): fc.Arbitrary<Step<Op, Act>[]> {
  const burst = fc.array(fc.oneof({ weight: 3, arbitrary: fc.record({ act }) }, { weight: 2, arbitrary: fc.record({ cancel: fc.nat(20) }) }), { minLength: 1, maxLength: 4 });
  return fc.array(fc.oneof(
    { weight: 5, arbitrary: fc.record({ start: op, form: fc.constantFrom(...forms), isTimed: fc.integer({ min: 0, max: 14 }).map((n) => n === 0), meanwhile: fc.oneof(fc.constant([]), burst) }) },
    { weight: 4, arbitrary: fc.record({ burst }) },
  ), { minLength: 20, maxLength: 60, size: 'max' });
}

const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });
/** Everything that can go on has gone on. */
export async function settle(): Promise<void> {
  for (let quiet = 0; quiet < 2;) {
    await turn();
    quiet = currentScheduler().isArmed ? 0 : quiet + 1;
  }
}

async function follow<Op, Act>(program: readonly Step<Op, Act>[], model: Model<Op, Act>, subject: Subject<Op>): Promise<void> {
  const ended = new Map<number, unknown>();
  const values = new Map<number, unknown>();
  const threads: (Thread | undefined)[] = [];
  const cancelled = new Set<number>();
  const note = (id: number, op: Op, wait: Promise<unknown>): void => {
    wait.then((value) => { values.set(id, value); ended.set(id, subject.show(value, op)); }, (error: unknown) => { ended.set(id, (error as { code?: unknown }).code ?? error); });
  };
  const start = (id: number, op: Op, form: Form, options: WaitOptions | undefined): void => {
    if (form === 'main') { threads.push(undefined); note(id, op, subject.awaited(op, options)); return; }
    const thread = form === 'awaited' ? spawn(async () => subject.awaited(op, options)) : spawn(function* (): Generator<unknown, unknown, unknown> {
      const value = subject.direct(op, options);
      return value === SUSPENDED || isGenerator(value) ? yield value : value;
    });
    threads.push(thread);
    note(id, op, thread.join());
  };
  const burst = (parts: readonly Burst<Act>[]): void => {
    for (const part of parts) {
      if ('act' in part) { model.act(part.act, values); continue; }
      const thread = threads[part.cancel % Math.max(1, threads.length)];
      const id = threads.indexOf(thread);
      if (thread === undefined || cancelled.has(id) || !model.isWaiting(id)) continue;
      cancelled.add(id);
      model.giveUp(id, 'CAP_ERR_CANCELLED');
      thread.cancel();
    }
  };
  for (const [at, step] of program.entries()) {
    if ('start' in step) {
      const id = threads.length;
      start(id, step.start, step.form, step.isTimed ? { timeoutMs: TIMEOUT_MS } : undefined);
      // Begun before anything else: the clock may not get far meanwhile.
      for (const thread = threads[id]; thread?.status === 'queued';) await turn();
      model.start(id, step.start);
      burst(step.meanwhile);
      if (step.isTimed && step.meanwhile.length > 0) { await settle(); model.settled?.(); }
      if (step.isTimed && model.isWaiting(id)) {
        await delay(TIMEOUT_MS + 2);
        model.giveUp(id, 'CAP_ERR_TIMEOUT');
      }
    } else burst(step.burst);
    await settle();
    model.settled?.();
    assert.deepEqual(sorted(ended), sorted(model.results), `after step ${at}`);
  }
  for (const thread of threads) { thread?.join().catch(() => { /* told before */ }); thread?.cancel(); }
  await settle();
}

const sorted = (results: ReadonlyMap<number, unknown>): [number, unknown][] => [...results].toSorted(([a], [b]) => a - b);

/** Checks a primitive against its model. Runs by flag: FC_RUNS. */
export async function agrees<Op, Act>(programs: fc.Arbitrary<Step<Op, Act>[]>, make: () => { model: Model<Op, Act>; subject: Subject<Op> }): Promise<void> {
  await fc.assert(fc.asyncProperty(programs, async (program) => {
    const { model, subject } = make();
    await follow(program, model, subject);
  }), { numRuns: Number(process.env['FC_RUNS'] ?? 60) });
}

/** The queue that most models have. */
export abstract class QueueModel<Op, Act> implements Model<Op, Act> {
  readonly results = new Map<number, unknown>();
  readonly queue: { readonly id: number; readonly op: Op }[] = [];
  abstract start(id: number, op: Op): void;
  abstract act(act: Act, values: ReadonlyMap<number, unknown>): void;
  /** Somebody has left: others may go on. */
  left(): void { /* most need nothing */ }
  isWaiting(id: number): boolean { return this.queue.some((one) => one.id === id); }
  giveUp(id: number, code: string): void {
    this.queue.splice(this.queue.findIndex((one) => one.id === id), 1);
    this.results.set(id, code);
    this.left();
  }
}

export const dispose = (value: unknown): void => { (value as Disposable)[Symbol.dispose](); };
/** The n-th of a list, counted round. */
export const pick = <T>(list: readonly T[], n: number): T | undefined => (list.length === 0 ? undefined : list[n % list.length]);
