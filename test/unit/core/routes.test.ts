import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, test } from 'vitest';
import { Memo } from '../../../packages/core/src/http/memo.ts';
import { pathOf } from '../../../packages/core/src/http/request-path.ts';
import { RouteTable, routeOf } from '../../../packages/core/src/http/routes.ts';

describe('the name of a root', () => {
  test.each([
    ['/', '/'], ['', '/'], ['/?a=b', '/'], ['//', '/'], ['/search?q=/x/y', '/search'], ['/search#f', '/search'], ['/a//b/', '/a/b'], ['*', '*'],
    ['http://host:80/x/7?q', '/x/:id'], ['https://host', '/'],
    ['/users/42', '/users/:id'], ['/users/-7', '/users/:id'], ['/at/1.5,2.5', '/at/:id'], ['/2024-05-01/report', '/:id/report'],
    ['/users/550e8400-e29b-41d4-a716-446655440000/posts', '/users/:id/posts'], ['/blobs/da39a3ee5e6b4b0d3255bfef95601890afd80709', '/blobs/:id'],
    ['/objects/deadbeef01', '/objects/:id'], ['/x/aaaaaaaaaaaaaaaaaaaaaaaa', '/x/:id'], ['/01ARZ3NDEKTSV4RRFFQ69G5FAV', '/:id'], ['/order_7', '/:id'], ['/user-42', '/:id'],
    ['/@someone', '/:id'], ['/caf%C3%A9', '/:id'], ['/%', '/:id'], ['/a b', '/:id'], [`/${'x'.repeat(33)}`, '/:id'], ['/top-10-tips-for-2024', '/:id'],
    ['/facade', '/facade'], ['/decade', '/decade'], ['/v1/oauth2/s3', '/v1/oauth2/s3'], ['/my-first-post', '/my-first-post'], ['/.well-known/acme', '/.well-known/acme'],
    ['/%68ello', '/hello'], ['/robots.txt', '/:file.txt'], ['/js/app.3fa2b1.JS', '/js/:file.js'], ['/v1.2/items', '/v1.2/items'],
    ['/a/b/c/d', '/a/b/c/d'], ['/a/b/c/d/e', '/a/b/c/d/*'], ['/a/b/c/d/e/f/g', '/a/b/c/d/*'],
  ])('%s is %s', (url, name) => {
    assert.equal(routeOf('GET', url), `GET ${name}`);
    assert.equal(routeOf('POST', url), `POST ${name}`);
    assert.equal(new RouteTable().find('GET', url).name, `GET ${name}`);
  });

  test('whatever the target is, it is found, short, and the same again', () => {
    const table = new RouteTable({ 'GET /a/:b': 1, '/c/*': 2 });
    fc.assert(fc.property(fc.constantFrom('GET', 'HEAD', 'POST', 'M-SEARCH'), fc.oneof(fc.string({ maxLength: 600 }), fc.webPath(), fc.webUrl({ withQueryParameters: true })), (method, url) => {
      const route = table.find(method, url);
      assert.equal(table.find(method, url), route);
      assert.equal(table.roots[route.index], route);
      assert.ok(routeOf(method, url).length < 200);
      assert.ok(table.roots.length <= 256);
    }), { numRuns: 2000 });
  });
});

describe('the path of a target', () => {
  test.each([['/a?b#c', '/a'], ['/a#b?c', '/a'], ['http://h/a?b', '/a'], ['http://h?b', '/'], ['/x://y', '/x://y'], ['*', '*'], ['', '/'], ['?a', '/']])('%s has %s', (target, path) => {
    assert.equal(pathOf(target), path);
  });
});

describe('the table', () => {
  test('has at most 256 roots, the rest are other', () => {
    const table = new RouteTable();
    const letters = (n: number): string => String.fromCharCode(97 + n % 26, 97 + (n / 26 | 0) % 26);
    for (let n = 0; n < 2000; n++) {
      for (let hits = 0; hits < 3; hits++) table.find('GET', `/${letters(n % 40)}/${letters(n % 50)}/${letters(n)}`);
    }
    assert.equal(table.roots.length, 256);
    assert.equal(table.find('GET', '/never/seen').name, 'other');
    assert.equal(table.find('GET', '/never/seen').index, 0);
    assert.deepEqual(table.roots.map(({ index }) => index), Array.from({ length: 256 }, (_, n) => n));
  });

  test('names that are many below one parent share :any', () => {
    const table = new RouteTable({}, { siblingsMax: 4 });
    for (const name of ['one', 'two', 'three', 'four', 'five', 'six']) table.find('GET', `/blog/${name}`);
    assert.deepEqual(table.roots.map(({ name }) => name), ['other', 'GET /blog/one', 'GET /blog/two', 'GET /blog/three', 'GET /blog/four', 'GET /blog/:any']);
    assert.equal(table.find('GET', '/blog/one').name, 'GET /blog/one');
    assert.equal(table.find('GET', '/blog/42').name, 'GET /blog/:id');
    assert.equal(table.find('POST', '/blog/one').name, 'POST /blog/one');
    assert.equal(table.find('POST', '/blog/seven').name, 'POST /blog/:any');
  });

  test('from half of it on a name must come three times, so scanners do not fill it', () => {
    const table = new RouteTable({}, { rootsMax: 8 });
    for (const name of ['a', 'b', 'c']) assert.equal(table.find('GET', `/${name}`).name, `GET /${name}`);
    const later = ['d', 'e'].map((name) => [1, 2, 3, 4].map(() => table.find('GET', `/${name}`).name));
    assert.deepEqual(later, [['other', 'other', 'GET /d', 'GET /d'], ['other', 'other', 'GET /e', 'GET /e']]);
    for (let n = 0; n < 5000; n++) table.find('GET', `/scan${String.fromCharCode(97 + n % 26)}${'x'.repeat(n % 20)}${n % 97}`);
    assert.ok(table.roots.length <= 8);
  });

  test('the same object for the same root, remembered or worked out', () => {
    const table = new RouteTable();
    const first = table.find('GET', '/users/1?a');
    for (const url of ['/users/2', '/users/123456', '/users/1?b', `/users/7?${'x'.repeat(1000)}`]) assert.equal(table.find('GET', url), first);
  });
});

describe('patterns', () => {
  const routes = {
    'GET /render/:id': 'render', '/search': 'search', 'POST /search': 'post search', '/static/*': 'static', '/static/app/main': 'main', '/files/:owner/:name': 'file',
    '/files/public/*': 'public', 'GET /a/:b/c': 'abc', '/a/x/*': 'ax', '/': 'home', '/über/:id': 'umlaut',
  };
  const table = new RouteTable(routes);
  test.each([
    ['GET', '/render/7', 'GET /render/:id', 'render'], ['HEAD', '/render/7', 'GET /render/:id', 'render'], ['POST', '/render/7', 'POST /render/:id', undefined],
    ['GET', '/render/some-name?x=1', 'GET /render/:id', 'render'], ['GET', '/render/7/more', 'GET /render/:id/more', undefined], ['GET', '/render', 'GET /render', undefined],
    ['GET', '/search/', '/search', 'search'], ['POST', '/search', 'POST /search', 'post search'], ['DELETE', '/search', '/search', 'search'],
    ['GET', '/static/css/a.css', 'GET /static/css/:file.css', 'static'], ['GET', '/static', 'GET /static', 'static'], ['GET', '/static/app/main', '/static/app/main', 'main'],
    ['GET', '/static/app/other', 'GET /static/app/other', 'static'], ['GET', '/files/public/x', 'GET /files/public/x', 'public'], ['GET', '/files/me/x', '/files/:owner/:name', 'file'],
    ['GET', '/a/x/c', 'GET /a/x/c', 'ax'], ['GET', '/a/y/c', 'GET /a/:b/c', 'abc'], ['POST', '/a/y/c', 'POST /a/y/c', undefined], ['GET', '/', '/', 'home'],
    ['GET', '/%C3%BCber/3', '/über/:id', 'umlaut'], ['GET', '/static/a/b/c/d/e', 'GET /static/a/b/c/d/*', 'static'],
  ])('%s %s is %s', (method, url, name, options) => {
    const route = table.find(method, url);
    assert.equal(route.name, name);
    assert.equal(route.options, options);
    assert.equal(table.find(method, url), route);
  });

  test('stand in the table from the start, in their order, and come first', () => {
    const few = new RouteTable({ '/one': 1, '/two/*': 2, '/three': 3 }, { rootsMax: 4 });
    assert.deepEqual(few.roots.map(({ name, options }) => [name, options]), [['other', undefined], ['/one', 1], ['/two/*', 2], ['/three', 3]]);
    assert.equal(few.find('GET', '/two/x').name, '/two/*');
    assert.equal(few.find('GET', '/two/x').options, 2);
    assert.equal(few.find('GET', '/four').name, 'other');
    const many = new RouteTable(Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`/r${n}`, n])));
    assert.equal(many.roots.length, 301);
    assert.equal(many.find('GET', '/r299').options, 299);
  });

  test('a pattern for everything leaves each its root', () => {
    const all = new RouteTable({ '/*': { deadlineMs: 5 } });
    assert.deepEqual(['/a', '/b/7', '/'].map((url) => all.find('GET', url)).map(({ name, options }) => [name, options?.deadlineMs]), [['GET /a', 5], ['GET /b/:id', 5], ['GET /', 5]]);
  });

  test.each(['search', 'get /x', 'GET', 'GET x', '/a b', '/a/*/b', '/a*', '/:', '/:a-b', '/:id?', ''])('%j is none', (key) => {
    assert.throws(() => new RouteTable({ [key]: 1 }), { code: 'CAP_ERR_OPTION', message: new RegExp(`^routes: ${JSON.stringify(key).replaceAll(/[*?/]/g, '\\$&')}`) });
  });

  test.each([['/a', '/a/'], ['/a/:x', '/a/:y'], ['GET /a/*', ' GET  /a/* ']])('%j and %j say the same', (one, two) => {
    assert.throws(() => new RouteTable({ [one]: 1, [two]: 2 }), { code: 'CAP_ERR_OPTION', message: /says the same as/ });
  });

  test('agree with trying every pattern in order of precedence', () => {
    const segment = fc.constantFrom('a', 'b', ':p', ':q', '*');
    const key = fc.tuple(fc.constantFrom('', 'GET ', 'POST '), fc.array(segment, { maxLength: 4 })).map(([method, parts]) => `${method}/${parts.join('/')}`);
    const path = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 5 }).map((parts) => `/${parts.join('/')}`);
    fc.assert(fc.property(fc.array(key, { maxLength: 8 }), fc.array(fc.tuple(fc.constantFrom('GET', 'POST', 'HEAD'), path), { maxLength: 10 }), (keys, asked) => {
      let tried;
      try {
        tried = new RouteTable(Object.fromEntries(keys.map((one) => [one, one])));
      } catch {
        return;
      }
      for (const [method, url] of asked) assert.equal(tried.find(method, url).options, naive(keys, method, url), `${method} ${url}`);
    }), { numRuns: 3000 });
  });

  /** Every pattern that matches, ranked segment by segment: literal, parameter, end of a shorter `*`; then by method. */
  function naive(keys: string[], method: string, url: string): string | undefined {
    const segments = url.split('/').filter((part) => part !== '');
    const rank = (key: string): string | undefined => {
      const [verb, path] = key.startsWith('/') ? ['', key] : key.split(' ') as [string, string];
      const methodRank = verb === method ? 0 : verb === 'GET' && method === 'HEAD' ? 1 : verb === '' ? 2 : undefined;
      if (methodRank === undefined) return undefined;
      const parts = path.split('/').filter((part) => part !== '');
      const isRest = parts.at(-1) === '*';
      const fixed = isRest ? parts.slice(0, -1) : parts;
      if (isRest ? segments.length < fixed.length : segments.length !== fixed.length) return undefined;
      let ranks = '';
      for (const [n, part] of fixed.entries()) {
        if (part.startsWith(':')) ranks += '1';
        else if (part === segments[n]) ranks += '0';
        else return undefined;
      }
      return `${ranks}${isRest ? '2' : ''}-${methodRank}`;
    };
    return keys.map((key) => ({ key, rank: rank(key) })).filter((one) => one.rank !== undefined).toSorted((a, b) => a.rank! < b.rank! ? -1 : 1)[0]?.key;
  }
});

describe('the memory', () => {
  test('is bounded, and what is asked for again survives', () => {
    const memo = new Memo<number>(10);
    memo.set('kept', 1);
    for (let n = 0; n < 1000; n++) {
      memo.set(`${n}`, n);
      assert.equal(memo.get('kept'), 1);
      assert.ok(memo.size <= 20);
    }
    assert.equal(memo.get('0'), undefined);
  });
});
