/** Handlers as their callers know them: for each module and export, the remote functions of handler.ts that stand for it. */
import type { Caller, Target } from '@capriccio/worker';
import { addressOf } from '../places.ts';
import { targetOf } from '../remote.ts';
import { BatchSize } from './batch.ts';

/** What runs one task, several short ones, and the rest of such a batch; and what tells that the module is loaded. */
export interface Handler {
  readonly run: Target;
  readonly runBatch: Target;
  readonly collect: Target;
  readonly ready: Target;
  readonly batch: BatchSize;
}

export class Handlers {
  readonly #caller: () => Caller;
  readonly #handlers = new Map<string, Handler>();
  #last: { filename: string; name: string; handler: Handler } | undefined;

  constructor(caller: () => Caller) { this.#caller = caller; }

  of(filename: string, name: string): Handler {
    if (this.#last?.filename === filename && this.#last.name === name) return this.#last.handler;
    const key = `${filename}\n${name}`;
    let handler = this.#handlers.get(key);
    if (handler === undefined) {
      handler = makeHandler(this.#caller(), filename, name);
      this.#handlers.set(key, handler);
    }
    this.#last = { filename, name, handler };
    return handler;
  }

  /** The pool below is another from now on. */
  clear(): void {
    this.#handlers.clear();
    this.#last = undefined;
  }
}

function makeHandler(caller: Caller, file: string, name: string): Handler {
  const url = `${addressOf('piscina/handler')}?${String(new URLSearchParams({ file, name }))}`;
  const of = (exportName: string): Target => targetOf(caller, url, exportName);
  return { run: of('default'), runBatch: of('runBatch'), collect: of('collect'), ready: of('ready'), batch: new BatchSize() };
}
