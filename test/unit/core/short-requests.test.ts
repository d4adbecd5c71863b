/** Which requests of long routes are known to be short, without a server. Where they then run: lane-learning.test.ts. */
import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { allocateMemory, layOut, mapMemory } from '@capriccio/shared';
import { Scheduler } from '@capriccio/worker';
import { test, vi } from 'vitest';
import { RouteAdmission } from '../../../packages/core/src/serve/route-admission.ts';
import { ShortRequests } from '../../../packages/core/src/serve/short-requests.ts';

const layout = layOut({ participantCount: 2, slotCount: 16, payloadBytes: 65_536, namesBytes: 128, ringCount: 1 });
const route = { index: 3, name: 'GET /page/:id' };
const request = (url: string, method = 'GET'): IncomingMessage => ({ method, url }) as IncomingMessage;

function requests(memory = mapMemory(allocateMemory(layout), layout), server = 1): ShortRequests<typeof route> {
  const { roots } = new Scheduler({ timersRef: false });
  return new ShortRequests(memory, server, (name) => { const root = roots.named(name); return { root, admission: new RouteAdmission(root, roots.active) }; });
}

test('one that took little goes to the short ones of its route, what took long or is not known does not', () => {
  const shorts = requests();
  shorts.took(request('/page/1'), 0.6);
  shorts.took(request('/page/2'), 15);
  assert.equal(shorts.find(route, request('/page/1'))?.root.name, 'GET /page/:id (short)');
  assert.equal(shorts.find(route, request('/page/2')), undefined);
  assert.equal(shorts.find(route, request('/page/3')), undefined);
  assert.equal(shorts.find(route, request('/page/1?with=comments')), undefined, 'another query may be another page');
  assert.equal(shorts.find(route, request('/page/1')), shorts.find(route, request('/page/1')));
});

test('what a request with a body takes, its URL does not tell', () => {
  const shorts = requests();
  shorts.took(request('/page/1', 'POST'), 0.6);
  assert.equal(shorts.find(route, request('/page/1')), undefined);
  shorts.took(request('/page/1'), 0.6);
  assert.equal(shorts.find(route, request('/page/1', 'POST')), undefined);
});

test('workers know of each other what a URL takes', () => {
  const memory = mapMemory(allocateMemory(layout), layout);
  requests(memory).took(request('/page/1'), 0.6);
  assert.notEqual(requests(memory).find(route, request('/page/1')), undefined);
  assert.equal(requests(memory, 2).find(route, request('/page/1')), undefined, 'that of another server is another');
});

test('where many are taken for short that are long, the route has no short ones for a while, twice as long each time', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  try {
    const shorts = requests();
    const find = (n: number) => shorts.find(route, request(`/page/${n}`));
    for (let n = 0; n < 1000; n++) shorts.took(request(`/page/${n}`), 0.6);
    const mistake = (from: number): void => { for (let n = from; n < from + 60; n++) find(n)?.ended(`/page/${n}`, n % 2 === 0 ? 30 : 0.6, true); };
    for (let n = 0; n < 60; n++) find(n)?.ended(`/page/${n}`, n % 8 === 0 ? 30 : 0.6, true);
    assert.notEqual(find(901), undefined, 'one in eight was long');
    mistake(100);
    assert.equal(find(901), undefined, 'every other was');
    vi.advanceTimersByTime(2100);
    assert.notEqual(find(901), undefined);
    mistake(200);
    vi.advanceTimersByTime(2100);
    assert.equal(find(901), undefined);
    vi.advanceTimersByTime(2000);
    assert.notEqual(find(901), undefined);
  } finally {
    vi.useRealTimers();
  }
});

test('what was seen by the way says something only where it is long', () => {
  const shorts = requests();
  for (let k = 0; k < 3; k++) shorts.took(request('/page/1'), 3);
  const short = shorts.find(route, request('/page/1'));
  for (let k = 0; k < 40; k++) short?.ended('/page/1', 0, false);
  short?.ended('/page/1', 8, false);
  assert.equal(shorts.find(route, request('/page/1')), undefined, '3 ms, and a quarter of the way to 8');
  for (const [k, watches] of [true, false, false, false, true].entries()) assert.equal(short?.watches(), watches, String(k));
});
