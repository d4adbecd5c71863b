/** What arrives: classes of requests as chains of steps. Times are milliseconds, memory bytes. Load 1 is nominally what the machine, or the station, can do. */
import { always, either, exponential, type Draw } from './random.ts';
import type { StationShape } from './station.ts';

const MIB = 2 ** 20;

export interface Step {
  /** The blocking point at which the step ends, or the end of the thread. */
  readonly node: number;
  readonly cpuMs: Draw;
  /** Taken when the processor time is over, given back when the thread ends. */
  readonly bytes?: Draw;
  /** What it waits for then: time that passes, a station, a call, or nothing, for it ends. */
  readonly waitsFor: 'time' | 'end' | 'station' | 'call';
  /** The class that is called. */
  readonly calls?: string;
  readonly waitMs?: Draw;
}

export interface RequestClass {
  readonly name: string;
  readonly deadlineMs: number;
  /** A started thread ends at a wait once its deadline has passed. */
  readonly onDeadline?: 'admission' | 'cancel';
  /** Arrivals per millisecond at load 1. */
  readonly perMs: number;
  /** Order of an oracle that knows what is urgent. */
  readonly priority: number;
  readonly tickets?: number;
  /** The worker that alone may run it: of what is called, and does not arrive. */
  readonly home?: number;
  readonly steps: readonly Step[];
}

export interface Workload { readonly classes: readonly RequestClass[]; readonly memoryLimit?: number; readonly station?: StationShape }

const light = (name: string, node: number, perMs: number): RequestClass =>
  ({ name, deadlineMs: 100, perMs, priority: 0, steps: [{ node, cpuMs: exponential(0.2), waitsFor: 'end' }] });

/** Nine tenths of the processor time that is asked for is heavy. */
export const cpuMix = (cores: number): Workload => ({ classes: [
  { name: 'light', deadlineMs: 100, perMs: cores * 0.1 / 0.3, priority: 0, steps: [{ node: 1, cpuMs: exponential(0.15), waitsFor: 'time', waitMs: exponential(2) }, { node: 2, cpuMs: exponential(0.15), waitsFor: 'end' }] },
  { name: 'heavy', deadlineMs: 1000, perMs: cores * 0.9 / 30, priority: 1, steps: [{ node: 3, cpuMs: exponential(1), waitsFor: 'time', waitMs: exponential(2) }, { node: 4, cpuMs: exponential(29), waitsFor: 'end' }] },
] });

/** Five entry points with the same share of the processors each, from 3 to 25 ms: a light one is as loaded as a long one. */
export const evenMix = (cores: number): Workload => ({
  classes: [3, 4, 5, 9, 25].map((ms) => ({ name: `${ms} ms`, deadlineMs: 1000, perMs: cores / 5 / ms, priority: 0, steps: [{ node: ms, cpuMs: always(ms), waitsFor: 'end' as const }] })),
});

/** Routes of a server, as packages/bench's overload has them: each asks for the same processor time; clients give up after half a second. One waits for a data base. */
export const routes = (cores: number): Workload => {
  const route = (name: string, ms: number, ...before: Step[]): RequestClass =>
    ({ name, deadlineMs: 500, perMs: cores / 5 / ms, priority: 0, steps: [...before, { node: ms, cpuMs: always(ms - 0.2 * before.length), waitsFor: 'end' }] });
  return { classes: [route('light', 3), route('wait', 3.1, { node: 1, cpuMs: always(0.2), waitsFor: 'time', waitMs: always(5) }), route('page', 5.5), route('search', 9), route('report', 26)] };
};

/** One entry point; 0.5 % of the requests are half of the work, and nothing tells which. */
export const bimodal = (cores: number): Workload => ({ classes: [
  { name: 'one', deadlineMs: 300, perMs: cores / (0.995 * 0.3 + 0.005 * 60), priority: 0, steps: [{ node: 1, cpuMs: either(0.995, exponential(0.3), exponential(60)), waitsFor: 'end' }] },
] });

/** Each request holds 4 MiB for some 60 ms; past the limit everything slows down. */
export const memory = (cores: number): Workload => ({
  memoryLimit: 128 * MIB * cores,
  classes: [
    { name: 'big', deadlineMs: 500, perMs: cores / 3, priority: 1, steps: [{ node: 1, cpuMs: exponential(0.5), bytes: always(4 * MIB), waitsFor: 'time', waitMs: exponential(60) }, { node: 2, cpuMs: exponential(2.5), waitsFor: 'end' }] },
    light('small', 3, cores * 0.05 / 0.2),
  ],
});

/** Memory binds long before the processor: 2 MiB, one in twenty 32 MiB, held for 400 ms. */
export const memio = (cores: number): Workload => ({
  memoryLimit: 128 * MIB * cores,
  classes: [
    { name: 'upload', deadlineMs: 2000, perMs: cores * 0.07, priority: 1, steps: [{ node: 1, cpuMs: exponential(0.3), bytes: either(0.95, always(2 * MIB), always(32 * MIB)), waitsFor: 'time', waitMs: exponential(400) }, { node: 2, cpuMs: exponential(0.7), waitsFor: 'end' }] },
    light('small', 3, cores * 0.3 / 0.2),
  ],
});

/** Most is taken in the middle: 1 MiB at the start, after 300 ms 1 MiB more, of one in four 24 MiB. */
export const memstep = (cores: number): Workload => ({
  memoryLimit: 128 * MIB * cores,
  classes: [
    {
      name: 'render', deadlineMs: 2000, perMs: cores * 0.07, priority: 1, steps: [
        { node: 1, cpuMs: exponential(0.3), bytes: always(MIB), waitsFor: 'time', waitMs: exponential(300) },
        { node: 2, cpuMs: exponential(0.7), bytes: either(0.75, always(MIB), always(24 * MIB)), waitsFor: 'time', waitMs: exponential(200) },
        { node: 3, cpuMs: exponential(0.5), waitsFor: 'end' },
      ],
    },
    light('small', 4, cores * 0.3 / 0.2),
  ],
});

/** Queries to a service that does less the more it is asked at a time, beside requests that need nothing of it. */
export const db = (cores: number, shape: Partial<StationShape> = {}): Workload => ({
  station: { parallel: 2 * cores, sigma: 0.02, kappa: 0.003 / cores, ...shape },
  classes: [
    { name: 'query', deadlineMs: 250, onDeadline: 'cancel', perMs: cores * 0.37, priority: 1, steps: [{ node: 1, cpuMs: exponential(0.2), waitsFor: 'station', waitMs: exponential(5) }, { node: 2, cpuMs: exponential(0.2), waitsFor: 'end' }] },
    light('static', 3, cores * 0.5),
  ],
});

/** Entry points of which the first is flooded; the others together ask for half of the machine. */
export const flood = (cores: number, roots: number, times: number): Workload => ({
  classes: Array.from({ length: roots }, (_, k) => ({
    name: k === 0 ? 'flood' : `root${k}`, deadlineMs: 200, priority: k, perMs: cores * (k === 0 ? 0.5 * times : 0.49 / (roots - 1)) / 2,
    steps: [{ node: 2 * k + 1, cpuMs: exponential(1), waitsFor: 'time' as const, waitMs: exponential(3) }, { node: 2 * k + 2, cpuMs: exponential(1), waitsFor: 'end' as const }],
  })),
});

/** What is read on any worker, and kept, is written by one alone; beside requests that only compute. Each of the two is as much as two workers can do. */
export const ledger = (): Workload => ({
  classes: [
    { name: 'report', deadlineMs: 1000, perMs: 1, priority: 1, steps: [{ node: 1, cpuMs: exponential(2), waitsFor: 'end' }] },
    { name: 'book', deadlineMs: 1000, perMs: 0.8, priority: 1, steps: [{ node: 2, cpuMs: exponential(1), bytes: always(MIB / 16), waitsFor: 'call', calls: 'write' }, { node: 3, cpuMs: exponential(0.1), waitsFor: 'end' }] },
    { name: 'write', home: 0, deadlineMs: Infinity, perMs: 0, priority: 1, steps: [{ node: 4, cpuMs: exponential(1.4), waitsFor: 'end' }] },
  ],
});
