/**
 * Fronts give way to lanes. The kernel runs a front whenever it has something to do, and lanes in what is left: so a flood of what runs in front would take
 * the processors from all that lanes are for, whatever the tickets say. While routes wait here for lanes, and lanes for processors, the lanes have an
 * account beside those of the worker's roots: charged with what they ran, for the tickets of the routes that wait. Who has had more than they, for its
 * tickets, does not go on here before they have caught up; so the worker sleeps, and the kernel has only lanes to run.
 *
 * By the kernel's own account of each thread. Where a worker that gave way did not help (somebody else has the processors) it gives way no more for a while,
 * nor where lanes have processors enough, nor where they have little to run. Who uses less than its share has less pass than the lanes, and never waits.
 *
 * Source: stride scheduling (stride.ts), with the lanes as one more client.
 */
import type { Memory } from '@capriccio/shared';
import { kernelTimes, type KernelTimes } from './lane-hunger.ts';
import { lanesHad, type LanesHad } from './lanes-had.ts';
import { charge, msOfPass, type Share } from '../stride.ts';

/** A look is over so long at least, ms; an older one tells nothing of now. */
const PERIOD_MS = 6;
const PERIOD_MS_MAX = 100;
/** Of the time in which lanes could have run, the part that they waited from which on they are short of processors, unless they did not because this worker gave way; and part of a processor that they must want. */
const SHORT = 0.15;
const WANTED = 0.3;
/** Where they had less of that time while this worker gave way, over so much of it, others hold the processors; for so long it does not try again, ms. */
const HELPED = 0.2;
const JUDGED_MS = 200;
const FUTILE_MS = 500;
/** How far, at one ticket, roots may be before the lanes; the lanes before them; and the lanes behind them, ms. */
const SLACK_MS = 2;
const AHEAD_MS = 20;
const BEHIND_MS = 50;

interface Sums extends LanesHad { readonly atMs: number }

export class LaneBalance {
  readonly #memory: Memory;
  readonly #times: KernelTimes;
  readonly #account: Share = { tickets: 1, pass: 0 };
  #before: Sums | undefined;
  #futileUntil = -Infinity;
  /** While this worker gave way, since that was judged. */
  #givenRanMs = 0;
  #givenRunnableMs = 0;
  /** Roots with more pass do not go on. */
  limit: number = Infinity;

  constructor(memory: Memory, times: KernelTimes = kernelTimes) {
    this.#memory = memory;
    this.#times = times;
  }

  /**
   * @param tickets  of the routes that wait for lanes, all together
   * @param pass  of those that run in front and have something to run, the most; -Infinity: there are none
   */
  look(nowMs: number, tickets: number, pass: number): void {
    const before = this.#before;
    if (!(tickets > 0) || pass === -Infinity) { this.stop(); return; }
    if (before !== undefined && nowMs - before.atMs < PERIOD_MS) return;
    const sums: Sums = { atMs: nowMs, ...lanesHad(this.#memory, this.#times) };
    this.#before = sums;
    const account = this.#account;
    if (before === undefined || nowMs - before.atMs > PERIOD_MS_MAX || sums.ranMs < before.ranMs) { account.pass = pass; this.limit = Infinity; return; }
    const [ranMs, waitedMs] = [sums.ranMs - before.ranMs, sums.waitedMs - before.waitedMs];
    account.tickets = tickets;
    charge(account, ranMs / Math.max(1, sums.fronts));
    account.pass = Math.max(pass - msOfPass(BEHIND_MS), Math.min(pass + msOfPass(AHEAD_MS), account.pass));
    const runnableMs = ranMs + waitedMs;
    const hasGivenWay = this.limit < pass;
    if (hasGivenWay) this.#judge(nowMs, ranMs, runnableMs);
    const isShort = (hasGivenWay || waitedMs > SHORT * runnableMs) && runnableMs > WANTED * (nowMs - before.atMs);
    this.limit = isShort && nowMs >= this.#futileUntil ? account.pass + msOfPass(SLACK_MS) : Infinity;
  }

  #judge(nowMs: number, ranMs: number, runnableMs: number): void {
    this.#givenRanMs += ranMs;
    this.#givenRunnableMs += runnableMs;
    if (this.#givenRunnableMs < JUDGED_MS) return;
    if (this.#givenRanMs < HELPED * this.#givenRunnableMs) this.#futileUntil = nowMs + FUTILE_MS;
    this.#givenRanMs = this.#givenRunnableMs = 0;
  }

  /** Nobody waits for lanes, or nobody for them to wait for. */
  stop(): void {
    this.#before = undefined;
    this.limit = Infinity;
  }
}
