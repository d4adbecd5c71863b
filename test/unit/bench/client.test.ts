import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Connection, encodeRequest } from '../../../packages/bench/src/load/client.ts';
import type { Outcome } from '../../../packages/bench/src/load/client.ts';
import { Connections } from '../../../packages/bench/src/load/connections.ts';

const open: (Server | Connection | Connections)[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

/** A server that does `answer` with each piece it receives. */
async function serverThat(answer: (socket: Socket, text: string) => void): Promise<{ host: string; port: number }> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (data) => { answer(socket, data.toString()); });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push(server);
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

function connectionTo(target: { host: string; port: number }): Connection {
  const connection = new Connection(target);
  open.push(connection);
  return connection;
}

const get = encodeRequest({ route: '', weight: 1, method: 'GET', path: '/', status: 200, bodyHash: '' }, '127.0.0.1');

async function send(connection: Connection, withinMs = 2_000): Promise<Outcome> {
  return new Promise((resolve) => { connection.send(get, withinMs, resolve); });
}

const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

describe('a connection', () => {
  it('carries one request after another', async () => {
    const connection = connectionTo(await serverThat((socket) => socket.write(ok)));
    for (let round = 0; round < 3; round++) {
      expect(await send(connection)).toMatchObject({ response: { status: 200, body: Buffer.from('ok') } });
      expect(connection.usable).toBe(true);
    }
  });

  it('is not used again when the server says it closes', async () => {
    const connection = connectionTo(await serverThat((socket) => socket.end(ok.replace('\r\n', '\r\nconnection: close\r\n'))));
    expect(await send(connection)).toMatchObject({ response: { status: 200 } });
    expect(connection.usable).toBe(false);
  });

  it('gives up after its time', async () => {
    const connection = connectionTo(await serverThat(() => {}));
    expect(await send(connection, 30)).toEqual({ failure: 'timeout' });
    expect(connection.usable).toBe(false);
  });

  it('tells a reset from a refused connection and from nonsense', async () => {
    expect(await send(connectionTo(await serverThat((socket) => socket.destroy())))).toEqual({ failure: 'reset' });
    expect(await send(connectionTo(await serverThat((socket) => socket.write('nonsense\r\n\r\n'))))).toEqual({ failure: 'protocol' });
    const target = await serverThat(() => {});
    const server = open.pop() as Server;
    server.close();
    await once(server, 'close');
    expect(await send(connectionTo(target))).toEqual({ failure: 'connect' });
  });

  it('sends headers and body', async () => {
    const request = encodeRequest({ route: '', weight: 1, method: 'POST', path: '/notes', headers: { 'content-type': 'text/plain' }, body: 'é', status: 200, bodyHash: '' }, 'here:80');
    expect(request.bytes.toString()).toBe('POST /notes HTTP/1.1\r\nhost: here:80\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\né');
  });
});

describe('a set of connections', () => {
  it('grows with the requests in flight, up to its bound, and then makes them wait', async () => {
    const sockets: Socket[] = [];
    const connections = new Connections(await serverThat((socket) => sockets.push(socket)), { initial: 1, max: 3 });
    open.push(connections);
    const used: Connection[] = [];
    const ended: Promise<void>[] = [];
    for (let request = 0; request < 5; request++) {
      ended.push(new Promise((resolve) => connections.acquire((connection) => {
        used.push(connection);
        connection.send(get, 2_000, () => { connections.release(connection); resolve(); });
      })));
    }
    expect(used).toHaveLength(3);
    expect(connections.openMax).toBe(3);
    const answering = setInterval(() => { for (const socket of sockets.splice(0)) socket.write(ok); }, 5);
    await Promise.all(ended);
    clearInterval(answering);
    expect(used).toHaveLength(5);
    expect(new Set(used).size).toBe(3);
  });

  it('takes them in turn, and replaces one that has ended', async () => {
    const connections = new Connections(await serverThat((socket) => socket.write(ok)), { initial: 2, max: 2 });
    open.push(connections);
    const next = async (): Promise<Connection> => new Promise((resolve) => { connections.acquire(resolve); });
    const first = await next();
    connections.release(first);
    const second = await next();
    expect(second).not.toBe(first);
    second.close();
    connections.release(second);
    expect(await next()).toBe(first);
    expect(await next()).not.toBe(second);
  });
});
