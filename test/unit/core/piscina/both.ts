/** Each behaviour is asked of piscina and of capriccio/piscina by the same program, so what is written here is what both do. */
import { EventEmitter, once } from 'node:events';
import { fileURLToPath } from 'node:url';
import * as ours from 'capriccio/piscina';
import * as theirs from 'piscina';
import { describe, it } from 'vitest';

export { EventEmitter, once };
type Pool = ours.Piscina;
export type Options = ConstructorParameters<typeof ours.Piscina>[0];
type Library = typeof ours;

export const handlers: string = new URL('../../../fixtures/core/piscina/handlers.mjs', import.meta.url).href;
export const common: string = fileURLToPath(new URL('../../../fixtures/core/piscina/common.cjs', import.meta.url));

export interface Side {
  readonly name: string;
  readonly library: Library;
  /** A pool over handlers.mjs, ended with the test. */
  pool(options?: Options): Pool & AsyncDisposable;
}

/** piscina 5.3.2 reports an answer that comes while it ends its workers, now and then; any other error ends the test as it would without a listener. */
const ignoreLateAnswer = (error: Error): void => { if (!error.message.startsWith('Unexpected message from Worker')) throw error; };

const sides: readonly Side[] = (['piscina', 'capriccio/piscina'] as const).map((name) => {
  const library = (name === 'piscina' ? theirs : ours) as Library;
  return {
    name,
    library,
    pool: (options) => {
      const pool = new library.Piscina({ filename: handlers, minThreads: 1, maxThreads: 1, ...options, env: { ...process.env, DROP_IN: name, ...(options as { env?: object } | undefined)?.env } });
      return Object.assign(pool, { [Symbol.asyncDispose]: () => {
        if (name === 'piscina') (pool as unknown as EventEmitter).on('error', ignoreLateAnswer);
        return pool.destroy();
      } });
    },
  };
});

/** One case for each of the two. */
export function both(what: string, test: (side: Side) => Promise<void> | void): void {
  describe(what, () => { for (const side of sides) it(side.name, () => test(side)); });
}

export const wait = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms); });

/** Looks until it is so, at most 10 seconds. */
export async function until(isSo: () => boolean): Promise<void> {
  const end = performance.now() + 10_000;
  while (!isSo()) {
    if (performance.now() > end) throw new Error('it has not come to be within 10 s');
    await wait(2);
  }
}

/** What a promise came to. */
export const outcome = (promise: Promise<unknown>): Promise<unknown> => promise.then(
  (value) => ({ value }),
  (error: unknown) => { const { name, message } = error as Error; return { name, message }; },
);
