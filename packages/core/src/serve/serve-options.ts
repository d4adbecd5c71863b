/** The options of `serve`: names, ranges, defaults. What is not known or out of range is CAP_ERR_OPTION, at once. */
import { checkNumber, checkObject, checkOneOf, checkSignal, checkString, refuse, shown, type Range } from '../check.ts';
import type { Lane } from '../options.ts';
import { RouteTable } from '../http/routes.ts';

export interface RouteOptions {
  /** Share of a worker among the routes that compete there. Default 1. */
  tickets?: number;
  deadlineMs?: number;
  onDeadline?: 'admission' | 'cancel';
  /** 'back': its requests run on back lanes, whatever was measured. 'front': never there. Default 'auto': by the processor time of their segments. */
  lane?: Lane;
}

export interface ServeOptions {
  /** Default: PORT of the environment, else 3000; 0 lets the system choose. */
  port?: number;
  /** Default: HOST of the environment, else 127.0.0.1. */
  host?: string;
  /** A request that cannot begin within this time is refused with 503; one that has begun goes on. Default 1,000 ms. */
  deadlineMs?: number;
  /** By 'GET /render/:id', '/search', '/static/*'. */
  routes?: Record<string, RouteOptions>;
  /** 'placed': main accepts and gives each connection to the worker that is least busy. 'reusePort': the kernel deals them out, unseeing. Default 'placed'. */
  accept?: 'placed' | 'reusePort';
  /** How long running requests may go on when the server closes, ms. Default 5,000. */
  graceMs?: number;
  /** Closes the server when it aborts. */
  signal?: AbortSignal;
  /** Port of 127.0.0.1 for metrics, readiness and the dashboard; 0 lets the system choose. Default: none. */
  adminPort?: number;
  /**
   * Headers and whole requests must have come within headersMs (60,000) and bodyMs (300,000); larger bodies than bodyBytes get 413; more connections
   * than `connections` are refused; a connection that has been idle for keepAliveMs (5,000; 0: for ever) is closed.
   */
  limits?: { headersMs?: number; bodyMs?: number; bodyBytes?: number; connections?: number; keepAliveMs?: number };
}

/** Plain data: what a worker's host needs. */
export interface HostOptions {
  readonly host: string;
  readonly port: number;
  readonly accept: 'placed' | 'reusePort';
  readonly deadlineMs: number;
  readonly routes: Record<string, RouteOptions>;
  readonly headersMs: number;
  readonly bodyMs: number;
  readonly bodyBytes: number;
  /** The answers of all lanes name the same. */
  readonly keepAliveMs: number;
  /** Keeps how long the requests of each route took. */
  readonly observe: boolean;
  /** Main counts this server's connections, and is told of each that ends. */
  readonly tellsEnds: boolean;
}

export interface FullServeOptions extends Omit<HostOptions, 'tellsEnds'> {
  readonly graceMs: number;
  readonly signal: AbortSignal | undefined;
  readonly connectionsMax: number;
  readonly adminPort: number | undefined;
}

const SERVE_OPTIONS = ['port', 'host', 'deadlineMs', 'routes', 'accept', 'graceMs', 'signal', 'adminPort', 'limits'];
const ROUTE_OPTIONS = ['tickets', 'deadlineMs', 'onDeadline', 'lane'];
const LIMITS = ['headersMs', 'bodyMs', 'bodyBytes', 'connections', 'keepAliveMs'];
const PORTS: Range = { min: 0, max: 65_535, integer: true };
const TIME: Range = { min: 0, max: 2 ** 31 - 1 };

/** Checks what `serve` was given. Throws CAP_ERR_OPTION. */
export function checkServeOptions(given: unknown): FullServeOptions {
  const options = checkObject(given, 'serve', SERVE_OPTIONS) as ServeOptions;
  const limits = checkObject(options.limits, 'limits', LIMITS);
  const adminPort = checkNumber(options.adminPort, 'adminPort', PORTS);
  return {
    adminPort, observe: adminPort !== undefined,
    port: checkNumber(options.port, 'port', PORTS) ?? portOfEnvironment(),
    host: checkString(options.host, 'host') ?? (process.env['HOST'] || '127.0.0.1'),
    accept: checkOneOf(options.accept, 'accept', ['placed', 'reusePort']) ?? 'placed',
    deadlineMs: checkNumber(options.deadlineMs, 'deadlineMs', TIME) ?? 1000,
    graceMs: checkNumber(options.graceMs, 'graceMs', TIME) ?? 5000,
    signal: checkSignal(options.signal, 'signal'),
    routes: checkRoutes(options.routes),
    headersMs: Math.ceil(checkNumber(limits['headersMs'], 'limits.headersMs', TIME) ?? 60_000),
    bodyMs: Math.ceil(checkNumber(limits['bodyMs'], 'limits.bodyMs', TIME) ?? 300_000),
    keepAliveMs: Math.ceil(checkNumber(limits['keepAliveMs'], 'limits.keepAliveMs', TIME) ?? 5000),
    bodyBytes: checkNumber(limits['bodyBytes'], 'limits.bodyBytes', { min: 0 }) ?? Infinity,
    connectionsMax: checkNumber(limits['connections'], 'limits.connections', { min: 1, integer: true }) ?? Infinity,
  };
}

function checkRoutes(given: unknown): Record<string, RouteOptions> {
  if (given === undefined) return {};
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return refuse(`routes must be an object, not ${shown(given)}`);
  for (const [key, value] of Object.entries(given)) {
    const what = `routes['${key}']`;
    const options = checkObject(value ?? refuse(`${what} must be an object, not ${shown(value)}`), what, ROUTE_OPTIONS);
    checkNumber(options['tickets'], `${what}.tickets`, { min: 1, max: 10_000 });
    checkNumber(options['deadlineMs'], `${what}.deadlineMs`, TIME);
    checkOneOf(options['onDeadline'], `${what}.onDeadline`, ['admission', 'cancel']);
    checkOneOf(options['lane'], `${what}.lane`, ['auto', 'front', 'back']);
  }
  void new RouteTable(given as Record<string, RouteOptions>);            // throws for a key that is no pattern
  return given as Record<string, RouteOptions>;
}

function portOfEnvironment(): number {
  const wanted = process.env['PORT'];
  if (wanted === undefined || wanted === '') return 3000;
  const port = Number(wanted);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) return refuse(`the environment variable PORT must be an integer from 0 to 65535, not '${wanted}'`);
  return port;
}
