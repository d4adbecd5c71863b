/** Piscina's options: what they are, and piscina's own words for those that are wrong. */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { ResourceLimits, Transferable, WorkerOptions } from 'node:worker_threads';
import type { AbortSignalAny } from './abort.ts';
import type { PiscinaWorker } from './pool-thread.ts';
import { ArrayTaskQueue, isTaskQueue, type PiscinaTask, type TaskQueue } from './task-queues.ts';

export type EnvSpecifier = WorkerOptions['env'];
export type TransferList = readonly Transferable[];
/** Chooses the thread of a task; null leaves it in the queue. */
export type LoadBalancer = (task: PiscinaTask, workers: PiscinaWorker[]) => PiscinaWorker | null;

export interface Options {
  /** Module of the handlers: absolute path or file: URL. */
  filename?: string | null;
  /** Export that handles tasks. Default 'default'. */
  name?: string | null;
  /** Default: half of what the machine has, at least 1. */
  minThreads?: number;
  /** Default: half as many again as the machine has. */
  maxThreads?: number;
  /** How long a thread above `minThreads` may be idle, ms. Default 0: it ends at once. */
  idleTimeout?: number;
  /** Tasks that may wait for a thread. Default: no bound. 'auto': `maxThreads` squared. */
  maxQueue?: number | 'auto';
  concurrentTasksPerWorker?: number;
  /** 'sync': an idle thread sleeps outside of its event loop when nothing is pending there. 'async', 'disabled': always in it. */
  atomics?: 'sync' | 'async' | 'disabled';
  resourceLimits?: ResourceLimits;
  argv?: unknown[];
  execArgv?: string[];
  env?: EnvSpecifier;
  // oxlint-disable-next-line typescript/no-explicit-any -- piscina's own type
  workerData?: any;
  taskQueue?: TaskQueue;
  /** Lowers the priority of the threads by so much (Linux). */
  niceIncrement?: number;
  trackUnmanagedFds?: boolean;
  /** How long `close` waits for running tasks, ms. Default 30,000. */
  closeTimeout?: number;
  recordTiming?: boolean;
  stricterFIFO?: boolean;
  loadBalancer?: LoadBalancer;
  /** Keeps run times for each worker too. */
  workerHistogram?: boolean;
}

export interface RunOptions {
  transferList?: TransferList;
  filename?: string | null;
  signal?: AbortSignalAny | null;
  name?: string | null;
}

export interface CloseOptions { /** Rejects what has not begun. */ force?: boolean }

type Defaulted = 'filename' | 'name' | 'minThreads' | 'maxThreads' | 'idleTimeout' | 'concurrentTasksPerWorker' | 'atomics' | 'taskQueue' | 'niceIncrement' | 'trackUnmanagedFds' | 'closeTimeout' | 'recordTiming' | 'stricterFIFO' | 'workerHistogram';
export type FilledOptions = Omit<Options, Defaulted | 'maxQueue'> & Required<Pick<Options, Defaulted>> & { maxQueue: number };

const isCount = (value: unknown, least: number): boolean => typeof value === 'number' && value >= least;
const isPresent = (value: unknown): boolean => value !== undefined && value !== null;

/** Each option's test and what is said of a value that fails it; in the order in which they are looked at. */
const RULES: readonly (readonly [name: keyof Options, isFine: (value: unknown) => boolean, message: string])[] = [
  ['filename', (value) => value === null || typeof value === 'string', 'must be a string or null'],
  ['name', (value) => value === null || typeof value === 'string', 'must be a string or null'],
  ['minThreads', (value) => isCount(value, 0), 'must be a non-negative integer'],
  ['maxThreads', (value) => isCount(value, 1), 'must be a positive integer'],
  ['idleTimeout', (value) => isCount(value, 0), 'must be a non-negative integer'],
  ['maxQueue', (value) => value === 'auto' || isCount(value, 0), 'must be a non-negative integer'],
  ['concurrentTasksPerWorker', (value) => isCount(value, 1), 'must be a positive integer'],
  ['atomics', (value) => value === 'sync' || value === 'async' || value === 'disabled', 'should be a value of sync, sync or disabled.'],
  ['resourceLimits', (value) => typeof value === 'object' && value !== null, 'must be an object'],
  ['taskQueue', isTaskQueue, 'must be a TaskQueue object'],
  ['niceIncrement', (value) => isCount(value, 0), 'must be a non-negative integer on Unix systems'],
  ['trackUnmanagedFds', (value) => typeof value === 'boolean', 'must be a boolean value'],
  ['closeTimeout', (value) => isCount(value, 0), 'must be a non-negative integer'],
  ['loadBalancer', (value) => typeof value === 'function' && value.length >= 1, 'must be a function with at least two args'],
  ['workerHistogram', (value) => typeof value === 'boolean', 'must be a boolean'],
  ['stricterFIFO', (value) => typeof value === 'boolean', 'must be a boolean'],
];

/** Checks and completes what a constructor was given. Throws TypeError and RangeError with piscina's messages. */
export function fillOptions(given: Options | null | undefined): FilledOptions {
  const options: Options = typeof given === 'object' && given !== null ? withoutUndefined(given) : {};
  for (const [name, isFine, message] of RULES) {
    if (options[name] !== undefined && !isFine(options[name])) throw new TypeError(`options.${name} ${message}`);
  }
  const { minThreads, maxThreads } = options;
  if (minThreads !== undefined && maxThreads !== undefined && minThreads > maxThreads) throw new RangeError('options.minThreads and options.maxThreads must not conflict');
  const machine = availableParallelism();
  const filled: FilledOptions = {
    filename: null, minThreads: Math.max(Math.floor(machine / 2), 1), maxThreads: machine * 1.5, idleTimeout: 0, concurrentTasksPerWorker: 1, atomics: atomicsOfEnvironment(),
    niceIncrement: 0, trackUnmanagedFds: true, closeTimeout: 30_000, recordTiming: true, stricterFIFO: false, workerHistogram: false,
    ...options, name: options.name ?? 'default', taskQueue: options.taskQueue ?? new ArrayTaskQueue(), maxQueue: Infinity,
  };
  filled.filename = options.filename === undefined || options.filename === null || options.filename === '' ? null : asPath(options.filename);
  if (!isPresent(options.minThreads)) filled.minThreads = Math.min(filled.minThreads, filled.maxThreads);
  if (!isPresent(options.maxThreads)) filled.maxThreads = Math.max(filled.minThreads, filled.maxThreads);
  filled.maxQueue = options.maxQueue === 'auto' ? filled.maxThreads ** 2 : options.maxQueue ?? Infinity;
  return filled;
}

/** Passed on from somebody's optional settings: piscina would take such a bound for one that no thread is under. */
const withoutUndefined = (options: Options): Options => Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));

/** A file: URL as a path; anything else as it is. */
export const asPath = (filename: string): string => (filename.startsWith('file:') ? fileURLToPath(filename) : filename);

function atomicsOfEnvironment(): 'sync' | 'async' | 'disabled' {
  if (process.env['PISCINA_DISABLE_ATOMICS'] === '1') return 'disabled';
  return process.env['PISCINA_ENABLE_ASYNC_ATOMICS'] === '1' ? 'async' : 'sync';
}

/** What is wrong with the options of `run`, if anything. */
export function refusalOfRun(options: unknown): TypeError | undefined {
  if (typeof options !== 'object' || options === null) return new TypeError('options must be an object');
  const { transferList, filename, name, signal } = options as Record<keyof RunOptions, unknown>;
  if (isPresent(transferList) && !Array.isArray(transferList)) return new TypeError('transferList argument must be an Array');
  if (isPresent(filename) && typeof filename !== 'string') return new TypeError('filename argument must be a string');
  if (isPresent(name) && typeof name !== 'string') return new TypeError('name argument must be a string');
  if (isPresent(signal) && typeof signal !== 'object') return new TypeError('signal argument must be an object');
  return undefined;
}

/** The same of `close`. */
export function refusalOfClose(options: unknown): TypeError | undefined {
  if (typeof options !== 'object' || options === null) return new TypeError('options must be an object');
  const { force } = options as CloseOptions;
  return force !== undefined && typeof force !== 'boolean' ? new TypeError('force argument must be a boolean') : undefined;
}
