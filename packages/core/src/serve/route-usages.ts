/**
 * What a back lane has computed for each route: in the root that brings its requests, in the route's own, where its threads go on after their waits, and
 * in native code, as far as that is seen. The two have one share of the lane. What fronts have not been told yet goes with the next answer of the route,
 * whoever gets it: so nothing is lost when a client leaves, or when something computes on after its answer.
 */
import type { LaneClock, Root, RootLane, Runtime } from '@capriccio/worker';
import { requestRootName } from './lane-messages.ts';

class RouteUsage {
  readonly #clock: LaneClock;
  readonly #roots: readonly (readonly [Root, RootLane])[];
  #toldMs = 0;

  constructor(clock: LaneClock, roots: readonly Root[]) {
    this.#clock = clock;
    this.#roots = roots.map((root) => [root, root.lane ??= clock.of(root.name)]);
  }

  /** Since it was taken last, ms; the piece of work that runs is in it. */
  take(): number {
    const before = this.#toldMs;
    this.#toldMs = this.#roots.reduce((sum, [root, lane]) => sum + root.usedMs + this.#clock.usedNow(lane), 0);
    return this.#toldMs - before;
  }
}

export class RouteUsages {
  readonly #runtime: Runtime;
  readonly #usages = new Map<string, RouteUsage>();

  constructor(runtime: Runtime) { this.#runtime = runtime; }

  /** Of a route, from its first request on. */
  of(route: string): RouteUsage {
    let usage = this.#usages.get(route);
    if (usage === undefined) {
      const { roots } = this.#runtime.scheduler;
      const [bringing, running] = [roots.named(requestRootName(route)), roots.named(route)];
      if (bringing !== running) { bringing.partner = running; running.partner = bringing; }
      this.#usages.set(route, usage = new RouteUsage(this.#runtime.laneClock as LaneClock, bringing === running ? [running] : [bringing, running]));
    }
    return usage;
  }
}
