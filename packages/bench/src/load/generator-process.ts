// The driver's side of the load generator: a process of its own, so that making load and serving it do not share a thread.
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { endProcess } from '../servers/server-process.ts';
import type { FromGenerator, LoadPlan, LoadProgress, LoadResult, ToGenerator } from './plan.ts';

/** Beyond the plan's own time: what its process may take to answer. */
const spareMs = 15_000;

export class GeneratorProcess implements AsyncDisposable {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(): Promise<GeneratorProcess> {
    const generator = new GeneratorProcess(fork(new URL('main.ts', import.meta.url), { stdio: ['ignore', 2, 2, 'ipc'] }));
    await generator.#until('ready', spareMs);
    return generator;
  }

  /** Runs a plan; one at a time. */
  async run(plan: LoadPlan, onProgress?: (progress: LoadProgress) => void): Promise<LoadResult> {
    const result = this.#until('result', [plan, ...plan.phases ?? []].reduce((sum, { seconds }) => sum + seconds * 1000, 0) + plan.timeoutMs + spareMs, onProgress);
    this.#child.send({ type: 'run', plan } satisfies ToGenerator);
    return (await result).result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.connected) this.#child.send({ type: 'stop' } satisfies ToGenerator);
    await endProcess(this.#child);
  }

  async #until<T extends FromGenerator['type']>(type: T, withinMs: number, onProgress?: (progress: LoadProgress) => void): Promise<Extract<FromGenerator, { type: T }>> {
    return new Promise((resolve, reject) => {
      const onMessage = (message: FromGenerator): void => {
        if (message.type === 'progress') onProgress?.(message.progress);
        else if (message.type === 'failed') settle(() => { reject(new Error(message.message)); });
        else if (message.type === type) settle(() => { resolve(message as Extract<FromGenerator, { type: T }>); });
      };
      const onExit = (code: number | null, signal: string | null): void => { settle(() => { reject(new Error(`the load generator ended early (${signal ?? code})`)); }); };
      const timer = setTimeout(() => { settle(() => { reject(new Error(`no ${type} from the load generator within ${withinMs} ms`)); }); }, withinMs);
      const settle = (then: () => void): void => {
        clearTimeout(timer);
        this.#child.off('message', onMessage).off('exit', onExit);
        then();
      };
      this.#child.on('message', onMessage).on('exit', onExit);
    });
  }
}
