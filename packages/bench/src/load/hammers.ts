/** Several processes that hammer at once (hammer-process.ts), for one cannot keep up with a server on many cores. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { HammerOptions } from './hammer.ts';

export type FromHammer = { readonly type: 'ready' } | { readonly type: 'answers'; readonly answers: number } | { readonly type: 'failed'; readonly message: string };

export interface Hammers extends AsyncDisposable {
  /** Answers of all of them together; `connections` is the number of each. Rejects when one has failed, or has gone. */
  answers(options: HammerOptions): Promise<number>;
}

export async function hammerFrom(count: number): Promise<Hammers> {
  const children = Array.from({ length: count }, () => fork(fileURLToPath(new URL('hammer-process.ts', import.meta.url)), { stdio: ['ignore', 2, 2, 'ipc'] }));
  const end = async (): Promise<void> => {
    await Promise.all(children.map(async (child) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.disconnect();
      await exited;
    }));
  };
  try {
    await Promise.all(children.map((child) => next(child, 'ready')));
  } catch (error) { await end(); throw error; }
  return {
    async answers(options) {
      const counts = await Promise.all(children.map((child) => { const heard = next(child, 'answers'); child.send(options); return heard; }));
      return counts.reduce((sum, { answers }) => sum + answers, 0);
    },
    [Symbol.asyncDispose]: end,
  };
}

async function next<T extends FromHammer['type']>(child: ChildProcess, type: T): Promise<Extract<FromHammer, { type: T }>> {
  const stop = new AbortController();
  try {
    const message = await Promise.race([
      once(child, 'message', { signal: stop.signal }).then(([first]) => first as FromHammer),
      once(child, 'exit', { signal: stop.signal }).then(() => { throw new Error('a process that sends requests has ended'); }),
    ]);
    if (message.type === 'failed') throw new Error(message.message);
    if (message.type !== type) throw new Error(`a process that sends requests said ${message.type} where ${type} was expected`);
    return message as Extract<FromHammer, { type: T }>;
  } finally { stop.abort(); }
}
