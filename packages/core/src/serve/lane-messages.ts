/**
 * What a front and a back lane say to each other about one request: ordinary calls in shared memory. `request` is published for whichever back lane is
 * free; the others go to the one lane that holds the other end, and are pulled, so back-pressure is the caller's own pace.
 */
import { nameOfFunction } from '@capriccio/worker';
import type { Peer } from './lane-socket.ts';

/** Kind of the functions without a module: runtime.functions.provide. */
export const LANE = 'lane';
/** The request of a route, to any back lane, where each route is a root of its own. */
export const requestName = (server: number, route: string): string => nameOfFunction('', `${LANE} request ${server} ${route}`);
/** That root, on a back lane: it brings the requests, and the route's own runs them. */
export const requestRootName = (route: string): string => `${LANE} request ${route}`;
/** To the front: the next bytes of a request's body. */
export const BODY: string = nameOfFunction('', `${LANE} body`);
/** To the back: the next bytes of an answer; that nobody wants it any more. */
export const MORE: string = nameOfFunction('', `${LANE} more`);
export const ABORT: string = nameOfFunction('', `${LANE} abort`);

/** Arguments of `request`. */
export type RequestArguments = [
  /** Request line and headers as they came, in latin1. */ head: string,
  /** As much of the body as has come; framed as it was. */ body: Uint8Array | undefined,
  /** Under which number the front has the rest; 0: that was all. */ bodyNumber: number,
  front: number, peer: Peer, arrivedAt: number,
  /** False: the server drains, the answer closes the connection. */ mayKeepAlive: boolean,
];

/** An answer as it leaves, header and all: bytes, or a text whose UTF-8 they are. */
export type Answer = [
  bytes: Uint8Array | string,
  /** 'cut': the app has destroyed the connection. */ state: 'more' | 'done' | 'cut',
  keepsAlive: boolean,
  /** For `more`: on which lane, under which number. */ back: number, number: number,
  /** What the lane has computed for the route, since it last told a front, ms: the front's share of the lanes pays it. */ usedMs: number,
  /** With the last piece: its deadline had passed there, the front counts it. */ isExpired: boolean,
];

/** The next piece of a body, framed; `isLast` with it. */
export type BodyPiece = [bytes: Uint8Array, isLast: boolean];

/** Most bytes of one piece: blocks of shared memory are that large. */
export const PIECE_BYTES: number = 1024 * 1024;

export const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
