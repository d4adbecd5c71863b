/**
 * V8 guesses at which places of a program long-lived objects are made, by what survives its young generation, and makes them in the old one from then on. In
 * a server it guesses wrong: a collection in the middle of a request finds all that the request has made so far alive, though it is dead a moment later.
 * And then it cannot mend itself: what is made in the old generation keeps what it refers to, dead or not, until the next collection of everything, so whole
 * requests move there (decision 0073). Next: pool.ts.
 */
import { setFlagsFromString } from 'node:v8';

const FLAG = /^--(?:no-)?allocation[-_]site[-_]pretenuring/;

/**
 * Has V8 make everything young, in all isolates of the process that are made from now on. Not where the user has said in the command what is wanted, by this
 * flag of V8's (Node refuses it in NODE_OPTIONS).
 */
export function makeObjectsYoung(): void {
  if (!process.execArgv.some((flag) => FLAG.test(flag))) setFlagsFromString('--no-allocation-site-pretenuring');
}
