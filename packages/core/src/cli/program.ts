/**
 * The program that `capriccio run` runs, from main: its module is loaded on a worker, passes signals and input on to it, and learns how it ended. The other
 * end is program/host.ts.
 */
import { constants } from 'node:os';
import { isatty } from 'node:tty';
import { rebuildFailure } from '@capriccio/shared';
import type { Pool } from '../pool.ts';
import { PROGRAM, PROGRAM_KIND, type FromProgram, type LoadedProgram, type ProgramOrder, type Size, type ToProgram } from '../program/messages.ts';
import { targetOf } from '../remote.ts';
import { ProgramInputGiver } from './program-input.ts';

/** How long a worker may take to exit when it has been asked to, ms. */
const EXIT_MS = 1000;

export class Program {
  readonly #pool: Pool;
  readonly #url: string;
  readonly #exit = Promise.withResolvers<number>();
  #worker: number | undefined;
  /** What its worker exited with, once it has. */
  #code: number | undefined;
  /** What ended it, where nobody caught that. */
  #uncaught: { readonly error: unknown } | undefined;
  #isUnsettled = false;
  #hasDied = false;
  #exports: readonly string[] = [];
  readonly #signals = new Map<NodeJS.Signals, () => void>();
  readonly #input = new ProgramInputGiver((message) => this.#tell(message));
  readonly #stopSizes: (() => void)[] = [];

  constructor(pool: Pool, url: string) {
    this.#pool = pool;
    this.#url = url;
    pool.onService(PROGRAM, (worker, body) => this.#receive(worker, body as FromProgram));
    pool.on('lost', ({ id, code, reason }) => {
      if (id !== this.#worker) return;
      this.#code = code;
      this.#hasDied = !/^it (?:exited|ended) /.test(reason);
      this.#exit.resolve(code);
    });
  }

  /** A pool of cores: 0 runs it in this thread, and this process is the program's. */
  get #isHere(): boolean { return this.#pool.cores === 0; }

  get uncaught(): { readonly error: unknown } | undefined { return this.#uncaught; }
  /** Its worker did not exit by itself: it ran out of memory, say. */
  get hasDied(): boolean { return this.#hasDied; }
  /** What it exports, when nothing of that was to be called. */
  get exports(): readonly string[] { return this.#exports; }
  get isUnsettled(): boolean { return this.#isUnsettled; }
  /** What its worker exited with, if it has. */
  get code(): number | undefined { return this.#code; }

  /** Evaluates its module. @returns whether its default export is to be called; a program without one has ended: undefined. Rejects with what it threw */
  async load(path: string, args: readonly string[]): Promise<boolean> {
    const { caller } = this.#pool;
    const name = `F\n${PROGRAM_KIND} ${this.#url}`;
    const worker = this.#isHere ? 1 : [...this.#pool.workers.all].find(({ isReady }) => isReady)?.id ?? 1;
    this.#worker = worker;
    if (!this.#isHere) this.#watchSizes();
    const { hasFunction } = await caller.call(caller.target(name, path), [{ path, args, hasTerminalInput: !this.#isHere && isatty(0), sizes: { stdout: sizeOf(process.stdout), stderr: sizeOf(process.stderr) } } satisfies ProgramOrder], { on: worker }) as LoadedProgram;
    if (!hasFunction && this.#isHere) {
      await new Promise((resolve) => { process.once('beforeExit', resolve); });
      this.#code = Number(process.exitCode ?? 0);
    }
    return hasFunction;
  }

  /** What its default export gives: on the same worker, which has its module. */
  call(args: readonly string[]): Promise<unknown> {
    const { caller } = this.#pool;
    return caller.call(targetOf(caller, this.#url, 'default'), [...args], { on: this.#worker as number });
  }

  /** It has returned, or failed: its worker exits, with `code` or its own. @returns what it exited with */
  async end(code?: number): Promise<number> {
    if (this.#code !== undefined) return this.#code;
    if (this.#isHere) return code ?? Number(process.exitCode ?? 0);
    this.#tell({ order: 'exit', ...code === undefined ? {} : { code } });
    const { promise: late, resolve } = Promise.withResolvers<number>();
    const timer = setTimeout(() => resolve(code ?? 0), EXIT_MS);       // it is busy: closing the pool ends it
    const exited = await Promise.race([this.#exit.promise, late]);
    clearTimeout(timer);
    return exited;
  }

  close(): void {
    this.#listenTo([]);
    if (!this.#isHere) this.#input.close();
    for (const stop of this.#stopSizes) stop();
  }

  #receive(worker: number, message: FromProgram): void {
    if (worker !== this.#worker) return;
    if (message.event === 'signals') this.#listenTo(message.names);
    else if (message.event === 'input') this.#input.want(message.isWanted);
    else if (message.event === 'raw') this.#input.setRaw(message.isRaw);
    else if (message.event === 'uncaught') this.#uncaught = { error: rebuildFailure(message.failure) };
    else if (message.event === 'exports') this.#exports = message.names;
    else this.#isUnsettled = true;
  }

  #tell(body: ToProgram): void {
    if (this.#pool.workers.get(this.#worker as number) !== undefined) this.#pool.workers.post(this.#worker as number, { kind: 'service', service: PROGRAM, body });
  }

  /** A signal that the program does not listen to ends the process, as ever. */
  #listenTo(names: readonly NodeJS.Signals[]): void {
    for (const [name, listener] of this.#signals) if (!names.includes(name)) { process.off(name, listener); this.#signals.delete(name); }
    for (const name of names) {
      if (this.#signals.has(name)) continue;
      const listener = (): void => this.#tell({ order: 'signal', name, number: constants.signals[name] });
      try { process.on(name, listener); } catch { continue; }          // SIGKILL and SIGSTOP: nobody can
      this.#signals.set(name, listener);
    }
  }

  /** A terminal has a new size. */
  #watchSizes(): void {
    for (const stream of ['stdout', 'stderr'] as const) {
      const listener = (): void => {
        const size = sizeOf(process[stream]);
        if (size !== undefined) this.#tell({ order: 'resize', stream, size });
      };
      process[stream].on('resize', listener);
      this.#stopSizes.push(() => process[stream].off('resize', listener));
    }
  }
}

const sizeOf = (stream: NodeJS.WriteStream): Size | undefined => (stream.isTTY ? { columns: stream.columns, rows: stream.rows } : undefined);
