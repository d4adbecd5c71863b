/**
 * One handler in a worker. Its address says which: `handler.ts?file=…&name=…`, so that each handler is a module of its own, which the runtime
 * loads once and then calls by a number. A handler that is not there fails each call, and not the worker.
 */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { LONG_US, type Outcome } from './batch.ts';
import { outgoing, reportExit } from './courier.ts';
import { Trees } from './flat.ts';

type Handler = (task: unknown) => unknown;
type Loaded = { readonly handler: Handler } | { readonly failure: unknown };

const { searchParams } = new URL(import.meta.url);
const loaded = await load(searchParams.get('file') ?? '', searchParams.get('name') ?? 'default');

async function load(file: string, name: string): Promise<Loaded> {
  try {
    const namespace = await import(/^[a-z][a-z\d+.-]+:/i.test(file) ? file : pathToFileURL(resolve(file)).href) as Record<string, unknown>;
    const handler = await find(namespace, name);
    if (typeof handler === 'function') return { handler: handler as Handler };
    return { failure: new Error(`No handler function exported from ${file}`) };
  } catch (failure) {
    return { failure };
  }
}

/** An export, or a property of what a CommonJS module exports; a promise is awaited. */
async function find(namespace: Record<string, unknown>, name: string): Promise<unknown> {
  const main = await namespace['default'] as Record<string, unknown> | undefined;
  if (name === 'default') return typeof main === 'function' ? main : await main?.['default'];
  return await namespace[name] ?? await main?.[name];
}

/** Runs a task. */
export default function run(task: unknown): unknown {
  if ('failure' in loaded) throw loaded.failure;
  const { handler } = loaded;
  const result = handler(task);
  return typeof (result as PromiseLike<unknown> | null | undefined)?.then === 'function' ? (result as PromiseLike<unknown>).then(outgoing) : outgoing(result);
}

/** Resolves when the handler is loaded; rejects with why it cannot be. */
export function ready(): void {
  if ('failure' in loaded) throw loaded.failure;
}

/** How the last batch ended: what `collect` gives. */
let rest: { readonly value: unknown } | { readonly error: unknown } | undefined;

/** Runs tasks one after the other, until one is not as short and plain as batches are for. */
export function runBatch(tasks: readonly unknown[]): Outcome {
  if ('failure' in loaded) throw loaded.failure;
  const { handler } = loaded;
  const values: unknown[] = [];
  const trees = new Trees();
  reportExit(values);                                                   // should one of them end this worker
  const began = performance.now();
  const outcome = (hasMore: boolean, isUnfit: boolean): Outcome => {
    reportExit(undefined);
    return { values, hasMore, isUnfit, us: (performance.now() - began) * 1000 };
  };
  for (let k = 0; k < tasks.length; k++) {
    let value: unknown;
    try {
      value = handler(tasks[k]);
    } catch (error) {
      rest = { error };
      return outcome(true, false);
    }
    if (!trees.add(value)) {
      rest = { value };
      return outcome(true, true);
    }
    values.push(value);
    if ((performance.now() - began) * 1000 > LONG_US) break;
  }
  return outcome(false, false);
}

/** The result of the task that ended the last batch. */
export function collect(): unknown {
  const ended = rest;
  rest = undefined;
  if (ended === undefined) throw new Error('no batch has left anything to collect');
  if ('error' in ended) throw ended.error;
  return typeof (ended.value as PromiseLike<unknown> | null)?.then === 'function' ? (ended.value as PromiseLike<unknown>).then(outgoing) : outgoing(ended.value);
}
