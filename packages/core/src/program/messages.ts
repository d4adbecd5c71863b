/** What `capriccio run` and the worker that runs its program tell each other. Services of @capriccio/worker's ports.ts. */
import type { FailureRecord } from '@capriccio/shared';

export const PROGRAM = 'program';
/** Kind of the function that loads a program; its argument is the URL. */
export const PROGRAM_KIND = 'program';

/** What a program is called with, and which of its streams are a terminal's. */
export interface ProgramOrder { readonly path: string; readonly args: readonly string[]; readonly hasTerminalInput: boolean; readonly sizes: Readonly<Record<Printed, Size | undefined>> }
/** A worker's are none of a terminal: what is written there goes to main's. */
type Printed = 'stdout' | 'stderr';
export interface Size { readonly columns: number; readonly rows: number }
/** What it is, once its module has been evaluated: its default export is to be called, on the same worker; or it is in this thread, and ends as a process does. */
export interface LoadedProgram { readonly worker: number; readonly hasFunction: boolean }

export type FromProgram =
  /** Signals that it listens to now. */
  | { readonly event: 'signals'; readonly names: readonly NodeJS.Signals[] }
  /** It reads its standard input, or has enough for now. */
  | { readonly event: 'input'; readonly isWanted: boolean }
  /** What is typed is to come key by key, or line by line again. */
  | { readonly event: 'raw'; readonly isRaw: boolean }
  /** Nobody caught it: the worker dies of it. */
  | { readonly event: 'uncaught'; readonly failure: FailureRecord }
  /** It exports these, of which nothing is called. */
  | { readonly event: 'exports'; readonly names: readonly string[] }
  /** Nothing is left to run, and the module still waits. */
  | { readonly event: 'unsettled' };

export type ToProgram =
  | { readonly order: 'signal'; readonly name: NodeJS.Signals; readonly number: number }
  /** Of standard input: absent at its end. */
  | { readonly order: 'input'; readonly bytes?: Uint8Array }
  | { readonly order: 'unreadable'; readonly failure: FailureRecord }
  | { readonly order: 'resize'; readonly stream: Printed; readonly size: Size }
  /** It has returned: the worker exits with the program's code. @param code  instead of it */
  | { readonly order: 'exit'; readonly code?: number };
