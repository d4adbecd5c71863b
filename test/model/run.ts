/**
 * One schedule at a time of a scenario: its threads, its memory, and the way back to each choice. Used by explore.ts, which says how it works.
 */
import type { Layout } from '../../packages/shared/src/layout.ts';
import type { Memory } from '../../packages/shared/src/memory.ts';
import { Words, join, nameOf, type WordsMark } from './clocks.ts';
import { Violation, type Control, type Options, type Scenario } from './scenario.ts';
import { Digest } from './states.ts';

const SUSPEND = Symbol('suspend');
/** The place of an operation that is no choice point. */
const NOWHERE = -1;

interface Thread {
  readonly index: number;
  readonly body: (memory: Memory, control: Control) => unknown;
  /** The results of its operations. */
  readonly log: unknown[];
  readonly digest: Digest;
  state: 'ready' | 'waiting' | 'awaiting' | 'done' | 'killed';
  waitsAt: number;
  awaitedVersion: number;
  result: unknown;
  readonly clock: number[];
}
type ThreadMark = Pick<Thread, 'state' | 'waitsAt' | 'awaitedVersion' | 'result'> & { readonly logged: number; readonly a: number; readonly b: number; readonly clock: readonly number[] };

/** What can be chosen: to go on with a thread; to preempt who runs for a thread; to kill it. The number of the thread is in the lower bits. */
const PREEMPT = 32;
const KILL = 64;

/** To go back to. `moves`: what could be chosen. */
export interface Mark {
  readonly moves: readonly number[];
  readonly words: WordsMark;
  readonly threads: readonly ThreadMark[];
  readonly noted: number;
  readonly notedA: number;
  readonly notedB: number;
  readonly version: number;
  readonly killed: number;
  readonly steps: number;
  readonly preemptions: number;
  readonly kills: number;
}

/**
 * Words that more than one thread touches and at least one writes. Only before these can a preemption change anything: an operation on any
 * other word commutes with whatever the others do, so a switch before it equals a switch before the thread's next contended one.
 */
export class Contended {
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

const isIndex = (key: string): boolean => { const c = key.charCodeAt(0); return c >= 48 && c <= 57; };

/** Raw memory of a layout. */
export function rawMemory(layout: Layout): Memory {
  const buffer = new SharedArrayBuffer(Math.ceil(layout.totalWords / 2) * 8);
  return { layout, words: new Int32Array(buffer), floats: new Float64Array(buffer), bytes: Buffer.from(buffer) };
}

export class Run {
  readonly raw: Memory;
  readonly threads: readonly Thread[];
  readonly notes: unknown[] = [];
  readonly trace: string[] = [];
  killed = 0;
  preemptions = 0;
  /** Operations of this schedule, and all that were performed. */
  steps = 0;
  performed = 0;
  readonly #words: Words;
  readonly #instrumented: Memory;
  readonly #choose: (count: number) => number;
  readonly #options: Required<Options>;
  readonly #contended: Contended;
  readonly #tracing: boolean;
  readonly #noted = new Digest();
  #version = 0;
  #kills = 0;
  #moves: readonly number[] = [];
  /** The thread that may go on without a preemption, or -1. */
  #running = -1;
  #current!: Thread;
  #position = 0;
  #quiet = 0;
  #next = -1;

  /** `choose`: which of so many moves; what it throws comes out of `execute`. */
  constructor(scenario: Scenario, options: Required<Options>, choose: (count: number) => number, contended: Contended, tracing: boolean) {
    this.#options = options;
    this.#contended = contended;
    this.#tracing = tracing;
    this.#choose = choose;
    this.raw = rawMemory(scenario.layout);
    scenario.setUp?.(this.raw);
    const count = scenario.threads.length;
    this.threads = scenario.threads.map((body, index) => ({
      index, body, log: [], digest: new Digest(), state: 'ready', waitsAt: -1, awaitedVersion: -1, result: undefined,
      clock: Array.from({ length: count }, (_, k) => (k === index ? 1 : 0)),
    }));
    this.#words = new Words(scenario.layout, this.raw.words, count);
    this.#instrumented = this.#instrument();
  }

  // ---- the loop over threads ----
  /** Runs to the end of the schedule, from where it stands. */
  execute(): void {
    for (;;) {
      const thread = this.#next >= 0 ? this.threads[this.#next] : this.#pick();
      if (thread === undefined) return;
      this.#next = -1;
      this.#runFrom(thread);
    }
  }

  #isEnabled(thread: Thread): boolean {
    return thread.state === 'ready' || (thread.state === 'awaiting' && thread.awaitedVersion !== this.#version);
  }

  /** Chooses among all enabled threads: nobody is running. */
  #pick(): Thread | undefined {
    const enabled = this.threads.filter((thread) => this.#isEnabled(thread));
    if (enabled.length === 0) return undefined;
    this.#running = -1;
    this.#moves = enabled.map(({ index }) => index);
    return enabled[this.#choose(enabled.length)];
  }

  #runFrom(thread: Thread): void {
    this.#current = thread;
    this.#position = 0;
    this.#quiet = 0;
    if (thread.state === 'awaiting') thread.state = 'ready';
    try {
      thread.result = thread.body(this.#instrumented, this.#control);
      thread.state = 'done';
      this.#version++;
    } catch (error) {
      if (error !== SUSPEND) throw error;
    }
  }

  /** Performs the next operation of the current thread, or replays it; may suspend the thread before it instead. */
  #operate<T>(at: number, label: () => string, perform: () => T): T {
    const thread = this.#current;
    if (this.#position < thread.log.length) return thread.log[this.#position++] as T;
    if (this.#quiet === 0) this.#chooseBefore(thread, at);
    if (++this.steps > this.#options.stepsMax) throw new Violation('livelock: too many steps');
    this.performed++;
    const result = perform();
    if (this.#tracing) this.trace.push(`${thread.index}: ${label()} = ${String(result)}`);
    this.#log(thread, result);
    this.#position++;
    return result;
  }

  #log(thread: Thread, result: unknown): void {
    thread.log.push(result);
    thread.digest.addValue(result);
  }

  #chooseBefore(thread: Thread, at: number): void {
    const mayPreempt = at >= 0 && this.#contended.isHot(at) && this.preemptions < this.#options.bound;
    const mayKill = this.#kills < this.#options.kills && (this.#options.killable & (1 << thread.index)) !== 0;
    if (!mayPreempt && !mayKill) return;
    const moves = [thread.index];
    if (mayPreempt) for (const other of this.threads) if (other !== thread && this.#isEnabled(other)) moves.push(PREEMPT | other.index);
    if (mayKill) moves.push(KILL | thread.index);
    if (moves.length === 1) return;
    this.#running = thread.index;
    this.#moves = moves;
    const choice = this.#choose(moves.length);
    if (choice === 0) return;
    this.#move(moves[choice] as number);
    throw SUSPEND;
  }

  #move(move: number): void {
    const index = move & (PREEMPT - 1);
    if ((move & KILL) !== 0) {
      this.#kills++;
      this.killed |= 1 << index;
      (this.threads[index] as Thread).state = 'killed';
      this.#version++;
      this.#next = -1;
      if (this.#tracing) this.trace.push(`${index}: KILLED`);
      return;
    }
    if ((move & PREEMPT) !== 0) this.preemptions++;
    this.#next = index;
  }

  // ---- states, and the way back ----
  /** All that decides what can follow, but for the number of preemptions. */
  state(): Digest {
    const digest = new Digest().add(this.#version).add(this.killed).add(this.#running).add(this.#noted.a).add(this.#noted.b);
    this.#words.addTo(digest);
    for (const { state, waitsAt, awaitedVersion, clock, result, digest: { a, b } } of this.threads) {
      digest.add(state.length).add(state.charCodeAt(0)).addAll(clock);
      if (state === 'done') digest.addValue(result);
      else if (state !== 'killed') digest.add(a).add(b).add(waitsAt).add(awaitedVersion === this.#version ? 1 : 0);
    }
    return digest;
  }

  /** Within `choose`, after `state`. */
  mark(): Mark {
    return {
      moves: this.#moves, words: this.#words.mark(), noted: this.notes.length, notedA: this.#noted.a, notedB: this.#noted.b,
      version: this.#version, killed: this.killed, steps: this.steps, preemptions: this.preemptions, kills: this.#kills,
      threads: this.threads.map(({ state, waitsAt, awaitedVersion, result, log, digest: { a, b }, clock }) => ({ state, waitsAt, awaitedVersion, result, logged: log.length, a, b, clock: [...clock] })),
    };
  }

  /** Goes back to a choice and makes another, which must not be the first; then `execute` goes on from there. */
  goBack(mark: Mark, choice: number): void {
    this.#words.goBack(mark.words);
    for (const thread of this.threads) {
      const { logged, a, b, clock, ...rest } = mark.threads[thread.index] as ThreadMark;
      Object.assign(thread, rest);
      Object.assign(thread.digest, { a, b });
      thread.log.length = logged;
      for (let k = 0; k < clock.length; k++) thread.clock[k] = clock[k] as number;
    }
    this.notes.length = mark.noted;
    Object.assign(this.#noted, { a: mark.notedA, b: mark.notedB });
    this.#version = mark.version;
    this.killed = mark.killed;
    this.steps = mark.steps;
    this.preemptions = mark.preemptions;
    this.#kills = mark.kills;
    this.#move(mark.moves[choice] as number);
  }

  // ---- what threads see ----
  readonly #control: Control = {
    quiet: (build) => { this.#quiet++; try { return build(); } finally { this.#quiet--; } },
    version: () => { this.#quiet++; try { return this.#operate(NOWHERE, () => 'version', () => this.#version); } finally { this.#quiet--; } },
    changed: (version) => this.#operate(NOWHERE, () => 'changed', () => {
      if (this.#version !== version) return undefined;
      return this.#block('awaiting', () => { this.#current.awaitedVersion = version; });
    }),
    dead: () => { this.#quiet++; try { return this.#operate(NOWHERE, () => 'dead', () => {
      for (const other of this.threads) if (other.state === 'killed') join(this.#current, other.clock);
      return this.killed;
    }); } finally { this.#quiet--; } },
    note: (what) => { this.#quiet++; try { this.#operate(NOWHERE, () => 'note', () => { this.notes.push(what); this.#noted.addValue(what); }); } finally { this.#quiet--; } },
  };

  /** Blocks the current thread in an operation that counts as done when it is resumed. */
  #block(state: 'waiting' | 'awaiting', note: () => void): never {
    const thread = this.#current;
    thread.state = state;
    note();
    if (this.#tracing) this.trace.push(`${thread.index}: ${state}`);
    this.#log(thread, state === 'waiting' ? 'ok' : undefined);
    throw SUSPEND;
  }

  // ---- the model of Atomics ----
  #atomic(name: string, at: number, next: (old: number) => number | undefined, label: () => string): number {
    return this.#operate(at, () => `${name} ${label()}`, () => {
      const thread = this.#current, { words } = this.raw;
      this.#words.operate(at, thread, name !== 'store');
      this.#contended.touch(at, thread.index, name !== 'load');
      const old = words[at] as number;
      const value = next(old);
      if (value !== undefined) { this.#words.release(at, thread); this.#version++; words[at] = value; }
      return name === 'store' ? (value as number) : old;
    });
  }
  #wait(at: number, expected: number): string {
    return this.#operate(at, () => `wait ${this.#nameOf(at)}`, () => {
      this.#contended.touch(at, this.#current.index, false);
      if (this.raw.words[at] !== expected) return 'not-equal';
      return this.#block('waiting', () => { this.#current.waitsAt = at; });
    });
  }
  #notify(at: number): number {
    return this.#operate(at, () => `notify ${this.#nameOf(at)}`, () => {
      this.#contended.touch(at, this.#current.index, true);
      let count = 0;
      for (const other of this.threads) {
        if (other.state !== 'waiting' || other.waitsAt !== at) continue;
        other.state = 'ready';
        join(other, this.#current.clock);
        count++;
      }
      return count;
    });
  }
  #nameOf(at: number): string { return nameOf(this.raw.layout, at); }

  /** In place of the global `Atomics` while threads run. */
  atomics(): typeof Atomics {
    const rmw = (name: string, combine: (old: number, value: number) => number) =>
      (_: unknown, at: number, value: number): number => this.#atomic(name, at, (old) => combine(old, value), () => `${this.#nameOf(at)} ${value}`);
    return {
      load: (_: unknown, at: number) => this.#atomic('load', at, () => undefined, () => this.#nameOf(at)),
      store: rmw('store', (_, value) => value),
      exchange: rmw('exchange', (_, value) => value),
      add: rmw('add', (old, value) => (old + value) | 0),
      sub: rmw('sub', (old, value) => (old - value) | 0),
      and: rmw('and', (old, value) => old & value),
      or: rmw('or', (old, value) => old | value),
      compareExchange: (_: unknown, at: number, expected: number, value: number) =>
        this.#atomic('cas', at, (old) => (old === expected ? value : undefined), () => `${this.#nameOf(at)} ${expected}→${value}`),
      wait: (_: unknown, at: number, expected: number) => this.#wait(at, expected),
      notify: (_: unknown, at: number) => this.#notify(at),
      pause: () => undefined,
    } as unknown as typeof Atomics;
  }

  #read(firstByte: number, byteLength: number): void {
    for (let at = firstByte >> 2; at <= (firstByte + byteLength - 1) >> 2; at++) this.#words.read(at, this.#current);
  }
  #write(firstByte: number, byteLength: number): void {
    for (let at = firstByte >> 2; at <= (firstByte + byteLength - 1) >> 2; at++) { this.#words.write(at, this.#current); this.#version++; }
  }

  #instrument(): Memory {
    const { words, floats, bytes, layout } = this.raw;
    const view = <V extends Int32Array | Float64Array | Buffer>(target: V, size: number): V => new Proxy(target, {
      get: (_, key) => {
        if (typeof key === 'string' && isIndex(key)) return this.#operate(NOWHERE, () => `read ${this.#nameOf((+key * size) >> 2)}`, () => { this.#read(+key * size, size); return target[+key]; });
        if (key === 'write') return (text: string, at: number): number => this.#operate(NOWHERE, () => 'write text', () => { this.#write(at, Buffer.byteLength(text)); return bytes.write(text, at); });
        if (key === 'toString') return (_: string, from: number, to: number): string => this.#operate(NOWHERE, () => 'toString', () => { this.#read(from, to - from); return bytes.toString('utf8', from, to); });
        return Reflect.get(target, key, target);
      },
      set: (_, key, value) => {
        this.#operate(NOWHERE, () => `write ${this.#nameOf((+String(key) * size) >> 2)} ${String(value)}`, () => { this.#write(+String(key) * size, size); target[+String(key)] = value as number; return value as number; });
        return true;
      },
    });
    return { layout, words: view(words, 4), floats: view(floats, 8), bytes: view(bytes, 1) };
  }
}
