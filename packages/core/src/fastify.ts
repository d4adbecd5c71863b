/**
 * `capriccio/fastify`: a plug-in. `app.pool` runs functions on other cores; `request.signal` (Fastify's own where it has one) aborts when the client goes away.
 *
 *     await app.register(capriccio, { cores: 4 });
 *     const images = app.pool.module<typeof import('./images.ts')>(new URL('./images.ts', import.meta.url));
 *     app.get('/thumb', (request) => images.resize.with({ signal: request.signal })(…));
 *
 * In an app that a pool serves, `app.pool` is that pool, seen from its threads. Elsewhere one is made, and closed with the app; or it is given.
 */
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { createPool } from './create-pool.ts';
import { refuse, shown } from './check.ts';
import type { PoolOptions } from './options.ts';
import { pool as poolOfThread, type PoolHandle } from './thread.ts';

declare module 'fastify' {
  interface FastifyInstance { readonly pool: PoolHandle }
  interface FastifyRequest { readonly signal: AbortSignal }
}

/** Options of a pool that is made, or one that there is: it is not closed with the app. */
export type CapriccioFastifyOptions = PoolOptions & { pool?: PoolHandle };

const SIGNAL = Symbol('capriccio.signal');
type Marked = FastifyRequest & { [SIGNAL]?: AbortController; [REPLY]?: FastifyReply };
const REPLY = Symbol('capriccio.reply');

const plugin: FastifyPluginAsync<CapriccioFastifyOptions> = async (app, { pool: given, ...options }) => {
  if (given !== undefined && (typeof given !== 'object' || given === null || typeof given.module !== 'function' || typeof given.run !== 'function')) refuse(`pool must be a pool, not ${shown(given)}`);
  const pool = given ?? servedBy() ?? await makePool(app, options);
  app.decorate('pool', pool);
  if (app.hasRequestDecorator('signal')) return;                       // Fastify's own, or another plug-in's
  app.addHook('onRequest', async (request, reply) => { (request as Marked)[REPLY] = reply; });
  app.decorateRequest('signal', { getter() { return signalOf(this as Marked); } });
};

/** The pool that serves this app, if one does. */
function servedBy(): PoolHandle | undefined {
  try { return poolOfThread(); } catch { return undefined; }
}

async function makePool(app: FastifyInstance, options: PoolOptions): Promise<PoolHandle> {
  const { prefix: _, logLevel: __, ...rest } = options as PoolOptions & { prefix?: unknown; logLevel?: unknown };   // what register adds for itself
  const pool = await createPool(rest);
  app.addHook('onClose', () => pool.close());
  return pool;
}

/** Made when it is first asked for: most handlers never do. */
function signalOf(request: Marked): AbortSignal {
  if (request[SIGNAL] !== undefined) return request[SIGNAL].signal;
  const controller = request[SIGNAL] = new AbortController();
  const { raw: response } = request[REPLY] as FastifyReply;
  const gone = (): void => { if (!response.writableFinished) controller.abort(new DOMException('the client closed its connection before it was answered', 'AbortError')); };
  if (response.destroyed || request.raw.socket.destroyed) gone();
  else response.once('close', gone);
  return controller.signal;
}

/** Its decorators are for the whole app, as fastify-plugin would say. */
const capriccio: typeof plugin = Object.assign(plugin, {
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'capriccio',
  [Symbol.for('plugin-meta')]: { fastify: '5.x', name: 'capriccio' },
});
export default capriccio;
