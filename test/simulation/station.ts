/**
 * A downstream service: shares its processors among those that are there, and slows down as they become more, by the universal scalability law
 * (Gunther): X(c) = c / (1 + sigma (c-1) + kappa c (c-1)).
 */
import type { Events } from './events.ts';

export interface StationShape {
  /** Served at a time at full speed. */
  readonly parallel: number;
  readonly sigma: number;
  readonly kappa: number;
}

interface Job { readonly endsAt: number; readonly order: number; readonly done: () => void }

export class Station {
  readonly #events: Events;
  readonly #shape: StationShape;
  /** Work that each job has had, ms: a job ends when this passes what it came with. */
  #virtual = 0;
  #seenAt = 0;
  readonly #jobs: Job[] = [];
  #version = 0;
  #orders = 0;
  #slowness = 1;
  done = 0;

  constructor(events: Events, shape: StationShape) {
    this.#events = events;
    this.#shape = shape;
  }

  /** From now on everything takes so many times as long. */
  slow(times: number): void {
    this.#advance();
    this.#slowness = times;
    this.#arm();
  }

  /** A job of `ms` of work; `done` when it has had it. */
  add(ms: number, done: () => void): void {
    this.#advance();
    const job = { endsAt: this.#virtual + ms, order: this.#orders++, done };
    const at = this.#jobs.findIndex((other) => other.endsAt > job.endsAt);
    this.#jobs.splice(at < 0 ? this.#jobs.length : at, 0, job);
    this.#arm();
  }

  /** Work that each job gets in a millisecond, when there are so many. */
  rate(count: number): number {
    const { parallel, sigma, kappa } = this.#shape;
    const share = count <= parallel ? 1 : parallel / count;
    return share / (1 + sigma * Math.max(0, count / parallel - 1) + kappa * count * Math.max(0, count - 1)) / this.#slowness;
  }

  #advance(): void {
    const count = this.#jobs.length;
    if (count > 0) this.#virtual += (this.#events.now - this.#seenAt) * this.rate(count);
    this.#seenAt = this.#events.now;
  }

  #arm(): void {
    const version = ++this.#version;
    const first = this.#jobs[0];
    if (first === undefined) return;
    this.#events.after(Math.max(0, (first.endsAt - this.#virtual) / this.rate(this.#jobs.length)) + 1e-9, () => { if (version === this.#version) this.#fire(); });
  }

  #fire(): void {
    this.#advance();
    const ended: Job[] = [];
    while (this.#jobs.length > 0 && (this.#jobs[0] as Job).endsAt <= this.#virtual + 1e-6) ended.push(this.#jobs.shift() as Job);
    this.#arm();
    for (const { done } of ended) {
      this.done++;
      done();
    }
  }
}
