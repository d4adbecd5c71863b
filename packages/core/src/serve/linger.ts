/**
 * Lingering close: a server that has answered and closes while its client still sends loses the answer, for the system sends a reset for bytes that
 * nobody reads, and a client that gets one throws away what it has not read yet. So our side is closed and what comes is read and dropped, until the
 * client closes too or its time is over.
 *
 * The connection goes on under a socket of its own: for node:http, and for the handler, it is gone at once.
 * Source: RFC 9112, 9.6; nginx's lingering_close.
 */
import type { IncomingMessage, Server } from 'node:http';
import { Socket, type SocketConstructorOpts } from 'node:net';

/** A client has so long to read its answer and to close, ms. */
const LINGER_MS = 2000;

interface WithHandle { _handle?: object | null }

/** A socket on another's handle; undefined when that has none (any more). Leans on `_handle`. */
export function onHandleOf(socket: Socket): Socket | undefined {
  const { _handle: handle } = socket as WithHandle;
  if (handle === undefined || handle === null) return undefined;
  (socket as WithHandle)._handle = null;
  return new Socket({ handle, allowHalfOpen: true, readable: true, writable: true, pauseOnCreate: true } as SocketConstructorOpts);
}

/**
 * Sends the last bytes, ends our side, and drops what comes. `socket` is destroyed, with `error` if there is one.
 * @param onOpen  gets the socket that lingers, until its 'close'
 */
export function linger(socket: Socket, onOpen: (lingering: Socket) => void, last = '', error?: Error): void {
  const hasEnded = socket.readableEnded;
  socket.on('data', ignore);                                             // node:http's parser lets go of the handle
  const rest = socket.destroyed ? undefined : onHandleOf(socket);
  if (rest !== undefined) (socket as WithHandle)._handle = gone;
  socket.destroy(error);
  if (rest === undefined) return;
  onOpen(rest);
  rest.on('error', ignore);                                              // it has left
  rest.end(last);
  if (hasEnded) { rest.destroySoon(); return; }
  const timer = setTimeout(() => rest.destroy(), LINGER_MS).unref();
  rest.on('data', ignore).once('end', () => rest.destroySoon()).once('close', () => clearTimeout(timer)).resume();
}

/** Of a request with a body: when its answer is the last of the connection and leaves before the body has come, `end` lingers. */
export function lingerIfUnread(req: IncomingMessage, end: (socket: Socket) => void): void {
  const { socket } = req;
  socket.destroySoon = () => {                                           // what node:http calls when the last answer has left
    if (req.complete) Socket.prototype.destroySoon.call(socket);
    else end(socket);
  };
}

/** Closes as a handle does: 'close' comes in a turn of the event loop of its own, when whoever reads has seen what came before. */
const gone = { close: (done: () => void): void => { setImmediate(done); } };

const ANSWERS: Readonly<Record<string, string>> = { HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large', HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large', ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout' };

/** What node:http answers to a request that it cannot read, or that is late; `end` lingers. */
export function lingerOnErrors(server: Server, end: (socket: Socket, last: string, error: Error) => void): void {
  server.on('clientError', (error: Error & { code?: string }, duplex) => {
    const socket = duplex as Socket & { _httpMessage?: { headersSent: boolean } | null };
    if (!socket.writable || error.code === 'ECONNRESET' || socket._httpMessage?.headersSent === true) { socket.destroy(error); return; }
    end(socket, `HTTP/1.1 ${ANSWERS[error.code ?? ''] ?? '400 Bad Request'}\r\nConnection: close\r\n\r\n`, error);
  });
}

const ignore = (): void => { /* nobody asks for it */ };
