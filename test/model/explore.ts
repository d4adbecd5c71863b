/**
 * Runs the production source of a lock-free structure under every interleaving up to a preemption bound, with an optional kill before
 * any single operation, and checks plain accesses for races with vector clocks.
 *
 * The code under test is not transformed: the global `Atomics` is replaced, and the views it gets are proxies. A thread is an ordinary
 * synchronous function; it is suspended by a throw and resumed by running it again from its start with the results of its first n
 * operations replayed. So a thread keeps its state in locals (participants are built inside it) and returns what it wants to check.
 *
 * Choice points are atomic operations; plain accesses are none, for without a race their order does not matter, and races are reported.
 * Explored by depth-first search over choices; stateless, so a schedule is its list of choices and can be replayed from it.
 * What it cannot see: weaker orders than sequential consistency (test/stress has real threads for that).
 */
import type { Layout } from '../../packages/shared/src/layout.ts';
import type { Memory } from '../../packages/shared/src/memory.ts';

export interface Control {
  /** Runs `build` without choice points in it: construction, set-up. */
  quiet<T>(build: () => T): T;
  /** Counts shared writes and deaths so far. Read it before a poll; pass it to `changed` after the poll found nothing. */
  version(): number;
  /** Blocks until something has been written or somebody has died since `version`. */
  changed(version: number): void;
  /** Bit mask of killed threads; whoever reads it has joined them, as after a worker's `exit` event. */
  dead(): number;
  /** Tells the check something, once, however often this point is replayed. */
  note(what: unknown): void;
}

export interface Scenario<R extends unknown[] = unknown[]> {
  readonly layout: Layout;
  /** Prepares raw memory before the threads begin. */
  readonly setUp?: (memory: Memory) => void;
  readonly threads: ReadonlyArray<(memory: Memory, control: Control) => unknown>;
  /** Throws when an invariant does not hold. `memory` is raw. `killed` is a bit mask. */
  check(results: R, memory: Memory, killed: number, notes: readonly unknown[]): void;
  /** Threads that may still be blocked at the end (idle workers). Others blocked at the end are a deadlock. */
  readonly mayBlock?: number;
}

export interface Options {
  readonly bound?: number;
  /** How many threads may be killed in one schedule. */
  readonly kills?: number;
  /** Which threads may be killed, a bit mask; all but thread 0 unless given. */
  readonly killable?: number;
  readonly stepsMax?: number;
  readonly schedulesMax?: number;
}

export interface Report { readonly schedules: number; readonly steps: number; readonly complete: boolean }

const SUSPEND = Symbol('suspend');
const PLAIN_LOAD = 0, PLAIN_STORE = 1;
/** The place of an operation that is no choice point. */
const NOWHERE = -1;
const real = globalThis.Atomics;

interface Thread {
  readonly index: number;
  readonly body: (memory: Memory, control: Control) => unknown;
  readonly log: unknown[];
  state: 'ready' | 'waiting' | 'awaiting' | 'done' | 'killed';
  waitsAt: number;
  awaitedVersion: number;
  result: unknown;
  readonly clock: number[];
}

interface Location { released: number[] | undefined; writer: number; writtenAt: number; plainWrite: boolean; readonly readAt: number[] }

class Violation extends Error {}

/**
 * Words that more than one thread touches and at least one writes. Only before these can a preemption change anything: an operation on any
 * other word commutes with whatever the others do, so a switch before it equals a switch before the thread's next contended one.
 */
class Contended {
  readonly #touchedBy = new Map<number, number>();
  readonly #written = new Set<number>();
  #hot = new Set<number>();
  #found = new Set<number>();
  isHot(at: number): boolean { return this.#hot.has(at); }
  touch(at: number, thread: number, writes: boolean): void {
    if (this.#found.has(at)) return;
    const threads = (this.#touchedBy.get(at) ?? 0) | (1 << thread);
    this.#touchedBy.set(at, threads);
    if (writes) this.#written.add(at);
    if ((threads & (threads - 1)) !== 0 && this.#written.has(at)) this.#found.add(at);
  }
  /** Between schedules: true when words have become contended, so that the exploration must begin again with more choice points. */
  grew(): boolean {
    if (this.#found.size === this.#hot.size) return false;
    this.#hot = new Set(this.#found);
    return true;
  }
}

/** One schedule: the threads, the memory, and the race detector. */
class Run {
  readonly raw: Memory;
  readonly threads: Thread[];
  readonly #locations = new Map<number, Location>();
  readonly #instrumented: Memory;
  readonly #choose: (options: number) => number;
  readonly #options: Required<Options>;
  readonly #contended: Contended;
  readonly trace: string[] = [];
  readonly #tracing: boolean;
  readonly notes: unknown[] = [];
  version = 0;
  killed = 0;
  steps = 0;
  #preemptions = 0;
  #kills = 0;
  #current!: Thread;
  #position = 0;
  #quiet = 0;
  #next = -1;

  constructor(scenario: Scenario, options: Required<Options>, choose: (options: number) => number, contended: Contended, tracing: boolean) {
    this.#options = options;
    this.#contended = contended;
    this.#tracing = tracing;
    this.#choose = choose;
    const buffer = new SharedArrayBuffer(Math.ceil(scenario.layout.totalWords / 2) * 8);
    this.raw = { layout: scenario.layout, words: new Int32Array(buffer), floats: new Float64Array(buffer), bytes: Buffer.from(buffer) };
    scenario.setUp?.(this.raw);
    const count = scenario.threads.length;
    this.threads = scenario.threads.map((body, index) => ({
      index, body, log: [], state: 'ready', waitsAt: -1, awaitedVersion: -1, result: undefined,
      clock: Array.from({ length: count }, (_, k) => (k === index ? 1 : 0)),
    }));
    this.#instrumented = this.#instrument();
  }

  // ---- the loop over threads ----
  execute(): void {
    let thread = this.#pickBlocked();
    while (thread !== undefined) {
      this.#runFrom(thread);
      thread = this.#next >= 0 ? this.threads[this.#next] : this.#pickBlocked();
      this.#next = -1;
    }
  }

  #isEnabled(thread: Thread): boolean {
    return thread.state === 'ready' || (thread.state === 'awaiting' && thread.awaitedVersion !== this.version);
  }

  /** Chooses among all enabled threads: nobody is running. */
  #pickBlocked(): Thread | undefined {
    const enabled = this.threads.filter((thread) => this.#isEnabled(thread));
    if (enabled.length === 0) return undefined;
    return enabled[enabled.length === 1 ? 0 : this.#choose(enabled.length)];
  }

  #runFrom(thread: Thread): void {
    this.#current = thread;
    this.#position = 0;
    this.#quiet = 0;
    if (thread.state === 'awaiting') thread.state = 'ready';
    try {
      thread.result = thread.body(this.#instrumented, this.#control);
      thread.state = 'done';
      this.version++;
    } catch (error) {
      if (error !== SUSPEND) throw error;
    }
  }

  /** Performs the next operation of the current thread, or replays it; may suspend the thread before it instead. */
  operate<T>(at: number, label: () => string, perform: () => T): T {
    const thread = this.#current;
    if (this.#position < thread.log.length) return thread.log[this.#position++] as T;
    if (this.#quiet === 0) this.#chooseBefore(thread, at);
    if (++this.steps > this.#options.stepsMax) throw new Violation('livelock: too many steps');
    const result = perform();
    if (this.#tracing) this.trace.push(`${thread.index}: ${label()} = ${String(result)}`);
    thread.log.push(result);
    this.#position++;
    return result;
  }

  #chooseBefore(thread: Thread, at: number): void {
    const mayPreempt = at >= 0 && this.#contended.isHot(at) && this.#preemptions < this.#options.bound;
    const others = mayPreempt ? this.threads.filter((other) => other !== thread && this.#isEnabled(other)) : [];
    const mayKill = this.#kills < this.#options.kills && (this.#options.killable & (1 << thread.index)) !== 0;
    const count = 1 + others.length + (mayKill ? 1 : 0);
    if (count === 1) return;
    const choice = this.#choose(count);
    if (choice === 0) return;
    if (choice <= others.length) {
      this.#preemptions++;
      this.#next = (others[choice - 1] as Thread).index;
    } else {
      this.#kills++;
      this.killed |= 1 << thread.index;
      thread.state = 'killed';
      this.version++;
      this.trace.push(`${thread.index}: KILLED`);
    }
    throw SUSPEND;
  }

  // ---- what threads see ----
  readonly #control: Control = {
    quiet: (build) => { this.#quiet++; try { return build(); } finally { this.#quiet--; } },
    version: () => { this.#quiet++; try { return this.operate(NOWHERE, () => 'version', () => this.version); } finally { this.#quiet--; } },
    changed: (version) => this.operate(NOWHERE, () => 'changed', () => {
      if (this.version !== version) return undefined;
      return this.#block('awaiting', () => { this.#current.awaitedVersion = version; });
    }),
    dead: () => { this.#quiet++; try { return this.operate(NOWHERE, () => 'dead', () => {
      for (const other of this.threads) if (other.state === 'killed') this.#join(this.#current, other.clock);
      return this.killed;
    }); } finally { this.#quiet--; } },
    note: (what) => { this.#quiet++; try { this.operate(NOWHERE, () => 'note', () => { this.notes.push(what); }); } finally { this.#quiet--; } },
  };

  /** Blocks the current thread in an operation that counts as done when it is resumed. */
  #block(state: 'waiting' | 'awaiting', note: () => void): never {
    const thread = this.#current;
    thread.state = state;
    note();
    this.trace.push(`${thread.index}: ${state}`);
    thread.log.push(state === 'waiting' ? 'ok' : undefined);
    throw SUSPEND;
  }

  // ---- vector clocks ----
  #location(at: number): Location {
    let location = this.#locations.get(at);
    if (location === undefined) {
      location = { released: undefined, writer: -1, writtenAt: 0, plainWrite: false, readAt: this.threads.map(() => 0) };
      this.#locations.set(at, location);
    }
    return location;
  }
  #join(thread: Thread, clock: readonly number[] | undefined): void {
    if (clock !== undefined) for (let k = 0; k < clock.length; k++) if ((clock[k] as number) > (thread.clock[k] as number)) thread.clock[k] = clock[k] as number;
  }
  #sawWrite(thread: Thread, location: Location): boolean {
    return location.writer < 0 || location.writer === thread.index || (thread.clock[location.writer] as number) >= location.writtenAt;
  }
  #race(what: string, at: number): never { throw new Violation(`race: ${what} at ${nameOf(this.raw.layout, at)}`); }

  plain(kind: number, at: number): void {
    const thread = this.#current, location = this.#location(at);
    const isHint = isHintCell(this.raw.layout, at);
    const exempt = isHint || isSpeculative(this.raw.layout, at);
    const mayRead = kind === PLAIN_LOAD ? exempt : isHint;
    if (!mayRead && !this.#sawWrite(thread, location)) this.#race(kind === PLAIN_LOAD ? 'write/read' : 'write/write', at);
    if (kind === PLAIN_LOAD) { location.readAt[thread.index] = thread.clock[thread.index] as number; return; }
    if (!exempt) for (const other of this.threads) if (other !== thread && (location.readAt[other.index] as number) > (thread.clock[other.index] as number)) this.#race('read/write', at);
    this.#wrote(thread, location, true);
  }
  #wrote(thread: Thread, location: Location, plain: boolean): void {
    location.writer = thread.index;
    location.writtenAt = thread.clock[thread.index] as number;
    location.plainWrite = plain;
    if (plain) location.released = undefined;
    else { location.released = [...thread.clock]; (thread.clock[thread.index] as number)++; }
    this.version++;
  }

  // ---- the model of Atomics ----
  atomic(name: string, at: number, next: (old: number) => number | undefined, label: () => string): number {
    return this.operate(at, () => `${name} ${label()}`, () => {
      const thread = this.#current, location = this.#location(at), { words } = this.raw;
      if (location.plainWrite && !this.#sawWrite(thread, location)) this.#race('plain write/atomic', at);
      const old = words[at] as number;
      this.#contended.touch(at, thread.index, name !== 'load');
      if (name !== 'store') this.#join(thread, location.released);
      const value = next(old);
      if (value !== undefined) { words[at] = value; this.#wrote(thread, location, false); }
      return name === 'store' ? (value as number) : old;
    });
  }
  wait(at: number, expected: number): string {
    return this.operate(at, () => `wait ${this.nameOf(at)}`, () => {
      this.#contended.touch(at, this.#current.index, false);
      if (this.raw.words[at] !== expected) return 'not-equal';
      return this.#block('waiting', () => { this.#current.waitsAt = at; });
    });
  }
  notify(at: number): number {
    return this.operate(at, () => `notify ${this.nameOf(at)}`, () => {
      this.#contended.touch(at, this.#current.index, true);
      let count = 0;
      for (const other of this.threads) {
        if (other.state !== 'waiting' || other.waitsAt !== at) continue;
        other.state = 'ready';
        this.#join(other, this.#current.clock);
        count++;
      }
      return count;
    });
  }
  nameOf(at: number): string { return nameOf(this.raw.layout, at); }

  #instrument(): Memory {
    const { words, floats, bytes, layout } = this.raw;
    const touch = (kind: number, firstByte: number, byteLength: number): void => {
      for (let at = firstByte >> 2; at <= (firstByte + byteLength - 1) >> 2; at++) this.plain(kind, at);
    };
    const view = <V extends Int32Array | Float64Array | Buffer>(target: V, size: number): V => new Proxy(target, {
      get: (_, key) => {
        if (typeof key === 'string' && isIndex(key)) return this.operate(NOWHERE, () => `read ${this.nameOf((+key * size) >> 2)}`, () => { touch(PLAIN_LOAD, +key * size, size); return target[+key]; });
        if (key === 'write') return (text: string, at: number): number => this.operate(NOWHERE, () => 'write text', () => { touch(PLAIN_STORE, at, Buffer.byteLength(text)); return bytes.write(text, at); });
        if (key === 'toString') return (_: string, from: number, to: number): string => this.operate(NOWHERE, () => 'toString', () => { touch(PLAIN_LOAD, from, to - from); return bytes.toString('utf8', from, to); });
        return Reflect.get(target, key, target);
      },
      set: (_, key, value) => {
        this.operate(NOWHERE, () => `write ${this.nameOf((+String(key) * size) >> 2)} ${String(value)}`, () => { touch(PLAIN_STORE, +String(key) * size, size); target[+String(key)] = value as number; return value as number; });
        return true;
      },
    });
    return { layout, words: view(words, 4), floats: view(floats, 8), bytes: view(bytes, 1) };
  }
}

const isIndex = (key: string): boolean => { const c = key.charCodeAt(0); return c >= 48 && c <= 57; };

/** Hints need no order (claim-ring.ts, Ordering): the one plain access that may race. */
function isHintCell(layout: Layout, at: number): boolean {
  if (at < layout.regionAt) return false;
  const inRegion = (at - layout.regionAt) % layout.regionWords;
  return inRegion >= layout.ringsAt && inRegion < layout.namesAt;
}

/** Items of channels are read before the compare-and-swap that tells whether they were still there (channel.ts, Hazards): reads of them may race, writes not. */
const isSpeculative = (layout: Layout, at: number): boolean => at >= layout.storageAt;

function nameOf(layout: Layout, at: number): string {
  if (at < layout.controlAt) return `header+${at}`;
  if (at < layout.regionAt) { const size = (layout.regionAt - layout.controlAt) / layout.participantCount; return `control${Math.floor((at - layout.controlAt) / size)}+${(at - layout.controlAt) % size}`; }
  const region = Math.floor((at - layout.regionAt) / layout.regionWords), inside = (at - layout.regionAt) % layout.regionWords;
  if (inside < layout.ringsAt) return `slot${region}.${inside >> 4}+${inside & 15}`;
  if (inside < layout.namesAt) return `cell${region}+${inside - layout.ringsAt}`;
  return inside < layout.payloadAt ? `names${region}+${inside - layout.namesAt}` : `payload${region}+${inside - layout.payloadAt}`;
}

function modelOf(run: Run): typeof Atomics {
  const rmw = (name: string, combine: (old: number, value: number) => number) =>
    (_: unknown, at: number, value: number): number => run.atomic(name, at, (old) => combine(old, value), () => `${run.nameOf(at)} ${value}`);
  return {
    load: (_: unknown, at: number) => run.atomic('load', at, () => undefined, () => run.nameOf(at)),
    store: rmw('store', (_, value) => value),
    exchange: rmw('exchange', (_, value) => value),
    add: rmw('add', (old, value) => (old + value) | 0),
    sub: rmw('sub', (old, value) => (old - value) | 0),
    and: rmw('and', (old, value) => old & value),
    or: rmw('or', (old, value) => old | value),
    compareExchange: (_: unknown, at: number, expected: number, value: number) =>
      run.atomic('cas', at, (old) => (old === expected ? value : undefined), () => `${run.nameOf(at)} ${expected}→${value}`),
    wait: (_: unknown, at: number, expected: number) => run.wait(at, expected),
    notify: (_: unknown, at: number) => run.notify(at),
    pause: () => undefined,
  } as unknown as typeof Atomics;
}

type Choices = { taken: number; count: number }[];

/** Runs one schedule: the choices given, then the first of each. Throws what is wrong. */
function runOnce<R extends unknown[]>(make: () => Scenario<R>, options: Required<Options>, choices: Choices, contended: Contended, tracing: boolean): Run {
  let depth = 0;
  const choose = (count: number): number => {
    if (depth === choices.length) choices.push({ taken: 0, count });
    return (choices[depth++] as { taken: number }).taken;
  };
  const scenario = make();
  const run = new Run(scenario as unknown as Scenario, options, choose, contended, tracing);
  globalThis.Atomics = modelOf(run);
  try {
    run.execute();
    globalThis.Atomics = real;
    const stuck = run.threads.filter(({ state, index }) => state !== 'done' && state !== 'killed' && ((scenario.mayBlock ?? 0) & (1 << index)) === 0);
    if (stuck.length > 0) throw new Violation(`deadlock: ${stuck.map(({ index, state }) => `thread ${index} ${state}`).join(', ')}`);
    scenario.check(run.threads.map(({ result }) => result) as R, run.raw, run.killed, run.notes);
    return run;
  } catch (error) {
    throw tracing ? new Error(`${(error as Error).message}\n${run.trace.slice(-150).join('\n')}`, { cause: error }) : error;
  } finally {
    globalThis.Atomics = real;
  }
}

/**
 * Explores all schedules of a scenario. Throws on the first that breaks an invariant, races, deadlocks or livelocks, with the schedule
 * and its trace in the message.
 */
export function explore<R extends unknown[]>(make: () => Scenario<R>, options: Options = {}): Report {
  const full: Required<Options> = { bound: 2, kills: 0, killable: ~1, stepsMax: 3000, schedulesMax: 2_000_000, ...options };
  const choices: Choices = [];
  const contended = new Contended();
  let schedules = 0, steps = 0;
  for (;;) {
    try {
      steps += runOnce(make, full, choices, contended, false).steps;
    } catch {
      runOnce(make, full, choices, contended, true);                   // again, with a trace
      throw new Error(`schedule ${schedules + 1} failed once and not again: the scenario is not deterministic`);
    }
    schedules++;
    if (contended.grew()) { choices.length = 0; schedules = steps = 0; continue; }
    while (choices.length > 0 && (choices.at(-1) as { taken: number }).taken + 1 === (choices.at(-1) as { count: number }).count) choices.pop();
    if (choices.length === 0) return { schedules, steps, complete: true };
    (choices.at(-1) as { taken: number }).taken++;
    if (schedules === full.schedulesMax) return { schedules, steps, complete: false };
  }
}
