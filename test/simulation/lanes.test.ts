/**
 * Routes that are all on back lanes, asked for more than there is: each gets its share of what the lanes compute. The worker's own classes decide who is
 * handed over (LaneShares) and what is refused (Admission, drain); a lane runs what it takes to its end, the oldest first, and is in virtual time.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { Ewma } from '@capriccio/worker';
import { Admission, forecastWait } from '../../packages/core/src/conductor/admission.ts';
import { drain, noDrain, perMsOf, type Drain } from '../../packages/core/src/conductor/drain-rates.ts';
import { LaneShares } from '../../packages/core/src/serve/lane-shares.ts';
import { Events } from './events.ts';
import { exponential, random } from './random.ts';

/** Processor time of five routes, ms: those of the benchmark servers/overload. */
const COSTS = [2.2, 2.2, 4.4, 7.3, 22];
const DEADLINE_MS = 500;
const PERIOD_MS = 50;
const NONE: readonly never[] = [];

interface Rules { readonly pays?: boolean }
class Route {
  readonly ms: number;
  readonly tickets: number;
  readonly queue: number[] = [];
  readonly admission = new Admission();
  readonly ownMs = new Ewma();
  drain: Drain = noDrain;
  begun = 0;
  wasQueued = false;
  constructor(ms: number, tickets: number) { this.ms = ms; this.tickets = tickets; }
  get wantsLane(): boolean { return this.queue.length > 0; }
}

/** @returns work that was answered in time, of each route, of all of it */
function run({ cores, load, seconds = 10, tickets = COSTS.map(() => 1), pays = true, seed = 1 }: Rules & { cores: number; load: number; seconds?: number; tickets?: readonly number[]; seed?: number }): { parts: number[]; goodput: number } {
  const events = new Events();
  const next = random(seed);
  const done = COSTS.map(() => 0);
  const idle: (() => void)[] = [];
  /** What fronts have handed over and no lane has begun: the oldest first, of all fronts. */
  const ring: ((lane: () => void) => void)[] = [];
  const lane = (): void => {
    const task = ring.shift();
    if (task === undefined) idle.push(lane);
    else task(lane);
  };
  for (let k = 0; k < cores; k++) idle.push(lane);
  for (let front = 0; front < cores; front++) {
    const shares = new LaneShares<Route>();
    const routes = COSTS.map((ms, k) => new Route(ms, tickets[k] as number));
    let unbegun = 0;
    const offer = (): void => {
      while (unbegun < cores) {
        for (const route of routes) {
          while (route.queue.length > 0 && events.now - (route.queue[0] as number) > DEADLINE_MS) route.queue.shift();
          if (route.wantsLane) shares.wait(route); else shares.leave(route);
        }
        const route = routes.find((one) => one.wantsLane && shares.isNext(one));
        if (route === undefined) return;
        const arrivedAt = route.queue.shift() as number;
        const paidMs = shares.handOver(route);
        route.begun++;
        unbegun++;
        ring.push((free) => {
          unbegun--;
          const begunAt = events.now;
          events.after(route.ms, () => {
            if (events.now - arrivedAt <= DEADLINE_MS && arrivedAt >= 1000) { const k = routes.indexOf(route); done[k] = (done[k] as number) + route.ms; }
            route.ownMs.add(events.now - begunAt);
            shares.answered(route, pays ? route.ms : 1, paidMs);
            free();
            offer();
          });
          offer();
        });
        idle.shift()?.();
      }
    };
    for (const route of routes) {
      const between = exponential(COSTS.length * route.ms / load);
      const arrive = (): void => {
        const waitMs = forecastWait(route.queue.length, perMsOf(route.drain), NONE);
        const refused = route.wantsLane ? route.admission.judge({ nowMs: events.now, arrivedAtMs: events.now, deadlineMs: DEADLINE_MS, waitMs, waiting: route.queue.length, workers: 1, ownMs: route.ownMs }) : undefined;
        if (refused === undefined) { route.queue.push(events.now); offer(); }
        events.after(between(next), arrive);
      };
      const look = (): void => {
        route.drain = drain(route.drain, { count: route.begun, ms: PERIOD_MS, isBacklogged: route.wasQueued && route.wantsLane, fairPerMs: route.tickets / tickets.reduce((a, b) => a + b, 0) / route.ms });
        route.begun = 0;
        route.wasQueued = route.wantsLane;
        events.after(PERIOD_MS, look);
      };
      events.after(between(next), arrive);
      events.after(PERIOD_MS, look);
    }
  }
  events.runUntil((1 + seconds) * 1000);
  const all = done.reduce((a, b) => a + b, 0);
  return { parts: done.map((ms) => ms / all), goodput: all / seconds / 1000 / cores };
}

describe('five routes on back lanes, each asked for as much', () => {
  test.each([[1, 2], [2, 2], [2, 4], [2, 8], [8, 4], [16, 8]])('%i cores, %ix: each has 0.9 of its share, and the lanes work', (cores, load) => {
    const { parts, goodput } = run({ cores, load });
    for (const part of parts) assert.ok(part >= 0.9 / COSTS.length, `${parts.map((each) => (each * COSTS.length).toFixed(2))}`);
    assert.ok(goodput >= 0.85, goodput.toFixed(2));
  });

  test('by tickets', () => {
    const tickets = [1, 2, 1, 2, 4];
    const { parts } = run({ cores: 2, load: 8, tickets });
    for (const [k, part] of parts.entries()) assert.ok(part >= 0.9 * (tickets[k] as number) / 10, `${parts.map((each) => each.toFixed(3))}`);
  });

  test('where each paid for its turns alone, the lightest would have less than a half', () => {
    const { parts } = run({ cores: 2, load: 4, pays: false });
    assert.ok((parts[0] as number) < 0.5 / COSTS.length, `${parts}`);
  });
});
