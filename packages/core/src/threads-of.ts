/** Asks workers for their threads, and gathers what they answer. Next: @capriccio/worker's thread-list.ts. */
import type { ThreadInfo } from '@capriccio/worker';

/** A thread of a pool. Numbers are each worker's own. */
export interface PoolThread extends ThreadInfo { readonly worker: number }

export interface ThreadsAnswer { readonly request: number; readonly threads: readonly ThreadInfo[] }

/** A worker that does not answer in time is in a long turn, ms. */
const ANSWER_MS_MAX = 1000;

interface Question { readonly left: Set<number>; readonly threads: PoolThread[]; done(): void }

export class ThreadsOf {
  readonly #send: (worker: number, request: number) => void;
  readonly #open = new Map<number, Question>();
  #last = 0;

  constructor(send: (worker: number, request: number) => void) { this.#send = send; }

  async ask(workers: readonly number[]): Promise<PoolThread[]> {
    const request = ++this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    const question: Question = { left: new Set(workers), threads: [], done: resolve };
    if (workers.length === 0) return question.threads;
    this.#open.set(request, question);
    const timer = setTimeout(resolve, ANSWER_MS_MAX);
    try {
      for (const worker of workers) this.#send(worker, request);
      await promise;
    } finally {
      clearTimeout(timer);
      this.#open.delete(request);
    }
    return question.threads.toSorted((a, b) => a.worker - b.worker);
  }

  answer(worker: number, { request, threads }: ThreadsAnswer): void {
    const question = this.#open.get(request);
    if (question === undefined) return;                                  // too late
    for (const thread of threads) question.threads.push({ worker, ...thread });
    this.#without(question, worker);
  }

  /** A worker has died: nobody waits for it. */
  lost(worker: number): void { for (const question of this.#open.values()) this.#without(question, worker); }

  #without({ left, done }: Question, worker: number): void {
    left.delete(worker);
    if (left.size === 0) done();
  }
}
