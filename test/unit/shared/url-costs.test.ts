/** What URLs take, one thread. What others may do meanwhile: test/model/url-costs.test.ts. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { allocateMemory, layOut, mapMemory, urlCosts } from '@capriccio/shared';

const layout = layOut({ participantCount: 2, slotCount: 16, payloadBytes: 65_536, namesBytes: 128, ringCount: 1 });
const memoryFor = () => mapMemory(allocateMemory(layout), layout);
const near = (actual: number, expected: number): void => { assert.ok(Math.abs(actual - expected) < 0.02, `${actual}, not ${expected}`); };

test('nothing is known of what was never measured', () => {
  const memory = memoryFor();
  assert.equal(urlCosts.read(memory, 0, '/page/1'), -1);
  urlCosts.took(memory, 0, '/page/1', 0.5);
  near(urlCosts.read(memory, 0, '/page/1'), 0.5);
  assert.equal(urlCosts.read(memory, 0, '/page/2'), -1);
});

test('of the first three measurements the least counts, for code is cold at first', () => {
  const memory = memoryFor();
  for (const ms of [9, 3, 0.7]) urlCosts.took(memory, 0, '/', ms);
  near(urlCosts.read(memory, 0, '/'), 0.7);
});

test('later a long one counts more than a short one: what is long now and then is long', () => {
  const memory = memoryFor();
  for (let k = 0; k < 3; k++) urlCosts.took(memory, 0, '/', 1);
  urlCosts.took(memory, 0, '/', 9);
  near(urlCosts.read(memory, 0, '/'), 3);
  urlCosts.took(memory, 0, '/', 1);
  near(urlCosts.read(memory, 0, '/'), 2.75);
  for (let k = 0; k < 40; k++) urlCosts.took(memory, 0, '/', k % 4 === 0 ? 20 : 0.5);
  assert.ok(urlCosts.read(memory, 0, '/') > 4, 'one of four takes 20 ms');
});

test('it is told of any time, and follows it all the way', () => {
  const memory = memoryFor();
  for (let k = 0; k < 200; k++) urlCosts.took(memory, 0, '/', 1e9);
  near(urlCosts.read(memory, 0, '/'), 64);
  for (let k = 0; k < 200; k++) urlCosts.took(memory, 0, '/', 0);
  near(urlCosts.read(memory, 0, '/'), 0);
  assert.ok(urlCosts.read(memory, 0, '/') >= 0, 'it is known');
});

test('a URL whose place another takes is forgotten, and none has what is the other\'s', () => {
  const memory = memoryFor();
  const urls = Array.from({ length: 4 * urlCosts.URL_COST_COUNT }, (_, k) => `/page/${k}?of=all`);
  for (const [k, url] of urls.entries()) urlCosts.took(memory, 0, url, 1 + k % 50);
  const known = urls.map((url) => urlCosts.read(memory, 0, url));
  const right = known.filter((ms, k) => Math.abs(ms - (1 + k % 50)) < 0.02).length;
  const wrong = known.filter((ms) => ms >= 0).length - right;
  assert.ok(right > 0.7 * urlCosts.URL_COST_COUNT, `${right} are known`);
  assert.ok(wrong <= 2, `${wrong} of ${urls.length} share their 29 bits with another`);
});
