/**
 * Short requests of long routes. A route goes to back lanes as a whole, and many routes are long for some of their URLs only: a page to render for each
 * document, a report for a day or for a year. What a URL took is remembered (shared: url-costs.ts), by all workers; a GET for one that took little stays
 * in front, in a root of its own, which is scheduled and admitted as any other. What nobody has measured goes to a back lane, where it delays nobody.
 *
 * It is remembered what happened last, so a URL whose requests differ (by user, by time) is sometimes taken for short and is not. Where that is often, the
 * route has no short ones for a while.
 */
import type { IncomingMessage } from 'node:http';
import { urlCosts, type Memory } from '@capriccio/shared';
import { LONG_MS, sharedNow, type Root } from '@capriccio/worker';
import type { RouteAdmission } from './route-admission.ts';

/** At most this long takes what stays, ms: twice what makes a route long, for here it is known of the request itself, and a pass costs up to 0.4. */
const STAYS_MS = 2 * LONG_MS;
/** Weight of one request in the share of those that were taken for short and were not; with more than that share the route rests. */
const WEIGHT = 1 / 32;
const MISTAKEN = 1 / 4;
/** For so long, and twice as long each time, ms. */
const REST_MS = 2000;
const REST_MS_MAX = 64_000;
/** What a request computes after its first wait is looked for in one of so many: native code goes on unseen, and a look costs tens of microseconds. */
const WATCH_EVERY = 4;

/** The root of a route's short requests, for people too. */
export const shortNameOf = (route: string): string => `${route} (short)`;

/** What waits and begins as one. */
export interface Queue { readonly root: Root; readonly admission: RouteAdmission }

/** The short requests of a route. */
export class ShortRoute implements Queue {
  readonly root: Root;
  readonly admission: RouteAdmission;
  readonly #took: (url: string, usedMs: number) => void;
  #mistaken = 0;
  #restsUntil = -Infinity;
  #restMs = REST_MS;
  #toWatch = 0;
  /** The last that was found takes so little that lanes are there for its like: what takes longer is neither protected nor moved. */
  isLight = false;

  constructor({ root, admission }: Queue, took: (url: string, usedMs: number) => void) {
    this.#took = took;
    this.root = root;
    this.admission = admission;
  }

  /** Too many of them were long lately. */
  get rests(): boolean { return sharedNow() < this.#restsUntil; }

  /** Whether what one computes after its first wait is looked for. */
  watches(): boolean {
    if (--this.#toWatch > 0) return false;
    this.#toWatch = WATCH_EVERY;
    return true;
  }

  /** One has ended that computed so long, ms. @param isAll  that is all of it; else it says something only where it is long */
  ended(url: string, usedMs: number, isAll: boolean): void {
    if (!isAll && usedMs <= STAYS_MS) return;
    this.#took(url, usedMs);
    this.#mistaken += ((usedMs > STAYS_MS ? 1 : 0) - this.#mistaken) * WEIGHT;
    if (this.#mistaken <= MISTAKEN) return;
    this.#mistaken = 0;
    this.#restsUntil = sharedNow() + this.#restMs;
    this.#restMs = Math.min(REST_MS_MAX, 2 * this.#restMs);
  }
}

export class ShortRequests<R extends { readonly index: number; readonly name: string }> {
  readonly #memory: Memory;
  readonly #server: number;
  readonly #make: (name: string, route: R) => Queue;
  /** By the number of the route. */
  readonly #routes: ShortRoute[] = [];

  /** @param server  its number @param make  makes a root of that name that stays in front */
  constructor(memory: Memory, server: number, make: (name: string, route: R) => Queue) {
    this.#memory = memory;
    this.#server = server;
    this.#make = make;
  }

  /** @returns where a request of a long route waits that is short, as far as is known; undefined: it goes with its route */
  find(route: R, { method, url = '' }: IncomingMessage): ShortRoute | undefined {
    if (method !== 'GET') return undefined;
    const ms = urlCosts.read(this.#memory, this.#server, url);
    if (ms < 0 || ms > STAYS_MS) return undefined;
    const short = this.#routes[route.index] ??= new ShortRoute(this.#make(shortNameOf(route.name), route), this.#tookUrl);
    if (short.rests) return undefined;
    short.isLight = ms <= LONG_MS;
    return short;
  }

  /** A back lane has answered one, and computed so long for it, ms. */
  took({ method, url = '' }: IncomingMessage, usedMs: number): void {
    if (method === 'GET') this.#tookUrl(url, usedMs);
  }
  readonly #tookUrl = (url: string, usedMs: number): void => { urlCosts.took(this.#memory, this.#server, url, usedMs); };
}
