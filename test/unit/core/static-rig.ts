/** A folder of files to serve, made for each test, and clients that ask for them as they are told. */
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, request, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { loadApp } from '../../../packages/core/src/http/app-shape.ts';
import { staticFiles, type StaticFiles, type StaticOptions } from '../../../packages/core/src/static.ts';

export const big = Buffer.from(Array.from({ length: 1_500_000 }, (_, n) => n % 251));
export let folder: string;
export let root: string;
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

export async function listen(listener: RequestListener): Promise<Server> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return server;
}
export const portOf = (server: Server): number => (server.address() as AddressInfo).port;

export interface Reply { status: number; headers: IncomingMessage['headers']; body: Buffer; text: string }
export type Ask = (path: string, options?: { method?: string; headers?: Record<string, string> }) => Promise<Reply>;

/** The path goes out as it is written: fetch and URL would tidy it up first. */
export async function ask(port: number, path: string, { method = 'GET', headers = {} }: { method?: string; headers?: Record<string, string> } = {}): Promise<Reply> {
  const req = request({ host: '127.0.0.1', port, path, method, headers }).end();
  const [res] = await once(req, 'response') as [IncomingMessage];
  const parts: Buffer[] = [];
  for await (const part of res) parts.push(part as Buffer);
  const body = Buffer.concat(parts);
  return { status: res.statusCode!, headers: res.headers, body, text: body.toString() };
}

export async function askNode(options?: StaticOptions): Promise<{ ask: Ask; files: StaticFiles; server: Server }> {
  const files = staticFiles(root, options);
  const server = await listen((req, res) => {
    void files.handle(req, res).then((isFile) => {
      if (!isFile) res.writeHead(404).end('not found');
    }, (error: unknown) => { res.writeHead(500).end(String(error)); });
  });
  return { files, server, ask: (path, how) => ask(portOf(server), path, how) };
}

export async function askFetch(options?: StaticOptions): Promise<{ ask: Ask }> {
  const files = staticFiles(root, options);
  const app = await loadApp({ fetch: async (asked: Request) => await files.fetch(asked) ?? new Response('not found', { status: 404 }) });
  const server = await listen(app.listener);
  return { ask: (path, how) => ask(portOf(server), path, how) };
}
