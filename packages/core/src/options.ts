/** The options of a pool and of a call: names, ranges, defaults. What is not known or out of range is CAP_ERR_OPTION, at once. */
import { availableParallelism } from 'node:os';
import type { ResourceLimits, Transferable } from 'node:worker_threads';
import type { CallOptions } from '@capriccio/worker';
import { checkBoolean, checkNumber, checkObject, checkOneOf, checkSignal, checkString, refuse, shown } from './check.ts';

/** The name of a package in node_modules, a glob of the file's path, or an expression that the file's URL matches. */
export type Pattern = string | RegExp;
/** Parts of the policy that a pool can go without: `recorder` knows nothing, `tickets` are all equal, `forecasts` keep nobody from beginning, `decisions` stay as they are at first, a full heap has no `brake`, lanes that starve keep what is theirs, and long routes all of their requests. */
const PARTS = ['recorder', 'tickets', 'forecasts', 'decisions', 'brake', 'hunger', 'urls'] as const;
export type PolicyPart = (typeof PARTS)[number];
/** Under this key, for benchmarks and tests that show what a part is worth. No release promises it. */
const WITHOUT = Symbol.for('capriccio.without');
/** A worker that is to leave has so long to end what it has begun, ms; then it is ended with it. Under a key of the same kind, for tests that cannot wait for it. */
const DRAIN_MS = 30_000;
const DRAIN = Symbol.for('capriccio.drainMs');

export type Lane = 'auto' | 'front' | 'back';

export interface PoolOptions {
  /** Workers that run at a time, 0 to 128; 0 runs everything in this thread, for debugging. Default: what the machine has, or CAPRICCIO_CORES. */
  cores?: number;
  /**
   * Workers kept ready for a core whose worker blocks in the kernel, 0 to 16. Default 1. They load the modules that the others have, and run nothing. They
   * begin in the first calm second, ten seconds after the workers at the latest, and at once when one is blocked.
   */
  spares?: number;
  /** 'auto', the default: what proves long goes to back lanes, workers of lower priority, at most one a core, started when first needed. 'off': everything runs in front. */
  lanes?: 'auto' | 'off';
  /**
   * 'auto': threads wait before a service outside while more at a time would not come back any faster; for services that collapse when too much is asked of
   * them at once. A concurrency that was not met before is reached in steps. 'off', the default: who asks a service, asks at once.
   */
  windows?: 'auto' | 'off';
  /** What becomes of threads that wait for each other in a circle, in a worker or across cores: the event 'deadlock' alone, or one wait rejects with CAP_ERR_DEADLOCK besides. Default 'report'. */
  deadlock?: 'report' | 'break';
  /** Whether files are compiled to coroutines as the workers load them. Default: the application's, not what lies in a node_modules; patterns add and take away. */
  compile?: boolean | { include?: Pattern[]; exclude?: Pattern[] };
  /** Longest run of a thread before it is preempted where that is allowed, or gives way because nothing that it awaits waits, microseconds. Default 1000. */
  quantumUs?: number;
  /** Longest turn of a scheduler before its event loop has its own, microseconds, 50 to 1,000,000. Default 1,000. */
  sliceUs?: number;
  /** Bytes of native stack that compiled code may use between two checks of it. Default 16,384. */
  stackBound?: number;
  /** Frames that a synchronous recursion may have on the heap, beyond the native stack, before it ends with CAP_ERR_STACK. Default 4,194,304. */
  framesMax?: number;
  /** Bounds of each participant's shared memory: `slots` (a power of two, default 65,536) and `payloadBytes` (a multiple of 65,536, default 32 MiB). */
  memory?: { slots?: number; payloadBytes?: number };
  /** `queued`: calls that may be outstanding at a time; above it a call rejects with CAP_ERR_QUEUE_FULL. `heapBytes`, `externalBytes`: a worker that has more is replaced, when it has drained. `descriptors` is accepted and checked. */
  limits?: { heapBytes?: number; externalBytes?: number; descriptors?: number; queued?: number };
  /** What becomes of an idempotent call that had begun when its worker died. Default 'retry', up to three times. Other calls reject. */
  onWorkerLost?: 'reject' | 'retry';
  /** Looks over the shared memory all the time and replaces a worker whose words are corrupt. Default false: costs a per mille of a core. */
  audit?: boolean;
  /** Whether calls are measured, for `histograms()` and the metrics; some 0.3 us a call. Default: from when an admin port is open. */
  timings?: boolean;
  /** How long a cancelled task has before its worker, if it does not react at all, is replaced; milliseconds. Default 1,000. */
  cancelGraceMs?: number;
  /** How long a worker may take to start, with what `execArgv` has it import; then it is ended and another started after a pause. Milliseconds. Default 30,000. */
  startMs?: number;
  /** Limits of each worker, as node:worker_threads has them. */
  resourceLimits?: ResourceLimits;
  /** Environment of the workers, as node:worker_threads has it. Default: a copy of this process's. */
  env?: NodeJS.ProcessEnv;
  execArgv?: string[];
  /** Shown in thread names and messages. Default 'capriccio'. */
  name?: string;
}

export interface FullPoolOptions {
  readonly cores: number;
  readonly spares: number;
  /** How blocked workers are seen: CAPRICCIO_ACTIVATIONS of the environment. */
  readonly activations: 'kernel' | 'heartbeat';
  /** There are back lanes when something needs them. */
  readonly lanes: boolean;
  readonly sliceMs: number;
  readonly quantumMs: number;
  readonly slots: number;
  readonly payloadBytes: number;
  readonly queuedMax: number;
  /** What the conductor plans with, and above which a worker is replaced; Infinity: nothing is said. */
  readonly limits: { readonly heapBytes: number; readonly externalBytes: number; readonly descriptors: number };
  readonly retriesMax: number;
  readonly audit: boolean;
  /** Undefined: from the time on when an admin port is open. */
  readonly timings: boolean | undefined;
  readonly cancelGraceMs: number;
  readonly startMs: number;
  readonly deadlock: 'report' | 'break';
  readonly hasWindows: boolean;
  readonly without: readonly PolicyPart[];
  readonly drainMs: number;
  /** Of linked stacks: bytes between two checks, and frames on the heap. */
  readonly stacks: { readonly stackBound?: number; readonly framesMax?: number };
  /** Undefined: nothing is compiled. */
  readonly compile: { include?: Pattern[]; exclude?: Pattern[] } | undefined;
  readonly resourceLimits: ResourceLimits | undefined;
  readonly env: NodeJS.ProcessEnv | undefined;
  readonly execArgv: string[] | undefined;
  readonly name: string;
}

const POOL_OPTIONS = ['cores', 'spares', 'lanes', 'windows', 'deadlock', 'compile', 'quantumUs', 'sliceUs', 'stackBound', 'framesMax', 'memory', 'limits', 'onWorkerLost', 'audit', 'timings', 'cancelGraceMs', 'startMs', 'resourceLimits', 'env', 'execArgv', 'name'];
const RESOURCE_LIMITS = ['maxOldGenerationSizeMb', 'maxYoungGenerationSizeMb', 'codeRangeSizeMb', 'stackSizeMb'];
/** With less, V8 does not fail the worker but ends the process, while the worker is still starting. */
const OLD_GENERATION_MB_MIN = 4;
export const CORES_MAX = 128;
const RETRIES_MAX = 3;

const whole = (min: number, max?: number): { min: number; max?: number; integer: true } => (max === undefined ? { min, integer: true } : { min, max, integer: true });

/** Checks what createPool was given. Throws CAP_ERR_OPTION. */
export function checkPoolOptions(given: number | PoolOptions | undefined): FullPoolOptions {
  const options = typeof given === 'number' ? { cores: given } : checkObject(given, 'createPool', POOL_OPTIONS) as PoolOptions;
  const cores = checkNumber(options.cores, 'cores', whole(0, CORES_MAX)) ?? defaultCores();
  const spares = checkNumber(options.spares, 'spares', whole(0, 16)) ?? 1;
  const lanes = checkOneOf(options.lanes, 'lanes', ['auto', 'off']) !== 'off' && cores > 0;
  const hasWindows = checkOneOf(options.windows, 'windows', ['auto', 'off']) === 'auto';
  const deadlock = checkOneOf(options.deadlock, 'deadlock', ['report', 'break']) ?? 'report';
  const quantumUs = checkNumber(options.quantumUs, 'quantumUs', whole(50, 1_000_000)) ?? 1000;
  const sliceUs = checkNumber(options.sliceUs, 'sliceUs', whole(50, 1_000_000)) ?? 1000;
  checkNumber(options.stackBound, 'stackBound', whole(1));
  checkNumber(options.framesMax, 'framesMax', whole(1));
  const memory = checkObject(options.memory, 'memory', ['slots', 'payloadBytes']);
  const slots = checkNumber(memory['slots'], 'memory.slots', whole(16, 1 << 20)) ?? 65_536;
  if ((slots & (slots - 1)) !== 0) refuse(`memory.slots must be a power of two, not ${slots}`);
  const payloadBytes = checkNumber(memory['payloadBytes'], 'memory.payloadBytes', whole(65_536, 2 ** 30)) ?? 32 * 2 ** 20;
  if (payloadBytes % 65_536 !== 0) refuse(`memory.payloadBytes must be a multiple of 65536, not ${payloadBytes}`);
  return {
    cores, lanes, spares, activations: activationsBy(), sliceMs: sliceUs / 1000, quantumMs: quantumUs / 1000, slots, payloadBytes, deadlock, hasWindows, without: withoutOf(options), drainMs: checkNumber((options as { [DRAIN]?: unknown })[DRAIN], 'drainMs', { min: 1, max: DRAIN_MS }) ?? DRAIN_MS, ...checkRest(options),
  };
}

function checkRest(options: PoolOptions): Omit<FullPoolOptions, 'cores' | 'lanes' | 'spares' | 'activations' | 'sliceMs' | 'quantumMs' | 'slots' | 'payloadBytes' | 'deadlock' | 'hasWindows' | 'without' | 'drainMs'> {
  const limits = checkObject(options.limits, 'limits', ['heapBytes', 'externalBytes', 'descriptors', 'queued']);
  const limitOf = (name: string): number => checkNumber(limits[name], `limits.${name}`, { min: 1 }) ?? Infinity;
  const planned = { heapBytes: limitOf('heapBytes'), externalBytes: limitOf('externalBytes'), descriptors: limitOf('descriptors') };
  const queuedMax = checkNumber(limits['queued'], 'limits.queued', whole(1)) ?? Infinity;
  const lost = checkOneOf(options.onWorkerLost, 'onWorkerLost', ['reject', 'retry']) ?? 'retry';
  const cancelGraceMs = checkNumber(options.cancelGraceMs, 'cancelGraceMs', { min: 0, max: 2 ** 31 - 1 }) ?? 1000;
  const startMs = checkNumber(options.startMs, 'startMs', { min: 1, max: 2 ** 31 - 1 }) ?? 30_000;
  const resourceLimits = checkObject(options.resourceLimits, 'resourceLimits', RESOURCE_LIMITS);
  for (const name of RESOURCE_LIMITS) checkNumber(resourceLimits[name], `resourceLimits.${name}`, { min: name === 'maxOldGenerationSizeMb' ? OLD_GENERATION_MB_MIN : 0.001 });
  if (options.env !== undefined && (typeof options.env !== 'object' || options.env === null)) refuse(`env must be an object, not ${shown(options.env)}`);
  if (options.execArgv !== undefined && !(Array.isArray(options.execArgv) && options.execArgv.every((one) => typeof one === 'string'))) refuse(`execArgv must be an array of strings, not ${shown(options.execArgv)}`);
  const name = checkString(options.name, 'name') ?? 'capriccio';
  return {
    queuedMax, limits: planned, audit: checkBoolean(options.audit, 'audit') ?? false, timings: checkBoolean(options.timings, 'timings'), cancelGraceMs, startMs, name, compile: checkCompile(options.compile),
    stacks: { ...options.stackBound === undefined ? {} : { stackBound: options.stackBound }, ...options.framesMax === undefined ? {} : { framesMax: options.framesMax } }, retriesMax: lost === 'retry' ? RETRIES_MAX : 0,
    resourceLimits: options.resourceLimits === undefined ? undefined : resourceLimits, env: options.env, execArgv: options.execArgv,
  };
}

function withoutOf(options: object): readonly PolicyPart[] {
  const parts = (options as { [WITHOUT]?: unknown })[WITHOUT];
  if (parts === undefined) return [];
  if (!Array.isArray(parts)) return refuse(`what a pool goes without must be an array, not ${shown(parts)}`);
  return parts.map((part) => checkOneOf(part, 'what a pool goes without', PARTS) as PolicyPart);
}

function checkCompile(compile: PoolOptions['compile']): FullPoolOptions['compile'] {
  if (typeof compile === 'boolean') return compile ? {} : undefined;
  const patterns = checkObject(compile, 'compile', ['include', 'exclude']);
  for (const name of ['include', 'exclude']) {
    const list = patterns[name];
    if (list !== undefined && !(Array.isArray(list) && list.every((one) => typeof one === 'string' || one instanceof RegExp))) refuse(`compile.${name} must be an array of strings and regular expressions, not ${shown(list)}`);
  }
  return patterns;
}

function activationsBy(): 'kernel' | 'heartbeat' {
  const wanted = process.env['CAPRICCIO_ACTIVATIONS'];
  if (wanted === undefined || wanted === '' || wanted === 'kernel') return 'kernel';
  if (wanted !== 'heartbeat') return refuse(`the environment variable CAPRICCIO_ACTIVATIONS must be 'kernel' or 'heartbeat', not '${wanted}'`);
  return wanted;
}

function defaultCores(): number {
  const wanted = process.env['CAPRICCIO_CORES'];
  if (wanted === undefined || wanted === '') return Math.min(availableParallelism(), CORES_MAX);
  const cores = Number(wanted);
  if (!Number.isInteger(cores) || cores < 0 || cores > CORES_MAX) refuse(`the environment variable CAPRICCIO_CORES must be an integer from 0 to ${CORES_MAX}, not '${wanted}'`);
  return cores;
}

/** Options of a call: `fn.with({ … })(…)`. */
export interface WithOptions {
  /** Stops the call: what has not begun never begins, a running thread is cancelled. */
  signal?: AbortSignal;
  /** Budget in milliseconds from the call: to begin ('admission', the default) or to end ('cancel'). */
  deadlineMs?: number;
  onDeadline?: 'admission' | 'cancel';
  /** Share of a worker for this function's root among the roots that compete there. */
  tickets?: number;
  /** Moved instead of copied. The call runs on one chosen worker and cannot be retried. */
  transfer?: readonly Transferable[];
  /** Calls with the same key go to the same worker as long as it lives. */
  affinity?: string | number;
  /** May be run again when its worker dies while it runs. */
  idempotent?: boolean;
  /** 'back': on a back lane, whatever was measured. 'front': never there. Default 'auto': by the processor time of its segments. */
  lane?: Lane;
}

const WITH_OPTIONS = ['signal', 'deadlineMs', 'onDeadline', 'tickets', 'transfer', 'affinity', 'idempotent', 'lane'];

/** Checks what `with` was given. Throws CAP_ERR_OPTION. */
export function checkWithOptions(given: unknown): CallOptions {
  const options = checkObject(given, 'with', WITH_OPTIONS);
  const { affinity, transfer } = options;
  if (affinity !== undefined && typeof affinity !== 'string' && !(typeof affinity === 'number' && !Number.isNaN(affinity))) refuse(`affinity must be a string or a number, not ${shown(affinity)}`);
  if (transfer !== undefined) checkTransfer(transfer);
  return checkTogether({
    signal: checkSignal(options['signal'], 'signal'),
    deadlineMs: checkNumber(options['deadlineMs'], 'deadlineMs', { min: 0, max: 2 ** 31 - 1 }),
    onDeadline: checkOneOf(options['onDeadline'], 'onDeadline', ['admission', 'cancel']),
    tickets: checkNumber(options['tickets'], 'tickets', { min: 1, max: 10_000 }),
    transfer: transfer as readonly Transferable[] | undefined,
    affinity: affinity as string | number | undefined,
    idempotent: checkBoolean(options['idempotent'], 'idempotent'),
    lane: checkOneOf(options['lane'], 'lane', ['auto', 'front', 'back']),
  });
}

function checkTransfer(transfer: unknown): void {
  if (!Array.isArray(transfer)) refuse(`transfer must be an array, not ${shown(transfer)}`);
  for (const one of transfer as unknown[]) {
    if (typeof one !== 'object' || one === null) refuse(`transfer must name objects that can be moved, not ${shown(one)}`);
    if (ArrayBuffer.isView(one)) refuse('transfer names a view; name its buffer, which is what can be moved');
    if (one instanceof SharedArrayBuffer) refuse('transfer names a SharedArrayBuffer, which is shared and not moved; leave it out');
  }
}

/** What no two options may say together. */
export function checkTogether(options: CallOptions): CallOptions {
  if (options.idempotent === true && (options.transfer?.length ?? 0) > 0) refuse('transfer cannot be combined with idempotent: what has been moved cannot be sent again; copy it, or give up the retry');
  return options;
}
