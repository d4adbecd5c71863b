/**
 * Main's end of the conductor thread: starts it, watches that it goes on, replaces it when it has died or stands still, with growing pauses. Nothing
 * waits for it: while there is none, what it would have decided stays as it was.
 */
import { Worker } from 'node:worker_threads';
import { conductorWord, type Memory } from '@capriccio/shared';
import { addressOf, threadUrl } from '../places.ts';
import type { FromConductor, PartSource, ToConductor } from './part.ts';

/** How often main looks whether the conductor goes on, while it is awake, ms. */
const GUARD_MS = 1000;
/** Looks without a pass between them before it is replaced: it has stood still for three to four seconds. */
const STILL_MAX = 3;
/** The same before its first pass: where workers take all processors, to load its modules takes it seconds, and the next would have as little. */
const BEGIN_MAX = 20;
/** Pause before one that died is started again: doubles from here while they die young, ms. */
const BACKOFF_MS = 50;
const BACKOFF_MS_MAX = 5000;
/** One that has lived for longer did not die young, ms. */
const YOUNG_MS = 10_000;

export interface ConductorHost {
  readonly memory: Memory;
  readonly buffer: SharedArrayBuffer;
  readonly name: string;
  readonly execArgv: string[] | undefined;
  readonly parts: readonly PartSource[];
  /** A part has sent something. */
  receive(part: string, message: unknown): void;
  /** It has ended: what it had told and would have taken back is open again. The next tells what is so then. */
  ended(): void;
  warn(message: string): void;
}

export class ConductorThread {
  readonly #host: ConductorHost;
  #thread: Worker | undefined;
  #guard: NodeJS.Timeout | undefined;
  #pause: NodeJS.Timeout | undefined;
  #beat = 0;
  #firstBeat = 0;
  #still = 0;
  #failures = 0;
  #reason: string | undefined;
  #isClosed = false;
  /** Threads that took the place of one that died. */
  replaced = 0;

  constructor(host: ConductorHost) { this.#host = host; }

  start(): void {
    const { memory, buffer, name, execArgv, parts } = this.#host;
    const bornAt = performance.now();
    const thread = new Worker(threadUrl(addressOf('conductor/entry')), {
      workerData: { buffer, layout: memory.layout, parts }, name: `${name.slice(0, 10)}-cond`, ...execArgv === undefined ? {} : { execArgv },
    });
    this.#thread = thread;
    this.#firstBeat = conductorWord.readBeat(memory);
    this.#still = 0;
    this.#reason = undefined;
    thread.on('message', ({ part, message }: FromConductor) => {
      if (part === undefined) this.#watch();
      else this.#host.receive(part, message);
    });
    thread.on('error', (error: unknown) => { this.#reason ??= error instanceof Error ? `it threw ${error.name}: ${error.message}` : `it threw ${String(error)}`; });
    thread.on('exit', (code) => this.#exited(code, performance.now() - bornAt));
    thread.unref();
    this.#watch();
  }

  /** Sends to a part, which gets it at once. Nothing, while there is no conductor: parts look at states. */
  post(part: string, message: unknown): void {
    this.#thread?.postMessage({ part, message } satisfies ToConductor);
    conductorWord.nudge(this.#host.memory);
  }

  /** Has its parts look now: something has changed that they see in shared memory. */
  nudge(): void { conductorWord.nudge(this.#host.memory); }

  /** Looks now and then whether it goes on, until it sleeps: then it says so when it wakes. */
  #watch(): void {
    if (this.#guard !== undefined || this.#isClosed) return;
    conductorWord.setGuard(this.#host.memory, true);
    this.#still = 0;
    this.#guard = setInterval(() => this.#look(), GUARD_MS);
    this.#guard.unref();
  }
  #unwatch(): void {
    clearInterval(this.#guard);
    this.#guard = undefined;
    conductorWord.setGuard(this.#host.memory, false);
  }

  #look(): void {
    const { memory } = this.#host;
    const beat = conductorWord.readBeat(memory);
    const hasMoved = beat !== this.#beat;
    this.#beat = beat;
    if (!hasMoved && conductorWord.isAsleep(memory)) {
      this.#unwatch();
      if (!conductorWord.isAsleep(memory)) this.#watch();                // it has woken in between, and believed itself watched
      return;
    }
    this.#still = hasMoved ? 0 : this.#still + 1;
    const looksMax = beat === this.#firstBeat ? BEGIN_MAX : STILL_MAX;
    if (this.#still < looksMax || this.#thread === undefined) return;
    this.#still = 0;
    this.#reason = `it stood still for ${GUARD_MS * looksMax / 1000} s`;
    void this.#thread.terminate();
  }

  #exited(code: number, livedMs: number): void {
    this.#thread = undefined;
    if (this.#isClosed) return;
    this.#host.ended();
    this.#failures = livedMs > YOUNG_MS ? 0 : this.#failures + 1;
    const pauseMs = Math.min(BACKOFF_MS * 2 ** this.#failures, BACKOFF_MS_MAX);
    this.#host.warn(`the conductor thread has ended (${this.#reason ?? `it exited with code ${code}`}); the next is started in ${pauseMs} ms`);
    this.#pause = setTimeout(() => { this.replaced++; this.start(); }, pauseMs);
    this.#pause.unref();
  }

  /** Ends it. Never rejects, and waits for its exit at most as long as V8 takes to stop it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#unwatch();
    clearTimeout(this.#pause);
    await this.#thread?.terminate();
  }
}
