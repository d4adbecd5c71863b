/** What the tests of servers share: an HTTP client that shows what came, and raw sockets. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type Agent, type IncomingHttpHeaders } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Pool, PoolServer, ServeOptions } from 'capriccio';
import { onTestFinished } from 'vitest';
import { fixture, rejection, soon } from './rig.ts';

export const app = (name: string): URL => fixture(`serve/${name}`);
/** Handlers that throw are told of by warnings: expected here. */
export const quiet = { execArgv: ['--conditions=capriccio-source', '--disable-warning=CapriccioRequestError'] };

/** What takes long at first goes to a back lane, and that has what other tests leave of the processors. */
export const PATIENCE_MS = 15_000;
/** A server of its own for one test. */
export async function serverFor(pool: Pool, name: string, options: ServeOptions = {}): Promise<PoolServer> {
  const made = await pool.serve(app(name), { port: 0, deadlineMs: PATIENCE_MS, ...options });
  onTestFinished(async () => { await made.close({ graceMs: 0 }); });
  return made;
}

export interface Answer { status: number; headers: IncomingHttpHeaders; text: string }
interface Asked { method?: string; headers?: Record<string, string>; body?: string | Buffer; agent?: Agent }
/** One request, on a connection of its own unless an agent is given. */
export async function ask(url: string, { method = 'GET', headers = {}, body, agent }: Asked = {}): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const req = request(url, { method, headers, agent: agent ?? false }, (res) => {
    const chunks: Buffer[] = [];
    res.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject);
    res.on('end', () => { resolve({ status: res.statusCode ?? 0, headers: res.headers, text: Buffer.concat(chunks).toString() }); });
  });
  req.on('error', reject);
  req.end(body);
  return await soon(promise, `the answer to ${method} ${url}`);
}
export async function socketTo({ port }: PoolServer): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => { socket.destroy(); });
  socket.on('error', () => { /* tests look at `close` */ });
  await soon(once(socket, 'connect'), 'the connection');
  return socket;
}
/** Its end, by whatever way: `once` would reject for one that is reset. */
export const ended = (socket: Socket): Promise<void> => new Promise((resolve) => { socket.once('close', () => { resolve(); }); });

/** All that a socket receives until something is in it, or it closes. */
export async function received(socket: Socket, enough: (text: string) => boolean): Promise<string> {
  let text = '';
  const { promise, resolve } = Promise.withResolvers<string>();
  socket.setEncoding('latin1').on('data', (chunk: string) => { text += chunk; if (enough(text)) resolve(text); }).on('close', () => { resolve(text); });
  return await soon(promise, 'the bytes');
}
export const isRefused = async ({ url }: PoolServer): Promise<void> => { assert.equal((await rejection(ask(url))).code, 'ECONNREFUSED'); };

/** Status and body of each answer with a content-length, in order. */
export function answersIn(text: string): string[] {
  const answers: string[] = [];
  for (let rest = text; ;) {
    const head = rest.indexOf('\r\n\r\n');
    if (head < 0) return answers;
    const length = /content-length: (\d+)/i.exec(rest.slice(0, head))?.[1];
    const chunked = /transfer-encoding: chunked/i.test(rest.slice(0, head));
    const status = rest.slice(9, 12);
    if (chunked) {
      const end = rest.indexOf('0\r\n\r\n', head);
      if (end < 0) return answers;
      answers.push(`${status} ${rest.slice(head + 4, end).replaceAll(/[\da-f]+\r\n([^]*?)\r\n/g, '$1')}`);
      rest = rest.slice(end + 5);
    } else {
      const end = head + 4 + Number(length ?? 0);
      if (rest.length < end) return answers;
      answers.push(`${status} ${rest.slice(head + 4, end)}`);
      rest = rest.slice(end);
    }
  }
}
