import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as fc from 'fast-check';
import { FastResponse, toNodeHandler } from 'srvx/node';
import { test } from 'vitest';
import { lightResponse } from '../../../packages/core/src/http/light-response.ts';

const Light = lightResponse(Response, FastResponse as never);
const isLight = (response: Response): boolean => '_toNodeResponse' in response;

/** What a program sees of a response, or the class of the error. */
async function look(make: () => Response): Promise<unknown> {
  try {
    const response = make();
    const { status, statusText, ok, type, bodyUsed, redirected, url } = response;
    return { status, statusText, ok, type, bodyUsed, redirected, url, headers: [...response.headers], copy: await response.clone().text(), text: await response.text(), used: response.bodyUsed };
  } catch (error) {
    return (error as Error).constructor.name;
  }
}

const name = fc.oneof(fc.constantFrom('x-a', 'X-A', 'Content-Type', 'set-cookie', 'bad name', ''), fc.string({ maxLength: 4 }));
const value = fc.oneof(fc.constantFrom('plain', ' padded ', 'a\nb', 'é', '€', ''), fc.string({ maxLength: 6 }), fc.integer());
const headers = fc.oneof(
  fc.constant(undefined), fc.array(fc.tuple(name, value), { maxLength: 3 }), fc.dictionary(name, value, { maxKeys: 3 }),
  fc.constant(new Headers([['x-a', '1'], ['set-cookie', 'a=1'], ['set-cookie', 'b=2']])), fc.constant(null), fc.constant('text'),
);
const init = fc.oneof(fc.constant(undefined), fc.constant(null), fc.record({
  status: fc.oneof(fc.constantFrom(200, 201, 204, 304, 404, 599, 600, 199, '404', 200.5, NaN), fc.integer()),
  statusText: fc.oneof(fc.constantFrom('', 'Fine', 'a\nb', 'é', '€'), fc.string({ maxLength: 5 })), headers,
}, { requiredKeys: [] }));
const body = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(undefined, null, '', 'text', 5, '\ud800'), fc.uint8Array({ maxLength: 4 }));

test('a program cannot tell it from the native one', async () => {
  await fc.assert(fc.asyncProperty(body, init, async (content, options) => {
    const args = [content, options] as ConstructorParameters<typeof Response>;
    assert.deepEqual(await look(() => new Light(...args)), await look(() => new Response(...args)));
  }), { numRuns: 600 });
});

test('nor what its json makes', async () => {
  await fc.assert(fc.asyncProperty(fc.oneof(fc.jsonValue(), fc.constantFrom(undefined, 5n)), init, async (data, options) => {
    assert.deepEqual(await look(() => Light.json(data, options as ResponseInit)), await look(() => Response.json(data, options as ResponseInit)));
  }), { numRuns: 300 });
});

test('it is light where that pays, and an instance either way; subclasses and statics are the native ones', () => {
  class Mine extends Light {}
  for (const response of [new Light('x'), new Light('x', { status: 404, headers: { 'X-A': '1' } }), Light.json({ a: 1 })]) assert.ok(isLight(response) && response instanceof Light && response instanceof Response);
  for (const response of [new Light(), new Light(null, { status: 404 }), new Light(new Uint8Array(3)), new Light('x', { headers: [['a', 'b']] }), new Mine('x'), Light.error(), Light.redirect('http://a/')]) assert.ok(!isLight(response) && response instanceof Light);
  assert.ok(new Mine('x') instanceof Mine);
});

test('what is changed after it was made does not reach it', async () => {
  const given = { status: 201, headers: { 'x-a': '1' } as Record<string, string> };
  const response = new Light('x', given);
  given.status = 404;
  given.headers['x-b'] = '2';
  assert.deepEqual([response.status, response.headers.get('x-b'), await response.text()], [201, null, 'x']);
});

test('it is sent with its length, once', async () => {
  const once = new Light('again');
  const server = createServer(toNodeHandler((request: Request) => (new URL(request.url).pathname === '/once' ? once : new Light('häy', { headers: { 'x-a': '1' } }))) as never).listen(0, '127.0.0.1');
  await new Promise((resolve) => { server.once('listening', resolve); });
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    const answer = await fetch(`${base}/`);
    assert.deepEqual([answer.headers.get('content-length'), answer.headers.get('content-type'), answer.headers.get('x-a'), await answer.text()], ['4', 'text/plain;charset=UTF-8', '1', 'häy']);
    assert.deepEqual([(await fetch(`${base}/once`)).status, (await fetch(`${base}/once`)).status], [200, 500]);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
