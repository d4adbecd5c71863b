/** Asks workers for something, and gathers what they answer: those that do not answer in time, for they are in a long turn, are left out. */

/** A worker's answer. */
export interface Answer<A> { readonly request: number; readonly answer: A }

const ANSWER_MS_MAX = 1000;

interface Question<A> { readonly left: Set<number>; readonly answers: Map<number, A>; done(): void }

export class Inquiry<A> {
  readonly #send: (worker: number, request: number) => void;
  readonly #open = new Map<number, Question<A>>();
  #last = 0;

  constructor(send: (worker: number, request: number) => void) { this.#send = send; }

  /** @returns answers by worker, of the lowest number first */
  async ask(workers: readonly number[]): Promise<Map<number, A>> {
    const request = ++this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    const question: Question<A> = { left: new Set(workers), answers: new Map(), done: resolve };
    if (workers.length === 0) return question.answers;
    this.#open.set(request, question);
    const timer = setTimeout(resolve, ANSWER_MS_MAX);
    try {
      for (const worker of workers) this.#send(worker, request);
      await promise;
    } finally {
      clearTimeout(timer);
      this.#open.delete(request);
    }
    return new Map([...question.answers].toSorted(([a], [b]) => a - b));
  }

  receive(worker: number, { request, answer }: Answer<A>): void {
    const question = this.#open.get(request);
    if (question === undefined) return;                                  // too late
    question.answers.set(worker, answer);
    this.#without(question, worker);
  }

  /** A worker has died: nobody waits for it. */
  lost(worker: number): void { for (const question of this.#open.values()) this.#without(question, worker); }

  #without({ left, done }: Question<A>, worker: number): void {
    left.delete(worker);
    if (left.size === 0) done();
  }
}
