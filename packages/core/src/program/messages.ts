/** What `capriccio run` and the worker that runs its program tell each other. Services of @capriccio/worker's ports.ts. */
import type { FailureRecord } from '@capriccio/shared';

export const PROGRAM = 'program';
/** Kind of the function that loads a program; its argument is the URL. */
export const PROGRAM_KIND = 'program';

/** What a program is called with. */
export interface ProgramOrder { readonly path: string; readonly args: readonly string[]; readonly terminals: Readonly<Record<'stdout' | 'stderr', Terminal | undefined>> }
/** What main's stream is, if it is a terminal. A worker's is none: what is written there goes to main's. */
export interface Terminal { readonly columns: number; readonly rows: number; readonly colorDepth: number }
/** What it is, once its module has been evaluated: its default export is to be called, on the same worker; or it is in this thread, and ends as a process does. */
export interface LoadedProgram { readonly worker: number; readonly hasFunction: boolean }

export type FromProgram =
  /** Signals that it listens to now. */
  | { readonly event: 'signals'; readonly names: readonly NodeJS.Signals[] }
  /** It reads its standard input. */
  | { readonly event: 'input' }
  /** Nobody caught it: the worker dies of it. */
  | { readonly event: 'uncaught'; readonly failure: FailureRecord }
  /** It exports these, of which nothing is called. */
  | { readonly event: 'exports'; readonly names: readonly string[] }
  /** Nothing is left to run, and the module still waits. */
  | { readonly event: 'unsettled' };

export type ToProgram =
  | { readonly order: 'signal'; readonly name: NodeJS.Signals; readonly number: number }
  /** It has returned: the worker exits with the program's code. @param code  instead of it */
  | { readonly order: 'exit'; readonly code?: number };
