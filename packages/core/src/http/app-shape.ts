/**
 * App shapes: what a user's module exports by default becomes one listener and one close. The app is not changed and never listens: serve
 * owns the sockets. Shapes are told apart by what they can do, not by class, for the user's copy of a framework is not ours.
 *
 * Order matters where shapes overlap: a Nest app passes on its adapter's methods, a Fastify instance is also thenable, a Koa app is also an
 * emitter that can listen; a function is judged by its `length` last (0 factory, 1 fetch handler, 2 or more listener).
 */
import { CapriccioError } from '@capriccio/shared';
import { callAsFrames } from '@capriccio/worker';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { lightResponse } from './light-response.ts';
import { contain, isThenable, warn, type ErrorReport, type Listener } from './contain.ts';

type AppKind = 'fetch' | 'fastify' | 'listener' | 'koa' | 'server';
type UpgradeListener = (req: IncomingMessage, socket: Duplex, head: Buffer) => unknown;

/** A user's application, ready to be given requests. */
export interface HostedApp {
  readonly kind: AppKind;
  /** Never throws, and a promise that it returns never rejects: errors are answered with 500 and reported. */
  readonly listener: Listener;
  /** Absent when the app takes no upgrades: node:http then refuses them by itself. */
  readonly upgrade?: UpgradeListener;
  /** Lets the app end its own business (Fastify's onClose, a server's close). The sockets are the caller's. */
  close(): Promise<void>;
}

export interface LoadAppOptions {
  /** Every error that a listener lets escape. Default: a process warning. */
  onError?: ErrorReport;
}

/** A shape before its listener is contained. */
interface Shape { kind: AppKind; listener: Listener; upgrade?: UpgradeListener | undefined; close?: () => unknown }
type Bag = Record<string, unknown>;

const ACCEPTED = 'an object with a fetch(request) method (also a Hono app), a Fastify instance, a (req, res) listener (Express, Connect), '
  + 'a Koa or Nest app, an http.Server, a (request) => Response function, or a function without parameters that returns one of these';

/**
 * Recognises and prepares an app.
 * @param exported  the default export of the user's module, or the module's namespace
 * Throws CAP_ERR_MODULE when it is none of the shapes (the message says what it is), and lets errors of the app's own start through.
 */
export async function loadApp(exported: unknown, { onError = warn }: LoadAppOptions = {}): Promise<HostedApp> {
  const app = defaultOf(exported);
  const { kind, listener, upgrade, close } = await shapeOf(app) ?? await shapeOfFactory(app);
  return {
    kind,
    listener: contain(listener, onError),
    ...upgrade === undefined ? {} : { upgrade: containUpgrade(upgrade, onError) },
    async close() { await close?.(); },
  };
}

/** The namespace of a module stands for its default export; CommonJS compiled from a module carries it one level further down. */
function defaultOf(exported: unknown): unknown {
  let app = exported;
  if (isObject(app) && (app as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag] === 'Module') {
    const names = Object.keys(app);
    if (!names.includes('default')) throw unaccepted(`the module has no default export (it exports ${names.length === 0 ? 'nothing' : names.join(', ')})`);
    app = app['default'];
  }
  if (isObject(app) && app['__esModule'] === true && 'default' in app) app = app['default'];
  if (app === undefined || app === null) throw unaccepted(`the module's default export is ${String(app)}; is \`export default\` missing?`);
  return app;
}

async function shapeOfFactory(app: unknown): Promise<Shape> {
  if (isThenable(app)) return await shapeOf(await app) ?? reject(await app, 'a promise of ');
  if (typeof app !== 'function' || app.length > 0 || isClass(app)) return reject(app);
  const made = await (app as () => unknown)();
  return await shapeOf(made) ?? reject(made, 'a factory that returned ');
}

async function shapeOf(app: unknown): Promise<Shape | undefined> {
  if (typeof app !== 'function' && !isObject(app)) return undefined;
  const able = (name: string): boolean => typeof (app as Bag)[name] === 'function';
  if (able('getHttpAdapter')) return await nestShape(app as unknown as NestLike);
  if (able('ready') && able('inject') && isObject((app as Bag)['server'])) return await fastifyShape(app as unknown as FastifyLike);
  if (able('fetch')) return await fetchShape((request) => callAsFrames((app as unknown as FetchLike).fetch, app, request) as Response);
  if (able('callback') && able('use')) return { kind: 'koa', listener: (app as unknown as KoaLike).callback() };
  if (able('listen') && able('emit') && able('listenerCount') && typeof app !== 'function') return serverShape(app as unknown as ServerLike);
  if (typeof app !== 'function' || isClass(app)) return undefined;
  if (app.length >= 2) return { kind: 'listener', listener: (req, res) => callAsFrames(app as Listener, undefined, req, res) };
  return app.length === 1 ? await fetchShape((request) => callAsFrames(app as FetchLike['fetch'], undefined, request) as Response) : undefined;
}

interface FastifyLike { ready(): PromiseLike<unknown>; close(): PromiseLike<unknown>; routing?: Listener; server: ServerLike }
interface FetchLike { fetch(request: Request): Response | Promise<Response> }
interface NestLike { getHttpAdapter(): { getInstance(): unknown }; init(): Promise<unknown>; close(): Promise<unknown> }
interface KoaLike { callback(): Listener }
interface ServerLike {
  listening?: boolean;
  listenerCount(event: string): number;
  rawListeners(event: string): ((...args: unknown[]) => unknown)[];
  close(done: (error?: Error) => void): unknown;
}

async function fastifyShape(app: FastifyLike): Promise<Shape> {
  await app.ready();
  const listener: Listener = app.routing?.bind(app) ?? listenersOf(app.server, 'request');
  return { kind: 'fastify', listener, upgrade: upgradeOf(app.server), close: () => app.close() };
}

/**
 * srvx makes Request and Response out of node's pair. Its adapter alone is used, not its server, which would listen and take SIGTERM. The
 * global Request of this thread is srvx's subclass from then on, so that `new Request(request)` works as it does in every other runtime, and the global
 * Response keeps string bodies as they are (light-response.ts).
 */
let nativeResponse: typeof Response | undefined;
async function fetchShape(handler: FetchLike['fetch']): Promise<Shape> {
  const { FastResponse, patchGlobalRequest, toNodeHandler } = await import('srvx/node');
  patchGlobalRequest();
  nativeResponse ??= globalThis.Response;
  globalThis.Response = lightResponse(nativeResponse, FastResponse as never);
  const checked = (request: Request): Response | Promise<Response> => {
    const response: unknown = handler(request);
    return isThenable(response) ? response.then(asResponse) as Promise<Response> : asResponse(response);
  };
  return { kind: 'fetch', listener: toNodeHandler(checked) as Listener };
}

function asResponse(value: unknown): Response {
  if (value instanceof Response || isObject(value) && typeof value['status'] === 'number' && 'headers' in value) return value as Response;
  throw new TypeError(`the fetch handler returned ${describe(value)}, not a Response`);
}

async function nestShape(app: NestLike): Promise<Shape> {
  await app.init();
  const instance: unknown = app.getHttpAdapter().getInstance();
  const shape = await shapeOf(instance) ?? reject(instance, 'a Nest app whose HTTP adapter is ');
  return { ...shape, close: () => app.close() };
}

function serverShape(server: ServerLike): Shape {
  if (server.listenerCount('request') === 0) throw unaccepted('the default export is a server without a request listener');
  return {
    kind: 'server',
    listener: listenersOf(server, 'request'),
    upgrade: upgradeOf(server),
    close: () => server.listening === true ? new Promise<void>((resolve, fail) => { server.close((error) => { error ? fail(error) : resolve(); }); }) : undefined,
  };
}

function upgradeOf(server: ServerLike): UpgradeListener | undefined {
  return server.listenerCount('upgrade') === 0 ? undefined : listenersOf(server, 'upgrade');
}

/** Calls what listens now, as emit does, but keeps the promises of async listeners, which emit drops: their errors must not end the process. */
function listenersOf(server: ServerLike, event: string): (...args: unknown[]) => unknown {
  return (...args) => {
    const pending = server.rawListeners(event).map((listener) => callAsFrames(listener, server, ...args)).filter(isThenable);
    return pending.length === 0 ? undefined : Promise.all(pending);
  };
}

function containUpgrade(upgrade: UpgradeListener, report: ErrorReport): UpgradeListener {
  return async (req, socket, head) => {
    try {
      await upgrade(req, socket, head);
    } catch (error) {
      socket.destroy();
      report(error, req);
    }
  };
}

const isObject = (value: unknown): value is Bag => typeof value === 'object' && value !== null;
const isClass = (value: unknown): boolean => typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value));

function reject(found: unknown, via = ''): never {
  throw unaccepted(`the default export is ${via}${describe(found)}`);
}

function unaccepted(what: string): CapriccioError {
  return new CapriccioError('CAP_ERR_MODULE', `cannot serve this module: ${what}. Accepted: ${ACCEPTED}`);
}

/** What a value is, for a message: type, class, and the keys that might give it away. */
function describe(value: unknown): string {
  if (isClass(value)) return `the class ${(value as { name: string }).name || '(anonymous)'}, not an instance of it`;
  if (typeof value === 'function') return `a function of ${value.length} parameters`;
  if (!isObject(value)) return value === null ? 'null' : value === undefined ? 'undefined' : `a ${typeof value} (${String(value).slice(0, 40)})`;
  const keys = Object.keys(value);
  const listed = keys.length === 0 ? 'without keys' : `with the keys ${keys.slice(0, 8).join(', ')}${keys.length > 8 ? ', …' : ''}`;
  return `${Array.isArray(value) ? 'an array' : `an object of class ${value.constructor?.name || (value as { [Symbol.toStringTag]?: string })[Symbol.toStringTag] || 'null'}`} ${listed}`;
}
