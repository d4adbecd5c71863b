import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { mkdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import express from 'express';
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import { Hono } from 'hono';
import { describe, test } from 'vitest';
import { loadApp } from '../../../packages/core/src/http/app-shape.ts';
import { staticFiles, type StaticOptions } from '../../../packages/core/src/static.ts';
import { countWrites } from './pipelining.ts';
import { ask, askFetch, askNode, big, folder, listen, portOf, root } from './static-rig.ts';

describe.each([['handle', askNode], ['fetch', askFetch]])('%s', (name, open) => {
  test.each([
    ['/a.txt', 'hello, static world', 'text/plain; charset=utf-8'],
    ['/a.txt?query=1', 'hello, static world', 'text/plain; charset=utf-8'],
    ['/', '<h1>home</h1>', 'text/html; charset=utf-8'],
    ['/docs/', 'docs', 'text/html; charset=utf-8'],
    ['/empty.txt', '', 'text/plain; charset=utf-8'],
    ['/%C3%BC%20%C3%B6.txt', 'umlauts', 'text/plain; charset=utf-8'],
    ['/100%25.txt', 'percent', 'text/plain; charset=utf-8'],
    ['/app.JS', 'code', 'text/javascript; charset=utf-8'],
    ['/data', 'octets', 'application/octet-stream'],
    ['//docs//index.html', 'docs', 'text/html; charset=utf-8'],
  ])('%s', async (path, text, type) => {
    const { ask } = await open({ maxAgeSeconds: 60 });
    for (let n = 0; n < 2; n++) {   // from disk, from memory
      const reply = await ask(path);
      assert.equal(reply.status, 200);
      assert.equal(reply.text, text);
      assert.equal(reply.headers['content-type'], type);
      assert.equal(reply.headers['content-length'], String(Buffer.byteLength(text)));
      assert.equal(reply.headers['cache-control'], 'public, max-age=60');
      assert.match(reply.headers.etag!, /^W\/"[0-9a-z]+-[0-9a-z]+"$/);
      assert.ok(reply.headers['last-modified']);
    }
  });

  test('a large file is streamed whole', async () => {
    const { ask } = await open();
    for (let n = 0; n < 2; n++) assert.deepEqual((await ask('/big.bin')).body, big);
  });

  test('HEAD has the header and no body, of small and large files', async () => {
    const { ask } = await open();
    for (const path of ['/a.txt', '/big.bin', '/empty.txt']) {
      const [head, get] = [await ask(path, { method: 'HEAD' }), await ask(path)];
      assert.equal(head.text, '');
      assert.equal(head.status, 200);
      delete head.headers.date;
      delete get.headers.date;
      assert.deepEqual(head.headers, get.headers);
    }
  });

  test('other methods are not answered', async () => {
    const { ask } = await open();
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) assert.equal((await ask('/a.txt', { method })).status, 404);
  });

  test.each([
    '/../secret.txt', '/docs/../../secret.txt', '/%2e%2e/secret.txt', '/..%2fsecret.txt', '/..%5csecret.txt', '/..\\secret.txt', '/docs%2findex.html',
    '/docs/%2E%2E/a.txt', '/./a.txt', '/../public-not/x.txt', '/a.txt%00', '/a.txt%00.html', '/%', '/%ff', '/%c0%ae%c0%ae/secret.txt', '/.env', '/%2eenv',
    '/docs/.hidden', '/nothing', '/a.txt/', '/a.txt/more', '/docs/empty/', '/docs/empty', `/${'x'.repeat(5000)}`, '/%252e%252e/secret.txt', '//etc/passwd',
  ])('%s is not there', async (path) => {
    const { ask } = await open();
    const reply = await ask(path);
    assert.doesNotMatch(reply.text, /SECRET/);
    // URL tidies up dots before a fetch app sees them: then it is another path that is asked for.
    if (name === 'handle' || !/\/(\.|%2e){1,2}\//i.test(path)) assert.equal(reply.status, 404, reply.text);
  });

  test('a directory without its slash is sent to it, by a relative URL', async () => {
    const { ask } = await open();
    const reply = await ask('/docs?a=b');
    assert.equal(reply.status, 301);
    assert.equal(reply.headers.location, './docs/?a=b');
    assert.equal(new URL(reply.headers.location, 'http://x/mount/docs?a=b').href, 'http://x/mount/docs/?a=b');
  });

  test('without an index a directory is not there', async () => {
    const { ask } = await open({ index: false });
    for (const path of ['/', '/docs/', '/docs']) assert.equal((await ask(path)).status, 404);
    assert.equal((await ask('/docs/index.html')).status, 200);
  });

  test('dotfiles when they are allowed, never dots alone', async () => {
    const { ask } = await open({ dotfiles: 'allow' });
    assert.equal((await ask('/.env')).text, 'SECRET');
    for (const path of ['/%2e%2e%2fsecret.txt', ...name === 'handle' ? ['/docs/../a.txt', '/docs/%2e%2e/a.txt', '/./a.txt', '/docs/..', '/..'] : []]) {
      assert.equal((await ask(path)).status, 404, path);
    }
  });

  test('a file that the client has is not sent again', async () => {
    const { ask } = await open({ maxAgeSeconds: 5 });
    for (const path of ['/a.txt', '/big.bin']) {
      const { headers: { etag, 'last-modified': modified } } = await ask(path);
      const later = new Date(Date.parse(modified!) + 60_000).toUTCString();
      const earlier = new Date(Date.parse(modified!) - 60_000).toUTCString();
      const cases: [Record<string, string>, number][] = [
        [{ 'if-none-match': etag! }, 304], [{ 'if-none-match': `"x", ${etag}` }, 304], [{ 'if-none-match': etag!.slice(2) }, 304], [{ 'if-none-match': '*' }, 304],
        [{ 'if-none-match': '"x"' }, 200], [{ 'if-none-match': '"x"', 'if-modified-since': later }, 200], [{ 'if-none-match': etag!, 'if-modified-since': earlier }, 304],
        [{ 'if-modified-since': modified! }, 304], [{ 'if-modified-since': later }, 304], [{ 'if-modified-since': earlier }, 200], [{ 'if-modified-since': 'yesterday' }, 200],
        [{ 'if-none-match': etag!, range: 'bytes=0-1' }, 304],
      ];
      for (const [headers, status] of cases) {
        for (const method of ['GET', 'HEAD']) {
          const reply = await ask(path, { headers, method });
          assert.equal(reply.status, status, JSON.stringify(headers));
          assert.equal(reply.headers.etag, etag);
          assert.equal(reply.headers['cache-control'], 'public, max-age=5');
          if (status === 304) assert.deepEqual([reply.text, reply.headers['content-type'], reply.headers['content-length']], ['', undefined, undefined]);
        }
      }
    }
  });

  test.each([
    ['bytes=0-4', 0, 4], ['bytes=5-', 5, -1], ['bytes=-5', -5, -1], ['bytes=0-99999999', 0, -1], ['BYTES = 1 - 2', 1, 2], ['bytes=-99999999', 0, -1], ['bytes=0-0', 0, 0],
  ])('%s is a part', async (range, first, last) => {
    const { ask } = await open();
    for (const [path, content] of [['/a.txt', Buffer.from('hello, static world')], ['/big.bin', big]] as const) {
      const reply = await ask(path, { headers: { range } });
      const start = first < 0 ? content.length + first : first;
      const end = last < 0 ? content.length + last : last;
      assert.equal(reply.status, 206);
      assert.deepEqual(reply.body, content.subarray(start, end + 1));
      assert.equal(reply.headers['content-range'], `bytes ${start}-${end}/${content.length}`);
      assert.equal(reply.headers['content-length'], String(end - start + 1));
      assert.equal((await ask(path, { headers: { range }, method: 'HEAD' })).status, 200);
    }
  });

  test('ranges that cannot be, and ranges that mean the whole', async () => {
    const { ask } = await open();
    for (const range of ['bytes=19-', 'bytes=9999999999999999999999-', 'bytes=-0']) {
      const reply = await ask('/a.txt', { headers: { range } });
      assert.deepEqual([reply.status, reply.headers['content-range'], reply.text], [416, 'bytes */19', ''], range);
    }
    assert.equal((await ask('/empty.txt', { headers: { range: 'bytes=0-' } })).status, 416);
    for (const range of ['bytes=5-2', 'bytes=0-1,4-5', 'bytes=a-b', 'bytes=-', 'lines=1-2', 'bytes', '']) {
      assert.equal((await ask('/a.txt', { headers: { range } })).status, 200, range);
    }
    const { headers: { etag, 'last-modified': modified } } = await ask('/a.txt');
    assert.equal((await ask('/a.txt', { headers: { range: 'bytes=0-1', 'if-range': modified! } })).status, 206);
    assert.equal((await ask('/a.txt', { headers: { range: 'bytes=0-1', 'if-range': etag! } })).status, 200);
  });

  test('links inside the root are followed, out of it refused', async () => {
    await symlink(join(root, 'a.txt'), join(root, 'inside.txt'));
    await symlink('../secret.txt', join(root, 'outside.txt'));
    await symlink(folder, join(root, 'up'));
    await symlink('loop', join(root, 'loop'));
    const { ask } = await open();
    assert.equal((await ask('/inside.txt')).text, 'hello, static world');
    for (const path of ['/outside.txt', '/up/secret.txt', '/up/public-not/x.txt', '/loop']) assert.equal((await ask(path)).status, 404);
    assert.equal((await ask('/up/public/a.txt')).status, 200);
  });
});

describe('serving', () => {
  test('a small file leaves in one write', async () => {
    const { server } = await askNode();
    const count = { writes: 0 };
    server.on('connection', (socket) => { countWrites(socket, count); });
    const socket = connect(portOf(server), '127.0.0.1');
    for (let n = 0; n < 3; n++) {
      count.writes = 0;
      socket.write('GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n');
      let text = '';
      while (!text.endsWith('world')) text += String((await once(socket, 'data'))[0]);
      assert.equal(count.writes, 1);
    }
    socket.destroy();
  });

  test('clients that leave in the middle leave no descriptors behind', async () => {
    await writeFile(join(root, 'huge.bin'), Buffer.alloc(30_000_000));
    const { ask, server } = await askNode();
    await ask('/a.txt');
    const before = readdirSync('/proc/self/fd').length;
    for (let n = 0; n < 20; n++) {
      const socket = connect(portOf(server), '127.0.0.1');
      socket.write('GET /huge.bin HTTP/1.1\r\nHost: x\r\n\r\n');
      await once(socket, 'data');
      socket.resetAndDestroy();
    }
    const files = staticFiles(root);
    for (let n = 0; n < 20; n++) {
      const reader = (await files.fetch(new Request('http://x/huge.bin')))!.body!.getReader();
      await reader.read();
      await reader.cancel();
      await files.fetch(new Request('http://x/huge.bin'));   // and one that nobody reads
    }
    await delay(100);
    assert.ok(readdirSync('/proc/self/fd').length <= before + 5, `${readdirSync('/proc/self/fd').length} descriptors, ${before} before`);
  });

  test('a file that shrinks while it is streamed cuts the connection', async () => {
    await writeFile(join(root, 'huge.bin'), Buffer.alloc(60_000_000));
    const { server } = await askNode();
    const socket = connect(portOf(server), '127.0.0.1');
    socket.write('GET /huge.bin HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(socket, 'data');
    socket.pause();
    await truncate(join(root, 'huge.bin'), 10);
    let bytes = 0;
    socket.on('data', (chunk: Buffer) => { bytes += chunk.length; }).on('error', () => { /* cut */ }).resume();
    await new Promise((resolve) => { socket.on('close', resolve); });
    assert.ok(bytes < 60_000_000);
  });

  test('a FIFO is no file, and does not block', async () => {
    execFileSync('mkfifo', [join(root, 'fifo')]);
    const { ask } = await askNode();
    assert.equal((await ask('/fifo')).status, 404);
  });

  test('in Express, Fastify and Hono', async () => {
    const files = staticFiles(root);
    const onExpress = express().use('/assets', (req, res, next) => { files.handle(req, res).then((isFile) => { isFile || next(); }, next); });
    const onFastify = fastify();
    const asset = async (req: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
      if (await files.handle(req.raw, reply.raw, req.url.slice('/assets'.length))) return reply.hijack();
      reply.callNotFound();
      return reply;
    };
    onFastify.get('/assets/*', asset);
    const onHono = new Hono().get('/assets/*', (c) => files.fetch(c.req.raw, c.req.path.slice('/assets'.length)).then((response) => response ?? c.notFound()));
    for (const app of [onExpress, onFastify, onHono]) {
      const server = await listen((await loadApp(app)).listener);
      assert.equal((await ask(portOf(server), '/assets/a.txt?v=1')).text, 'hello, static world');
      assert.equal((await ask(portOf(server), '/assets/docs/')).text, 'docs');
      assert.deepEqual((await ask(portOf(server), '/assets/big.bin')).body, big);
      assert.equal((await ask(portOf(server), '/assets/none')).status, 404);
    }
  });

  test('errors that are not the client\'s reject, and nothing is written', async () => {
    const files = staticFiles(root);
    const { ask } = await askNode();
    assert.equal((await ask('/a.txt')).status, 200);
    const before = readdirSync('/proc/self/fd').length;
    for (const url of ['/a.txt', '/big.bin', '/big.bin', '/big.bin']) {
      const res = { writeHead(): never { throw new Error('headers sent'); } } as unknown as ServerResponse;
      await assert.rejects(files.handle({ method: 'GET', url, headers: {} } as IncomingMessage, res), /headers sent/);
    }
    assert.equal(readdirSync('/proc/self/fd').length, before);
  });

  test('options that make no sense', () => {
    const bad: StaticOptions[] = [{ maxAgeSeconds: -1 }, { maxAgeSeconds: 1.5 }, { cacheBytes: Number.NaN }, { fileBytesMax: -1 }, { validateMs: -5 }, { index: '' }, { index: '../index.html' }];
    for (const options of bad) assert.throws(() => staticFiles(root, options), { code: 'CAP_ERR_OPTION' }, JSON.stringify(options));
  });

  test('a root that is not there has no files', async () => {
    const files = staticFiles(join(folder, 'nowhere'));
    assert.equal(await files.fetch(new Request('http://x/a.txt')), undefined);
    await mkdir(join(folder, 'nowhere'));
    await writeFile(join(folder, 'nowhere', 'a.txt'), 'now');
    assert.equal(await (await files.fetch(new Request('http://x/a.txt')))!.text(), 'now');
    assert.equal(await readFile(join(folder, 'nowhere', 'a.txt'), 'utf8'), 'now');
  });
});
