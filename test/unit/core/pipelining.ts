/** Two servers with the same handler, plain and coalesced, and a client that says what came back byte for byte. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { WriteCoalescer } from '../../../packages/core/src/http/coalesce.ts';

export interface Rig extends AsyncDisposable {
  readonly server: Server;
  readonly port: number;
  /** Writes that reached a socket's handle: what the kernel sees. */
  writes: number;
  readonly log: string[];
}

export type Handler = (req: IncomingMessage, res: ServerResponse, rig: Rig) => void;

/** A server whose sockets count their writes. `coalescer`: attached when given. */
export async function rig(handler: Handler, coalescer?: WriteCoalescer): Promise<Rig> {
  const server = createServer((req, res) => { handler(req, res, self); });
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    countWrites(socket, self);
    sockets.add(socket);
  });
  coalescer?.attach(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const self: Rig = {
    server, writes: 0, log: [],
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      coalescer?.detach(server);
      for (const socket of sockets) socket.destroy();   // closeAllConnections leaves upgraded ones
      await new Promise((resolve) => { server.close(resolve); });
    },
  };
  return self;
}

export function countWrites(socket: Socket, count: { writes: number }): void {
  const { _write, _writev } = socket;
  socket._write = function counted(...args) { count.writes++; _write.apply(this, args); };
  socket._writev = function counted(...args) { count.writes++; _writev!.apply(this, args); };
}

export const get = (path: string, headers = ''): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`;

export interface Exchange { bursts: string[]; gapMs?: number; ending: 'wait' | 'half-close' | 'reset'; idleMs?: number; readAfterMs?: number }

/** Sends the bursts, then reads until the server closes or nothing has come for `idleMs`. Dates are taken out, rows of dots counted. */
export async function exchange(port: number, { bursts, gapMs = 2, ending, idleMs = 4000, readAfterMs = 0 }: Exchange): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.setNoDelay(true);
  const chunks: Buffer[] = [];
  let quiet: NodeJS.Timeout | undefined;
  const done = new Promise<void>((resolve) => {
    const later = (): void => {
      clearTimeout(quiet);
      quiet = setTimeout(resolve, idleMs);
    };
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      later();
    });
    socket.on('end', resolve).on('error', () => { resolve(); }).on('close', () => { resolve(); });
    socket.on('connect', later);
  });
  if (readAfterMs > 0) {
    socket.pause();
    setTimeout(() => socket.resume(), readAfterMs);
  }
  for (const [n, burst] of bursts.entries()) {
    if (n > 0) await new Promise((resolve) => { setTimeout(resolve, gapMs); });
    if (socket.destroyed) break;
    if (ending === 'half-close' && n === bursts.length - 1) socket.end(burst, 'latin1');
    else socket.write(burst, 'latin1');
  }
  if (ending === 'reset') {
    await new Promise((resolve) => { setTimeout(resolve, gapMs); });
    socket.resetAndDestroy();
  } else {
    await done;
  }
  clearTimeout(quiet);
  socket.destroy();
  return Buffer.concat(chunks).toString('latin1').replaceAll(/Date: [^\r]*\r\n/g, '').replaceAll(/\.{20,}/g, (dots) => `<${dots.length}>`);
}
