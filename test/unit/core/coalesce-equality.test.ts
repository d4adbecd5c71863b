import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, test } from 'vitest';
import { WriteCoalescer } from '../../../packages/core/src/http/coalesce.ts';
import { exchange, get, rig, type Exchange, type Rig } from './pipelining.ts';

/** More than 1 to search longer: the number of runs and the time allowed are multiplied by it. */
const effort = Number(process.env['CAPRICCIO_TEST_EFFORT'] ?? 1);

let coalescer: WriteCoalescer;
beforeEach(() => { coalescer = new WriteCoalescer(); });
afterEach(() => { coalescer[Symbol.dispose](); });

/** One response, as its path says: how it ends (`now`, `micro`, `tick`, `turn`, `soon`) and what it is. */
function respond(req: IncomingMessage, res: ServerResponse, { log }: Rig): void {
  const { pathname, searchParams } = new URL(req.url!, 'http://x');
  const [, when, what] = pathname.split('/');
  const id = searchParams.get('id')!;
  const size = Number(searchParams.get('size') ?? 10);
  res.on('finish', () => log.push(`${id} finish`)).on('close', () => log.push(`${id} close ${res.writableFinished}`));
  const body = `${id}${'.'.repeat(size)}`;
  const answer = (): void => {
    if (what === 'plain') res.end(body);
    else if (what === 'buffer') res.setHeader('x-id', id).end(Buffer.from(body));
    else if (what === 'head') res.writeHead(200, { 'content-length': size }).end();
    else if (what === 'empty') res.writeHead(204).end();
    else if (what === 'not-modified') res.writeHead(304, { etag: `"${id}"` }).end();
    else if (what === 'callback') res.end(body, () => log.push(`${id} ended`));
    else if (what === 'early') {
      res.writeHead(200, { 'content-length': body.length });
      res.flushHeaders();
      res.write(body.slice(0, 3));
      setImmediate(() => { res.end(body.slice(3)); });
    } else if (what === 'stream') {
      void stream(res, body);
    } else if (what === 'close') res.setHeader('connection', 'close').end(body);
    else if (what === 'echo') {
      const parts: Buffer[] = [];
      req.on('data', (part: Buffer) => parts.push(part)).on('end', () => { res.end(Buffer.concat(parts)); });
    } else throw new Error(pathname);
  };
  if (when === 'now') answer();
  else if (when === 'micro') queueMicrotask(answer);
  else if (when === 'tick') process.nextTick(answer);
  else if (when === 'turn') setImmediate(answer);
  else setTimeout(answer, Number(searchParams.get('ms')));
}

async function stream(res: ServerResponse, body: string): Promise<void> {
  for (let n = 0; n < 3; n++) {
    if (!res.write(body)) await Promise.race([once(res, 'drain'), once(res, 'close')]);
    await turn();
  }
  res.end('end');
}

const whens = ['now', 'now', 'now', 'micro', 'tick', 'turn', 'soon'];
const whats = ['plain', 'plain', 'buffer', 'head', 'empty', 'not-modified', 'callback', 'early', 'stream', 'echo'];
const oneRequest = fc.record({
  when: fc.constantFrom(...whens), what: fc.constantFrom(...whats), verb: fc.constantFrom('GET', 'GET', 'GET', 'HEAD', 'POST'),
  size: fc.constantFrom(0, 1, 10, 1000, 20_000, 300_000), ms: fc.constantFrom(1, 5, 15), expect: fc.constantFrom(false, false, false, true),
}).map((one) => ({ ...one, expect: one.expect && one.what !== 'buffer' && one.what !== 'echo' }));   // see the test of 100 Continue
const bursts = fc.array(fc.array(oneRequest, { minLength: 1, maxLength: 10 }), { minLength: 1, maxLength: 4 });
/** The last request of a script, so that the server says when all has been answered. */
const quiet = fc.constantFrom('close', 'client-close', 'http-1.0');
/** These end the connection at once, whatever is still to be answered. */
const abrupt = fc.constantFrom('close-and-more', 'no-host', 'garbage', 'http-1.0-and-more', 'client-close-and-more');

interface Plan { when: string; what: string; verb: string; size: number; ms: number; expect: boolean }

function script(plan: Plan[][], kind: string): string[] {
  let id = 0;
  const texts = plan.map((burst) => burst.map(({ when, what, verb, size, ms, expect }) => {
    const body = verb === 'POST' ? 'b'.repeat(id + 3) : '';
    const headers = `Host: x\r\n${expect && body !== '' ? 'Expect: 100-continue\r\n' : ''}${body === '' ? '' : `Content-Length: ${body.length}\r\n`}`;
    return `${verb} /${when}/${what}?id=${id++}&size=${size}&ms=${ms} HTTP/1.1\r\n${headers}\r\n${body}`;
  }).join(''));
  const [last, more] = [get('/now/plain?id=90'), get('/now/plain?id=91')];
  const extra = {
    'close': get('/now/close?id=90'), 'close-and-more': get('/now/close?id=90') + more,
    'client-close': get('/now/plain?id=90', 'Connection: close\r\n'), 'client-close-and-more': get('/now/plain?id=90', 'Connection: close\r\n') + more,
    'no-host': `GET / HTTP/1.1\r\n\r\n${last}`, 'garbage': 'NONSENSE\r\n\r\n',
    'http-1.0': `GET /now/plain?id=90 HTTP/1.0\r\n\r\n`, 'http-1.0-and-more': `GET /now/plain?id=90 HTTP/1.0\r\n\r\n${more}`,
  }[kind]!;
  return [...texts.slice(0, -1), texts.at(-1)! + extra];
}

async function bothSay(plan: Exchange): Promise<{ plain: string; ours: string; logs: [string[], string[]]; writes: [number, number] }> {
  await using a = await rig(respond);
  await using b = await rig(respond, coalescer);
  const [plain, ours] = await Promise.all([exchange(a.port, plan), exchange(b.port, plan)]);
  return { plain, ours, logs: [a.log, b.log], writes: [a.writes, b.writes] };
}

describe('the same bytes as plain node:http', () => {
  test('for random pipelined requests', async () => {
    await fc.assert(fc.asyncProperty(bursts, quiet, fc.constantFrom(0, 0, 30), async (plan, kind, readAfterMs) => {
      const { plain, ours, logs: [a, b] } = await bothSay({ bursts: script(plan, kind), ending: 'wait', readAfterMs });
      assert.equal(ours, plain);
      assert.deepEqual(b.filter((line) => line.includes('finish')), a.filter((line) => line.includes('finish')));
      assert.deepEqual(b.toSorted(), a.toSorted());
    }), { numRuns: 60 * effort });
  }, effort * 60_000);

  // What ends a connection at once makes the answers depend on the clock, so here every answer is given in the turn of its request.
  test('when the client closes its half, or sends garbage, behind the last request', async () => {
    await fc.assert(fc.asyncProperty(bursts, fc.oneof(quiet, abrupt), async (plan, kind) => {
      const soon = plan.map((burst) => burst.map((one) => ({
        ...one, size: Math.min(one.size, 1000),
        when: one.when === 'soon' || one.when === 'turn' ? 'tick' : one.when,
        what: one.what === 'stream' || one.what === 'early' ? 'plain' : one.what,
      })));
      const { plain, ours } = await bothSay({ bursts: script(soon, kind), ending: 'half-close', gapMs: 8 });
      assert.equal(ours, plain);
    }), { numRuns: 30 * effort });
  }, effort * 60_000);

  test('and it goes on serving when clients reset', async () => {
    await using server = await rig(respond, coalescer);
    await fc.assert(fc.asyncProperty(bursts, async (plan) => {
      await exchange(server.port, { bursts: script(plan, 'close'), ending: 'reset' });
    }), { numRuns: 30 * effort });
    await delay(30);
    const answer = await exchange(server.port, { bursts: [get('/now/plain?id=1') + get('/now/close?id=2')], ending: 'wait' });
    assert.equal(answer.match(/HTTP\/1\.1 200/g)?.length, 2);
  }, effort * 60_000);
});
