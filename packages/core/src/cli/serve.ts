/** `capriccio serve`: an app on every core, until a signal; then a graceful end. */
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createPool } from '../create-pool.ts';
import { checkPoolOptions, type PoolOptions } from '../options.ts';
import type { Pool } from '../pool.ts';
import type { PoolServer } from '../serve/pool-server.ts';
import { checkServeOptions, type ServeOptions } from '../serve/serve-options.ts';
import { UsageError, asUsage, sourceFile, wholeNumber, type Typed, type Verb } from './arguments.ts';
import { readConfig } from './config-file.ts';
import type { Output } from './output.ts';
import { dumpOnQuit } from './dump.ts';
import { watchSources } from './watcher.ts';

export const serveVerb: Verb = {
  name: 'serve',
  positionals: '[app]',
  summary: 'serves an app on every core until a signal comes',
  options: {
    cores: { value: 'n', about: 'workers, 0 to 128; 0: all in this process, for debugging (default: CAPRICCIO_CORES, or what the machine has)' },
    port: { value: 'n', about: 'port, 0 for a free one (default: PORT, or 3000)' },
    host: { value: 'name', about: 'address to listen on (default: HOST, or 127.0.0.1)' },
    'admin-port': { value: 'n', about: 'port of 127.0.0.1 for metrics, readiness and the dashboard, 0 for a free one (default: none)' },
    accept: { value: 'how', about: "'placed': each connection to the worker that is least busy (default); 'reusePort': as the kernel deals them" },
    'deadline-ms': { value: 'n', about: 'a request that cannot begin within it is refused with 503 (default 1000)' },
    'grace-ms': { value: 'n', about: 'how long running requests may go on after a signal (default 5000)' },
    watch: { about: "starts again when a source below the app's folder changes" },
    config: { value: 'file', about: 'configuration (default: capriccio.config.ts of this folder, if there is one)' },
  },
  notes: [
    'An app is a module whose default export has `fetch`, is a Fastify instance or a (req, res) listener, or is a function that makes one.',
    'It may be named by `app` of the configuration instead; what is typed comes before what that says.',
    'SIGTERM and SIGINT end it gracefully, with exit code 0: nothing new is accepted, running requests are answered. A second signal ends it at once.',
    'SIGQUIT prints all threads on stderr, and what each waits for.',
  ],
};

/** What starts a process again, where there is no worker that could be. */
const WATCHED = 'node --watch node_modules/capriccio/dist/cli/main.js serve … --cores 0';

/** What is to be served, and how. */
interface Plan { readonly app: string; readonly pool: PoolOptions; readonly serve: ServeOptions }
interface Served { readonly pool: Pool; readonly server: PoolServer }

/** Resolves with the exit code when the server has been closed. Throws UsageError, or what the app or the system failed with. */
export async function serve(typed: Typed, output: Output): Promise<number> {
  const plan = await planOf(typed);
  const first = await open(plan, output);
  const life = new Life({ plan, again: () => planOf(typed, true) }, first, output);   // before it is told: a signal may follow at once
  if (typed.values.has('watch')) life.watch();
  announce(first, output);
  await life.ended;
  return 0;
}

async function planOf(typed: Typed, isAgain = false): Promise<Plan> {
  const [typedApp, ...others] = typed.positionals;
  if (others.length > 0) throw new UsageError(`serve takes one app, not also ${others.join(' ')}`);
  const config = await readConfig(typed, isAgain);
  const named = typedApp ?? config.app;
  if (named === undefined) throw new UsageError('serve takes the app to serve: capriccio serve ./app.ts');
  const cores = wholeNumber(typed, 'cores');
  const options = { pool: { ...config.pool, ...cores === undefined ? {} : { cores } }, serve: { ...config.serve, ...typedServeOptions(typed) } };
  const full = asUsage(() => { checkServeOptions(options.serve); return checkPoolOptions(options.pool); });
  if (full.cores === 0 && typed.values.has('watch')) throw new UsageError(`--watch starts workers again, and with cores: 0 there are none, for a process loads a module once; let Node watch: ${WATCHED}`);
  return { app: sourceFile(named), ...options };
}

function typedServeOptions(typed: Typed): ServeOptions {
  const given = {
    port: wholeNumber(typed, 'port'), host: typed.values.get('host'), accept: typed.values.get('accept'), adminPort: wholeNumber(typed, 'admin-port'),
    deadlineMs: wholeNumber(typed, 'deadline-ms'), graceMs: wholeNumber(typed, 'grace-ms'),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as ServeOptions;
}

async function open({ app, pool: poolOptions, serve: serveOptions }: Plan, output: Output): Promise<Served> {
  const pool = await createPool(poolOptions);
  pool.on('lost', ({ id, reason, error }) => output.note(`worker ${id} died: ${reason}; another takes its place`, error));
  pool.on('warning', ({ message }) => output.note(message));
  pool.on('deadlock', ({ stack }) => output.note(stack.slice(stack.indexOf(': ') + 2).split('\n', 1)[0] as string));
  try {
    return { pool, server: await pool.serve(pathToFileURL(app), serveOptions) };
  } catch (error) {
    await pool.close({ graceMs: 0 });
    throw error;
  }
}

function announce({ pool, server }: Served, output: Output): void {
  const { url, port, adminUrl } = server;
  const admin = adminUrl === undefined ? '' : `; dashboard and metrics on ${adminUrl}`;
  const where = pool.cores === 0 ? 'in this process' : `with ${pool.cores} ${pool.cores === 1 ? 'core' : 'cores'}`;
  output.result(`listening on ${url} ${where}${admin}`, { event: 'listening', url, port, cores: pool.cores, ...adminUrl === undefined ? {} : { adminUrl } });
}

async function close({ pool, server }: Served): Promise<void> {
  await server.close();
  await pool.close();
}

/** What is served, from the first to the last; another takes its place when sources change. */
class Life {
  /** What to serve now, as the configuration has it. */
  readonly #planAgain: () => Promise<Plan>;
  readonly #folder: string;
  readonly #output: Output;
  readonly #end = Promise.withResolvers<void>();
  #served: Served | undefined;
  #change: Promise<void> = Promise.resolve();
  #isEnding = false;
  readonly #stopDumps: () => void;
  #stopWatching: () => void = () => { /* nothing is watched */ };

  constructor({ plan, again }: { plan: Plan; again: () => Promise<Plan> }, served: Served, output: Output) {
    const ports = { port: served.server.port, ...served.server.adminUrl === undefined ? {} : { adminPort: Number(new URL(served.server.adminUrl).port) } };
    this.#planAgain = async () => {
      const { serve: options, ...others } = await again();
      return { ...others, serve: { ...options, ...ports } };
    };
    this.#folder = dirname(plan.app);
    this.#served = served;
    this.#output = output;
    const receive = (signal: NodeJS.Signals, number: number): void => this.#receive(signal, number);
    process.on('SIGTERM', receive).on('SIGINT', receive);
    this.#stopDumps = dumpOnQuit(() => this.#served?.pool, output);
  }

  /** Settles when a signal has come and everything has ended. */
  get ended(): Promise<void> { return this.#end.promise; }

  watch(): void {
    this.#stopWatching = watchSources(this.#folder, (file) => { this.#change = this.#change.then(() => this.#startAgain(file)); });
  }

  /** The ports stay the same. What fails to start is told, and the next change tried. */
  async #startAgain(file: string): Promise<void> {
    if (this.#isEnding) return;
    this.#output.note(`${file} has changed: starting again`);
    const before = this.#served;
    this.#served = undefined;
    if (before !== undefined) await close(before);
    try {
      this.#served = await open(await this.#planAgain(), this.#output);
      announce(this.#served, this.#output);
    } catch (error) {
      this.#output.error(error);
    }
  }

  #receive(signal: NodeJS.Signals, number: number): void {
    if (this.#isEnding) exitAtOnce(signal, number);
    this.#isEnding = true;
    this.#stopWatching();
    this.#output.note(`${signal}: closing; running requests may end, a second signal ends them`);
    this.#change.then(() => (this.#served === undefined ? undefined : close(this.#served))).finally(this.#stopDumps).then(() => this.#end.resolve(), (error: unknown) => this.#end.reject(error));
  }
}

/** Dies of the signal itself, as whoever sent it expects and whatever the threads do. The first process of a container survives that and exits. */
function exitAtOnce(signal: NodeJS.Signals, number: number): never {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  process.exit(128 + number);
}
