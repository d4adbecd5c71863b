/** Requests on their way to their turn, with responses that are only looked at: no sockets, and the turn never comes. */
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Scheduler } from '@capriccio/worker';
import { test } from 'vitest';
import { WriteCoalescer } from '../../../packages/core/src/http/coalesce.ts';
import { RequestThreads } from '../../../packages/core/src/serve/request-threads.ts';

const options = { host: '127.0.0.1', port: 0, accept: 'placed', deadlineMs: 5, routes: {}, headersMs: 0, bodyMs: 0, bodyBytes: Infinity, keepAliveMs: 5000, observe: false, tellsEnds: false } as const;

class Response extends EventEmitter {
  writableEnded = false;
  status = 0;
  writeHead(status: number): void { this.status = status; }
  end(): void { this.writableEnded = true; }
}

test('clients that have gone while their requests waited are nobody whom the next has to wait for', () => {
  const scheduler = new Scheduler({ timersRef: false });
  scheduler.arm = () => { /* no turn ever comes */ };
  const threads = new RequestThreads({ scheduler, laneClock: undefined }, () => assert.fail('it has begun'), options, new WriteCoalescer(), () => { /* nobody observes */ }, { shed: () => { /* the status tells */ }, expired: () => assert.fail('nothing has begun') });
  const arrive = (accept?: string): Response => {
    const res = new Response();
    threads.add({ method: 'GET', url: '/feed', headers: { accept }, socket: {}, complete: true } as unknown as IncomingMessage, res as unknown as ServerResponse);
    return res;
  };
  const streams = Array.from({ length: 300 }, () => arrive('text/event-stream'));   // without a deadline: none is refused
  assert.ok(streams.every(({ status }) => status === 0));
  assert.equal(arrive().status, 503, '300 before it');
  for (const stream of streams) stream.emit('close');
  assert.equal(arrive().status, 0, 'the first, who found nobody before him, and nobody else');
  assert.equal(threads.active, 301);
});
