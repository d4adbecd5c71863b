/** What main and the hosts in the workers tell each other about servers, by port. */
import type { Socket } from 'node:net';
import type { Histogram } from 'node:perf_hooks';
import type { FailureRecord } from '@capriccio/shared';
import type { HostOptions } from './serve-options.ts';

/** The name of the service in port messages. */
export const SERVE = 'serve';

export type ToHost =
  | { readonly action: 'open'; readonly server: number; readonly url: string; readonly options: HostOptions }
  | { readonly action: 'connection'; readonly server: number; readonly socket: Socket }
  /** Whether a back lane has the application: only then is work handed over that runs in front as well. */
  | { readonly action: 'lanes'; readonly server: number; readonly isOpen: boolean }
  | { readonly action: 'close'; readonly server: number; readonly graceMs: number };

export type FromHost =
  /** A spare: its app's module is loaded, and runs when the worker is activated. */
  | { readonly event: 'prepared'; readonly server: number }
  /** It is to get no more connections: it drains, or was told to. */
  | { readonly event: 'resting'; readonly server: number }
  | { readonly event: 'ready'; readonly server: number; readonly port: number }
  | { readonly event: 'failed'; readonly server: number; readonly failure: FailureRecord }
  /** Times of a route's requests, microseconds: main reads what the worker goes on recording. */
  | { readonly event: 'times'; readonly server: number; readonly route: string; readonly histogram: Histogram }
  /** So many connections that main had handed over have ended; only where they are limited. */
  | { readonly event: 'ended'; readonly server: number; readonly count: number }
  | { readonly event: 'closed'; readonly server: number }
  /** So many requests of a route were refused at arrival; so many were taken, and their deadlines have passed. */
  | { readonly event: 'shed'; readonly server: number; readonly route: string; readonly count: number; readonly retryAfterMs: number }
  | { readonly event: 'expired'; readonly server: number; readonly route: string; readonly count: number };
