/** Where threads come from: what those of one spawner have in common, so that each of a million need not keep it. Next: thread.ts. */
import type { Root } from './run-queues.ts';
import type { Scheduler } from './scheduler.ts';
import type { LocalThread } from './thread.ts';

/** What threads have in common that one thread spawns with one function in one context. */
export class Origin {
  readonly scheduler: Scheduler;
  readonly root: Root;
  readonly name: string;
  readonly fn: ((...args: unknown[]) => unknown) | undefined;
  readonly parent: LocalThread | undefined;
  readonly isGenerator: boolean;
  context: unknown;
  /** A stack taken where they were spawned, if one was. */
  trace: { readonly stack?: string } | undefined = undefined;
  constructor(scheduler: Scheduler, root: Root, name: string, fn?: (...args: unknown[]) => unknown, parent?: LocalThread, context?: unknown) {
    this.scheduler = scheduler;
    this.root = root;
    this.name = name;
    this.fn = fn;
    this.isGenerator = fn !== undefined && Object.getPrototypeOf(fn) === GENERATOR_FUNCTION;
    this.parent = parent;
    this.context = context;
  }

  /** Where they were spawned, as a line of a stack, if that was noted. The stack is made text when somebody asks. */
  get site(): string | undefined {
    return userLineOf(this.trace?.stack);
  }
}
const GENERATOR_FUNCTION: unknown = Object.getPrototypeOf(function* () { /* none of it is run */ });
/** Of this package's own modules: frames there are not the user's. */
const OWN_FOLDER = import.meta.url.slice(0, import.meta.url.lastIndexOf('/') + 1);

/** The first line of a stack that is the user's. */
export const userLineOf = (stack: string | undefined): string | undefined => stack?.split('\n').find((line) => /^ {4}at /.test(line) && !line.includes(OWN_FOLDER) && !line.includes('node:'))?.trim();

const SITE_FRAMES = 6;
/** A stack of few frames, its own caller's first. */
export function traceOfNow(): { readonly stack?: string } {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = SITE_FRAMES;
  const trace: { stack?: string } = {};
  Error.captureStackTrace(trace, traceOfNow);
  Error.stackTraceLimit = limit;
  return trace;
}
