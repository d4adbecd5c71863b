/**
 * An HTTP service whose throughput falls past a concurrency that it tells nobody: eight at a time do more together, more than that get into each other's
 * way (Gunther's Universal Scalability Law). A process of its own; told to die, it answers nothing until it is told to live.
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Answers a millisecond, with so many requests in it. */
export const answersPerMs = (concurrency: number): number => Math.min(concurrency, 8) / 50 / (1 + 1.5 * Math.max(0, concurrency / 8 - 1) + 0.01 * concurrency * Math.max(0, concurrency - 1));
const TICK_MS = 1;
/** Longest pause of this process that is made up for: longer ones, it did not run. */
const CATCH_UP_MS = 50;

export type ToService = 'die' | 'live' | 'count';
export interface FromService { readonly port?: number; readonly done: number; readonly inside: number }

function serve(): void {
  const waiting = new Set<ServerResponse>();
  let [done, credit, at, isDead] = [0, 0, performance.now(), false];
  setInterval(() => {
    const now = performance.now();
    const ms = Math.min(CATCH_UP_MS, now - at);
    at = now;
    if (isDead || waiting.size === 0) { credit = 0; return; }
    credit += ms * answersPerMs(waiting.size);
    for (const response of waiting) {
      if (credit < 1) break;
      credit--;
      done++;
      waiting.delete(response);
      response.end('42\n');
    }
  }, TICK_MS);
  const server = createServer((_, response) => {
    waiting.add(response);
    response.once('close', () => { waiting.delete(response); });
  });
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => process.send?.({ port: (server.address() as AddressInfo).port, done, inside: 0 } satisfies FromService));
  process.on('message', (order: ToService) => {
    if (order === 'count') process.send?.({ done, inside: waiting.size } satisfies FromService);
    else isDead = order === 'die';
  });
  process.once('disconnect', () => process.exit());
}

if (import.meta.main) serve();
