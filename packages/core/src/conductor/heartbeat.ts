/**
 * Blocked workers without /proc (macOS, Windows): what a worker shows, and what the thread that made it may ask. The conductor asks main about a worker
 * that has not moved; main answers with its event loop's utilisation and with `worker.cpuUsage()`, which an interrupt of the isolate answers, so that
 * no answer means native code. A long built-in (JSON.parse, a sort) cannot be told from a blocking call that way: it counts as blocked too.
 * Main's side: probe.ts. It takes some 25 ms, and is as quick as main's event loop.
 */
import type { Shown, Witness } from './suspicion.ts';

/** A question to main, and its answer: a number that changes while the thread runs; undefined when the thread did not answer. */
export interface Probe { readonly worker: number; readonly tick: number }
export interface ProbeAnswer extends Probe { readonly cpuUs: number | undefined; readonly atMs: number }

/** Between two questions about one worker, ms. */
const PROBE_MS = 2;
/** Answers that must agree. */
const ANSWERS_MIN = 2;

/** One that has used less of the time between two answers did not run: to answer costs it some. */
const STILL_SHARE = 0.3;

interface Known { tick: number; askedAt: number; clock: number; cpuUs: number; answeredAt: number; still: number }

export class HeartbeatView {
  readonly #ask: (probe: Probe) => void;
  readonly #known = new Map<number, Known>();

  constructor(ask: (probe: Probe) => void) { this.#ask = ask; }

  /** One that is parked is believed to rest: what blocks in a callback outside of turns is not seen. */
  witnessOf(worker: number, nowMs: number, { tick, isParked }: Shown): Witness {
    let known = this.#known.get(worker);
    if (known === undefined) { known = { tick, askedAt: 0, clock: 0, cpuUs: 0, answeredAt: 0, still: 0 }; this.#known.set(worker, known); }
    if (known.tick !== tick) { known.tick = tick; known.still = 0; }
    if (!isParked && nowMs - known.askedAt >= PROBE_MS) { known.askedAt = nowMs; this.#ask({ worker, tick }); }
    const found = known;
    return { cpuNs: () => found.clock, isAsleep: () => isParked || found.still >= ANSWERS_MIN, isInLoop: () => true, isAtLock: () => false, mayBeCollecting: () => false };
  }

  receive({ worker, tick, cpuUs, atMs }: ProbeAnswer): void {
    const known = this.#known.get(worker);
    if (known === undefined || known.tick !== tick) return;              // it has moved since the question
    if (cpuUs === undefined) { known.still++; return; }
    const share = (cpuUs - known.cpuUs) / 1000 / (atMs - known.answeredAt);
    known.cpuUs = cpuUs;
    known.answeredAt = atMs;
    if (share < STILL_SHARE) { known.still++; return; }
    known.clock++;
    known.still = 0;
  }

  forget(worker: number): void { this.#known.delete(worker); }
}
