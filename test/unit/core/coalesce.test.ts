import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, createServer as createNetServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, test } from 'vitest';
import { WriteCoalescer } from '../../../packages/core/src/http/coalesce.ts';
import { countWrites, exchange, get, rig, type Handler } from './pipelining.ts';

let coalescer: WriteCoalescer;
beforeEach(() => { coalescer = new WriteCoalescer(); });
afterEach(() => { coalescer[Symbol.dispose](); });

/** A connection that has pipelined before, so that the next response on it is held. */
async function pipelined(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.write(get('/') + get('/'));
  let text = '';
  while ((text.match(/HTTP\/1\.1 200/g)?.length ?? 0) < 2) text += String((await once(socket, 'data'))[0]);
  return socket;
}

async function read(socket: Socket, until: RegExp): Promise<string> {
  let text = '';
  while (!until.test(text)) text += String((await once(socket, 'data', { signal: AbortSignal.timeout(2000) }))[0]);
  return text;
}

describe('writes', () => {
  test('sixteen answers to one read leave in two writes at first, then in one', async () => {
    await using server = await rig((_req, res) => { res.end('x'); }, coalescer);
    const socket = connect(server.port, '127.0.0.1');
    for (const expected of [2, 1, 1]) {
      server.writes = 0;
      socket.write(get('/').repeat(16));
      const text = await read(socket, /(HTTP[^]*){16}x$/);
      assert.equal(text.match(/HTTP/g)!.length, 16);
      assert.equal(server.writes, expected);
    }
    assert.deepEqual(coalescer.stats, { gathered: 14 + 15 + 15, held: 2 });
    socket.destroy();
  });

  test('of several servers of a thread, each with a coalescer of its own', async () => {
    using other = new WriteCoalescer();
    await using beside = await rig((_req, res) => { res.end('y'); }, other);
    await using server = await rig((_req, res) => { res.end('x'); }, coalescer);
    for (const [{ port }, letter] of [[server, 'x'], [beside, 'y']] as const) {
      const socket = connect(port, '127.0.0.1');
      socket.write(get('/').repeat(16));
      const text = await read(socket, new RegExp(`(HTTP[^]*){16}${letter}$`));
      assert.equal(text.match(/HTTP/g)!.length, 16);
      socket.destroy();
    }
    assert.deepEqual([coalescer.stats.gathered, other.stats.gathered], [14, 14]);
  });

  test('answers that end one after another in one turn leave in one write', async () => {
    await using server = await rig(async (_req, res) => {
      await Promise.resolve();
      res.setHeader('x-a', 'b');
      res.end(Buffer.from('x'));
    }, coalescer);
    const socket = connect(server.port, '127.0.0.1');
    socket.write(get('/').repeat(16));
    await read(socket, /(HTTP[^]*){16}x$/);
    assert.equal(server.writes, 1);
    socket.destroy();
  });

  test('answers that end in the wrong order wait for their turn and share its write', async () => {
    const waiting: ServerResponse[] = [];
    await using server = await rig((_req, res) => {
      waiting.push(res);
      if (waiting.length === 8) {
        for (const late of waiting.toReversed()) late.end(String(waiting.indexOf(late)));
      }
    }, coalescer);
    const socket = connect(server.port, '127.0.0.1');
    socket.write(get('/').repeat(8));
    const text = await read(socket, /7$/);
    assert.deepEqual(text.match(/\d$|\d(?=HTTP)/g), [...'01234567']);
    assert.equal(server.writes, 1);
    socket.destroy();
  });

  test('a lone request is written before end returns, on a socket that is not touched', async () => {
    const lengths: number[] = [];
    await using server = await rig((req, res) => {
      res.end('x');
      lengths.push(req.socket.writableLength);
      assert.equal(Object.hasOwn(req.socket, 'uncork'), false);
    }, coalescer);
    const socket = connect(server.port, '127.0.0.1');
    for (let n = 0; n < 3; n++) {
      socket.write(get('/'));
      await read(socket, /x$/);
    }
    assert.deepEqual(lengths, [0, 0, 0]);
    assert.equal(coalescer.stats.held, 0);
    socket.destroy();
  });

  test('a socket that pipelines no longer is written at once again', async () => {
    await using server = await rig((_req, res) => { res.end('x'); }, coalescer);
    const socket = await pipelined(server.port);
    for (let n = 0; n < 20; n++) {
      socket.write(get('/'));
      await read(socket, /x$/);
    }
    assert.equal(coalescer.stats.held, 9);
    socket.destroy();
  });

  test('what went before does not matter: a streamed answer at the end of a batch, then a batch', async () => {
    await using server = await rig((req, res) => {
      if (req.url !== '/stream') return void res.end('x');
      res.write('s');
      setTimeout(() => { res.end(); }, 5);
    }, coalescer);
    const socket = await pipelined(server.port);
    socket.write(get('/') + get('/stream'));
    await read(socket, /0\r\n\r\n$/);
    server.writes = 0;
    socket.write(get('/').repeat(16));
    await read(socket, /(HTTP[^]*){16}x$/);
    assert.equal(server.writes, 1);
    socket.destroy();
  });

  test('one write takes little more than the high-water mark, and a big answer is not held', async () => {
    const sizes: number[] = [];
    const held: number[] = [];
    await using server = await rig((req, res) => {
      res.end('x'.repeat(Number(req.url!.slice(1))));
      if (req.url === '/100000') held.push(req.socket.writableLength);
    }, coalescer);
    server.server.on('connection', (socket: Socket) => {
      const { _writev } = socket;
      socket._writev = function sized(chunks, done) {
        sizes.push(chunks.reduce((sum, { chunk }) => sum + chunk.length, 0));
        _writev!.call(this, chunks, done);
      };
    });
    const socket = await pipelined(server.port);
    sizes.length = 0;
    socket.write(get('/40000').repeat(16) + get('/100000').repeat(2));
    let bytes = 0;
    while (bytes < 840_000) bytes += ((await once(socket, 'data'))[0] as Buffer).length;
    assert.equal(Math.max(...sizes) < 64 * 1024 + 41_000, true, String(sizes));
    socket.write(get('/100000'));
    while (bytes < 940_000) bytes += ((await once(socket, 'data'))[0] as Buffer).length;
    assert.equal(held.at(-1), 0);
    socket.destroy();
  });

  test('flushHeld writes at once', async () => {
    const lengths: number[] = [];
    await using server = await rig((req, res) => {
      res.end('x');
      lengths.push(req.socket.writableLength);
      coalescer.flushHeld();
      lengths.push(req.socket.writableLength);
    }, coalescer);
    const socket = await pipelined(server.port);
    lengths.length = 0;
    socket.write(get('/'));
    await read(socket, /x$/);
    assert.equal(lengths[0]! > 100, true);
    assert.equal(lengths[1], 0);
    socket.destroy();
  });

  test('sockets handed over by emit("connection") are looked after', async () => {
    const served = createServer((_req, res) => { res.end('x'); });
    coalescer.attach(served);
    const count = { writes: 0 };
    const acceptor = createNetServer((socket) => {
      countWrites(socket, count);
      served.emit('connection', socket);
    }).listen(0, '127.0.0.1');
    await once(acceptor, 'listening');
    const socket = await pipelined((acceptor.address() as AddressInfo).port);
    count.writes = 0;
    socket.write(get('/').repeat(16));
    await read(socket, /(HTTP[^]*){16}x$/);
    assert.equal(count.writes, 1);
    socket.destroy();
    acceptor.close();
  });

  test('servers that are not attached stay as they are, and detach ends it', async () => {
    await using plain = await rig((_req, res) => { res.end('x'); });
    await using server = await rig((_req, res) => { res.end('x'); }, coalescer);
    const counts: number[] = [];
    for (const { port } of [plain, server]) (await pipelined(port)).destroy();
    coalescer.detach(server.server);
    for (const one of [plain, server]) {
      one.writes = 0;
      const socket = connect(one.port, '127.0.0.1');
      socket.write(get('/').repeat(4));
      await read(socket, /(HTTP[^]*){4}x$/);
      counts.push(one.writes);
      socket.destroy();
    }
    assert.deepEqual(counts, [4, 4]);
  });
});

describe('what a held write must not change', () => {
  /** The same exchange on a connection that has pipelined, plain and ours. */
  async function both(handler: Handler, burst: string): Promise<[string, string]> {
    await using plain = await rig(handler);
    await using ours = await rig(handler, coalescer);
    const said = [];
    for (const { port } of [plain, ours]) {
      const socket = await pipelined(port);
      socket.write(burst);
      setTimeout(() => socket.end(), 20);
      let text = '';
      for await (const chunk of socket) text += String(chunk);
      said.push(text.replaceAll(/Date: [^\r]*\r\n/g, ''));
    }
    return said as [string, string];
  }

  test('where chunks begin', async () => {
    const [plain, ours] = await both((req, res) => {
      if (req.url === '/') return void res.end('x');
      res.write('a');
      process.nextTick(() => {
        res.write('b');
        res.write('c');
        setImmediate(() => { res.end('d'); });
      });
    }, get('/stream') + get('/'));
    assert.equal(ours, plain);
  });

  test('a socket that is ended in the middle of a response', async () => {
    const [plain, ours] = await both((req, res) => {
      res.socket?.on('error', assert.ifError);
      if (req.url === '/') return void res.end('x');
      res.writeHead(200, { 'content-length': 4 });
      res.write('ab');
      process.nextTick(() => {
        req.socket.end();
        res.end('cd');
      });
    }, get('/ends') + get('/'));
    assert.equal(ours, plain);
  });

  test('nothing follows a gathered answer that closes the connection', async () => {
    const [, ours] = await both((req, res) => {
      if (req.url === '/') return void res.end('x');
      if (req.url === '/close') return void res.setHeader('Connection', 'close').end('last');
      process.nextTick(() => {
        res.end('after');
        req.socket.cork();
        req.socket.write('raw');
        req.socket.uncork();
      });
    }, get('/') + get('/close') + get('/later'));
    assert.match(ours, /lastraw$/);
  });

  test('destroy lets the bytes go first, and only them', async () => {
    await using server = await rig((req, res) => {
      if (req.url === '/3') req.socket.destroy();
      else res.end(`[${req.url}]`);
    }, coalescer);
    const socket = await pipelined(server.port);
    socket.write(get('/1') + get('/2') + get('/3'));
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    assert.match(text, /\[\/1\]$/);
  });

  test('end sends them and nothing of later responses', async () => {
    await using server = await rig((req, res) => {
      if (req.url === '/3') req.socket.end();
      else res.end(`[${req.url}]`);
    }, coalescer);
    const socket = await pipelined(server.port);
    socket.write(get('/1') + get('/2') + get('/3'));
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    assert.match(text, /\[\/1\]$/);
  });

  test('an upgrade behind a pipelined answer', async () => {
    await using server = await rig((_req, res) => { res.end('x'); }, coalescer);
    server.server.on('upgrade', (_req: IncomingMessage, socket: Socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      assert.equal(socket.writableCorked <= 1, true);
      socket.on('data', (data) => {
        socket.cork();
        socket.write('<');
        socket.write(data);
        socket.write('>');
        socket.uncork();
        assert.equal(socket.writableLength, 0);
      });
    });
    const socket = await pipelined(server.port);
    socket.write(get('/') + get('/', 'Connection: Upgrade\r\nUpgrade: echo\r\n'));
    assert.match(await read(socket, /101[^]*\r\n\r\n$/), /200 OK[^]*x\n?HTTP\/1\.1 101/);
    for (let n = 0; n < 20; n++) {
      socket.write(`m${n}`);
      assert.equal(await read(socket, />$/), `<m${n}>`);
    }
    socket.destroy();
  });

  test('100 Continue before a Buffer that is sent a tick later', async () => {
    await using server = await rig((req, res) => {
      if (req.headers.expect === undefined) res.end('x');
      else process.nextTick(() => { res.setHeader('x-a', 'b').end(Buffer.from('continued')); });
    }, coalescer);
    const socket = await pipelined(server.port);
    socket.write(`${get('/')}POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nab`);
    assert.match(await read(socket, /continued$/), /xHTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
    socket.destroy();
  });

  test('corks that somebody else put on top stay until they are taken off', async () => {
    await using server = await rig((req, res) => {
      res.end('x');
      if (req.url !== '/cork') return;
      req.socket.cork();
      setImmediate(() => {
        assert.equal(req.socket.writableCorked, 1);
        req.socket.uncork();
      });
    }, coalescer);
    const socket = await pipelined(server.port);
    socket.write(get('/cork') + get('/'));
    await read(socket, /(HTTP[^]*){2}x$/);
    socket.write(get('/'));
    await read(socket, /x$/);
    socket.destroy();
  });

  test('AsyncLocalStorage: finish and callbacks run in the context of their own connection, also when flushHeld is called elsewhere', async () => {
    const store = new AsyncLocalStorage<string>();
    const seen: string[] = [];
    let count = 0;
    await using server = await rig((req, res) => {
      store.run(req.url!, () => {
        res.end('x', () => seen.push(`${req.url} ${store.getStore()}`));
        if (req.url !== '/' && ++count === 2) store.run('elsewhere', () => { coalescer.flushHeld(); });
      });
    }, coalescer);
    const [a, b] = await Promise.all([pipelined(server.port), pipelined(server.port)]);
    seen.length = 0;
    a!.write(get('/a'));
    b!.write(get('/b'));
    await Promise.all([read(a!, /x$/), read(b!, /x$/)]);
    assert.deepEqual(seen.toSorted(), ['/a /a', '/b /b']);
    a!.destroy();
    b!.destroy();
  });

  test('keep-alive limits: the request over maxRequestsPerSocket is refused in order', async () => {
    await using server = await rig((_req, res) => { res.end('x'); }, coalescer);
    server.server.maxRequestsPerSocket = 3;
    const text = await exchange(server.port, { bursts: [get('/').repeat(5)], ending: 'half-close' });
    assert.deepEqual(text.match(/HTTP\/1\.1 (\d+)|Connection: (\S+)/g), [
      'HTTP/1.1 200', 'Connection: keep-alive', 'HTTP/1.1 200', 'Connection: keep-alive', 'HTTP/1.1 200', 'Connection: close',
      'HTTP/1.1 503', 'Connection: close', 'HTTP/1.1 503', 'Connection: close']);
  });

  test('a client that does not read stops the reading of requests', async () => {
    await using plain = await rig((_req, res) => { res.end(Buffer.alloc(200_000)); });
    await using server = await rig((_req, res) => { res.end(Buffer.alloc(200_000)); }, coalescer);
    const handled = await Promise.all([plain, server].map(async (one) => {
      let requests = 0;
      one.server.on('request', () => { requests++; });
      const socket = connect(one.port, '127.0.0.1').pause();
      for (let n = 0; n < 40; n++) {
        socket.write(get('/').repeat(5));
        await delay(2);
      }
      await delay(50);
      socket.destroy();
      return requests;
    }));
    assert.equal(handled[1]! < 120, true, `handled ${handled.join(' and ')} of 200 while nothing was read`);
  });
});
