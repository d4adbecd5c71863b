import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import fsp, { mkdir, mkdtemp, readFile, rename, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { syncBuiltinESMExports } from 'node:module';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import express from 'express';
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import { Hono } from 'hono';
import { afterEach, beforeEach, describe, test } from 'vitest';
import { loadApp } from '../../../packages/core/src/http/app-shape.ts';
import { fileNameOf } from '../../../packages/core/src/http/static-path.ts';
import { staticFiles, type StaticFiles, type StaticOptions } from '../../../packages/core/src/static.ts';
import { countWrites } from './pipelining.ts';

const big = Buffer.from(Array.from({ length: 1_500_000 }, (_, n) => n % 251));
let folder: string;
let root: string;
const servers: Server[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'capriccio-static-'));
  root = join(folder, 'public');
  await mkdir(join(root, 'docs', 'empty'), { recursive: true });
  const files: Record<string, string | Buffer> = {
    'index.html': '<h1>home</h1>', 'docs/index.html': 'docs', 'a.txt': 'hello, static world', 'empty.txt': '', 'big.bin': big, 'ü ö.txt': 'umlauts',
    'app.JS': 'code', 'data': 'octets', '.env': 'SECRET', 'docs/.hidden': 'SECRET', '100%.txt': 'percent', '../secret.txt': 'SECRET', '../public-not/x.txt': 'SECRET',
  };
  await mkdir(join(folder, 'public-not'));
  for (const [name, content] of Object.entries(files)) await writeFile(join(root, name), content);
});

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => { server.close(resolve); });
  }
  await rm(folder, { recursive: true, force: true });
});

async function listen(listener: Parameters<typeof createServer>[1]): Promise<Server> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return server;
}
const portOf = (server: Server): number => (server.address() as AddressInfo).port;

interface Reply { status: number; headers: IncomingMessage['headers']; body: Buffer; text: string }
type Ask = (path: string, options?: { method?: string; headers?: Record<string, string> }) => Promise<Reply>;

/** The path goes out as it is written: fetch and URL would tidy it up first. */
async function ask(port: number, path: string, { method = 'GET', headers = {} }: { method?: string; headers?: Record<string, string> } = {}): Promise<Reply> {
  const req = request({ host: '127.0.0.1', port, path, method, headers }).end();
  const [res] = await once(req, 'response') as [IncomingMessage];
  const parts: Buffer[] = [];
  for await (const part of res) parts.push(part as Buffer);
  const body = Buffer.concat(parts);
  return { status: res.statusCode!, headers: res.headers, body, text: body.toString() };
}

async function askNode(options?: StaticOptions): Promise<{ ask: Ask; files: StaticFiles; server: Server }> {
  const files = staticFiles(root, options);
  const server = await listen((req, res) => {
    void files.handle(req, res).then((isFile) => {
      if (!isFile) res.writeHead(404).end('not found');
    }, (error: unknown) => { res.writeHead(500).end(String(error)); });
  });
  return { files, server, ask: (path, how) => ask(portOf(server), path, how) };
}

async function askFetch(options?: StaticOptions): Promise<{ ask: Ask }> {
  const files = staticFiles(root, options);
  const app = await loadApp({ fetch: async (asked: Request) => await files.fetch(asked) ?? new Response('not found', { status: 404 }) });
  const server = await listen(app.listener);
  return { ask: (path, how) => ask(portOf(server), path, how) };
}

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

describe('the cache', () => {
  test('a changed file is served after validateMs, a removed one is gone, a new one comes', async () => {
    const { ask } = await askNode({ validateMs: 40 });
    const first = await ask('/a.txt');
    await writeFile(join(root, 'a.txt'), 'changed');
    assert.equal((await ask('/a.txt')).text, first.text);
    await delay(50);
    const second = await ask('/a.txt');
    assert.equal(second.text, 'changed');
    assert.notEqual(second.headers.etag, first.headers.etag);
    await rm(join(root, 'a.txt'));
    await delay(50);
    assert.equal((await ask('/a.txt')).status, 404);
    await writeFile(join(root, 'a.txt'), 'again');
    assert.equal((await ask('/a.txt')).text, 'again');
  });

  test('one of the same size and date is noticed too', async () => {
    const { ask } = await askNode({ validateMs: 0 });
    const when = new Date(2020, 1, 1);
    await utimes(join(root, 'a.txt'), when, when);
    await ask('/a.txt');
    await writeFile(join(root, 'new'), 'HELLO, STATIC WORLD');
    await utimes(join(root, 'new'), when, when);
    await rename(join(root, 'new'), join(root, 'a.txt'));
    assert.equal((await ask('/a.txt')).text, 'HELLO, STATIC WORLD');
  });

  test('one that was written over with the same size and date is noticed as well', async () => {
    const { ask } = await askNode({ validateMs: 0 });
    const when = new Date(2020, 1, 1);
    await utimes(join(root, 'a.txt'), when, when);
    await ask('/a.txt');
    await writeFile(join(root, 'a.txt'), 'HELLO, STATIC WORLD', { flag: 'r+' });
    await utimes(join(root, 'a.txt'), when, when);
    assert.equal((await ask('/a.txt')).text, 'HELLO, STATIC WORLD');
  });

  test('one look at an unchanged file is enough for the next validateMs', async () => {
    const { FileCache } = await import('../../../packages/core/src/http/file-cache.ts');
    const cache = new FileCache(root, { cacheBytes: 1e6, fileBytesMax: 1e6, validateMs: 100, cacheControl: '' });
    const first = await cache.find('a.txt');
    await delay(110);
    const again = cache.find('a.txt');
    assert.ok(again instanceof Promise);
    assert.equal(await again, first);
    assert.equal(cache.find('a.txt'), first);
  });

  test('a large file that has become small, or empty, since the last look is announced as it is', async () => {
    const { ask } = await askNode({ validateMs: 1e9 });
    await ask('/big.bin');
    for (const length of [1000, 0]) {
      await truncate(join(root, 'big.bin'), length);
      const reply = await ask('/big.bin');
      assert.deepEqual([reply.status, reply.headers['content-length'], reply.body], [200, String(length), big.subarray(0, length)]);
      assert.equal((await ask('/big.bin', { headers: { range: 'bytes=5000-' } })).status, 416);
    }
  });

  test('a root that is a link may be pointed to the next release', async () => {
    const current = join(folder, 'current');
    await mkdir(join(folder, 'release-2'));
    await writeFile(join(folder, 'release-2', 'a.txt'), 'two');
    await symlink(root, current);
    const files = staticFiles(pathToFileURL(current), { validateMs: 0 });
    const text = async (): Promise<string> => await (await files.fetch(new Request('http://x/a.txt')))!.text();
    assert.equal(await text(), 'hello, static world');
    await rm(current);
    await symlink(join(folder, 'release-2'), current);
    assert.equal(await text(), 'two');
  });

  test('misses of one file at one time share one read', async () => {
    const { open } = fsp;
    let opened = 0;
    fsp.open = (...args) => {
      opened++;
      return open(...args);
    };
    syncBuiltinESMExports();
    try {
      const files = staticFiles(root);
      const replies = await Promise.all(Array.from({ length: 50 }, async () => await (await files.fetch(new Request('http://x/a.txt')))!.text()));
      assert.deepEqual(new Set(replies), new Set(['hello, static world']));
      assert.equal(opened, 1);
    } finally {
      fsp.open = open;
      syncBuiltinESMExports();
    }
  });

  test('it is bounded, and what is used stays', async () => {
    for (let n = 0; n < 40; n++) await writeFile(join(root, `f${n}.txt`), `${n}`.padStart(10_000, '.'));
    const { FileCache } = await import('../../../packages/core/src/http/file-cache.ts');
    const cache = new FileCache(root, { cacheBytes: 100_000, fileBytesMax: 20_000, validateMs: 1e9, cacheControl: '' });
    for (let n = 0; n < 40; n++) {
      await cache.find(`f${n}.txt`);
      assert.ok(cache.bytes <= 100_000);
      assert.ok(!(cache.find('f0.txt') instanceof Promise), `f0 was evicted after ${n}`);
    }
    assert.ok(cache.find('f1.txt') instanceof Promise);
    assert.ok(!(cache.find('f39.txt') instanceof Promise));
    assert.equal((await cache.find('big.bin') as { body: unknown }).body, undefined);
  });

  test('cacheBytes 0 keeps nothing and serves everything', async () => {
    const { ask } = await askNode({ cacheBytes: 0 });
    for (const path of ['/a.txt', '/empty.txt', '/', '/big.bin']) {
      for (let n = 0; n < 2; n++) assert.equal((await ask(path)).status, 200);
    }
    assert.deepEqual((await ask('/big.bin')).body, big);
    assert.equal((await ask('/empty.txt')).text, '');
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
    const { execFileSync } = await import('node:child_process');
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

describe('file names of paths', () => {
  test.each([
    ['/a/b.txt', 'a/b.txt', false], ['a/b.txt', 'a/b.txt', false], ['', '', true], ['/', '', true], ['/a/', 'a', true], ['//a//b//', 'a/b', true],
    ['/%61', 'a', false], ['/a%20b', 'a b', false], ['/a:b', 'a:b', false], ['/...', '...', false],
  ])('%j', (path, key, isDirectory) => {
    assert.deepEqual(fileNameOf(path, 'allow', 'linux'), { key, isDirectory });
  });

  test.each(['/a\0b', '/a\\b', '/a%00', '/a%2Fb', '/a%2fb', '/a%5Cb', '/..', '/a/../b', '/%2e%2e/b', '/.', '/a/./b', '/%ff', '/%'])('%j is refused', (path) => {
    assert.equal(fileNameOf(path, 'allow', 'linux'), undefined);
  });

  test.each(['/a:b', '/c:/x', '/a.txt::$DATA', '/a.', '/a ', '/a./b', '/a*'])('%j is refused on Windows', (path) => {
    assert.equal(fileNameOf(path, 'allow', 'win32'), undefined);
    assert.notEqual(fileNameOf(path, 'allow', 'linux'), undefined);
  });
});
