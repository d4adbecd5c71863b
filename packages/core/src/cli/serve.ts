/** `capriccio serve`: an app on every core, until a signal; then a graceful end. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createPool } from '../create-pool.ts';
import { checkPoolOptions } from '../options.ts';
import type { Pool } from '../pool.ts';
import type { PoolServer } from '../serve/pool-server.ts';
import { checkServeOptions, type ServeOptions } from '../serve/serve-options.ts';
import { UsageError, asUsage, wholeNumber, type Typed, type Verb } from './arguments.ts';
import type { Output } from './output.ts';

export const serveVerb: Verb = {
  name: 'serve',
  positionals: '<app>',
  summary: 'serves an app on every core until a signal comes',
  options: {
    cores: { value: 'n', about: 'workers, 1 to 128 (default: CAPRICCIO_CORES, or what the machine has)' },
    port: { value: 'n', about: 'port, 0 for a free one (default: PORT, or 3000)' },
    host: { value: 'name', about: 'address to listen on (default: HOST, or 127.0.0.1)' },
    accept: { value: 'how', about: "'placed': each connection to the worker that is least busy (default); 'reusePort': as the kernel deals them" },
    'deadline-ms': { value: 'n', about: 'a request that cannot begin within it is refused with 503 (default 1000)' },
    'grace-ms': { value: 'n', about: 'how long running requests may go on after a signal (default 5000)' },
  },
  notes: [
    'An app is a module whose default export has `fetch`, is a Fastify instance or a (req, res) listener, or is a function that makes one.',
    'SIGTERM and SIGINT end it gracefully, with exit code 0: nothing new is accepted, running requests are answered. A second signal ends it at once.',
  ],
};

/** Resolves with the exit code when the server has been closed. Throws UsageError, or what the app or the system failed with. */
export async function serve(typed: Typed, output: Output): Promise<number> {
  const [app, ...others] = typed.positionals;
  if (app === undefined) throw new UsageError('serve takes the app to serve: capriccio serve ./app.ts');
  if (others.length > 0) throw new UsageError(`serve takes one app, not also ${others.join(' ')}`);
  const options = serveOptions(typed);
  const cores = wholeNumber(typed, 'cores');
  const full = asUsage(() => { checkServeOptions(options); return checkPoolOptions(cores); });
  if (full.cores === 0) throw new UsageError('serve needs at least one core');
  const pool = await createPool(full.cores);
  tell(pool, output);
  try {
    const server = await pool.serve(pathToFileURL(resolve(app)), options);
    const ended = endOnSignal(pool, server, output);
    output.result(`listening on ${server.url} with ${pool.cores} ${pool.cores === 1 ? 'core' : 'cores'}`, { event: 'listening', url: server.url, port: server.port, cores: pool.cores });
    await ended;
    return 0;
  } catch (error) {
    await pool.close({ graceMs: 0 });
    throw error;
  }
}

function serveOptions(typed: Typed): ServeOptions {
  const given = {
    port: wholeNumber(typed, 'port'), host: typed.values.get('host'), accept: typed.values.get('accept'),
    deadlineMs: wholeNumber(typed, 'deadline-ms'), graceMs: wholeNumber(typed, 'grace-ms'),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as ServeOptions;
}

function tell(pool: Pool, output: Output): void {
  pool.on('lost', ({ id, reason }) => output.note(`worker ${id} died: ${reason}; another takes its place`));
  pool.on('warning', ({ message }) => output.note(message));
}

/** Settles when a signal has come and everything has ended. */
function endOnSignal(pool: Pool, server: PoolServer, output: Output): Promise<void> {
  const { promise, resolve: end, reject } = Promise.withResolvers<void>();
  let isEnding = false;
  const close = async (): Promise<void> => {
    await server.close();
    await pool.close();
  };
  const receive = (signal: NodeJS.Signals, number: number): void => {
    if (isEnding) exitAtOnce(signal, number);
    isEnding = true;
    output.note(`${signal}: closing; running requests may end, a second signal ends them`);
    close().then(end, reject);
  };
  process.on('SIGTERM', receive).on('SIGINT', receive);
  return promise;
}

/** Dies of the signal itself, as whoever sent it expects and whatever the threads do. The first process of a container survives that and exits. */
function exitAtOnce(signal: NodeJS.Signals, number: number): never {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  process.exit(128 + number);
}
