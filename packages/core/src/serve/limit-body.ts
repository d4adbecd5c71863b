/** Bodies have a bound: what declares more is refused before its handler begins, what sends more than it declared, or does not declare, is cut. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * @param end  ends a connection when 413 has left on it, for its client may still be sending; without it node:http does
 * @returns false when the request has been answered with 413 already
 */
export function limitBody(req: IncomingMessage, res: ServerResponse, bytesMax: number, end?: (socket: Socket) => void): boolean {
  if (bytesMax === Infinity) return true;
  const { socket } = req;
  const refuse = (afterwards: () => void): void => {
    if (end !== undefined) socket.destroySoon = () => { end(socket); afterwards(); };   // as in linger.ts
    res.writeHead(413, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' });
    res.end(`The body is larger than ${bytesMax} bytes.\n`);
    if (end === undefined) afterwards();
  };
  if (Number(req.headers['content-length'] ?? 0) > bytesMax) { refuse(nothing); return false; }
  if (req.headers['transfer-encoding'] === undefined) return true;
  let received = 0;
  let isOver = false;
  const push = req.push.bind(req);
  req.push = (chunk: Buffer | null, encoding?: BufferEncoding): boolean => {
    received += chunk?.length ?? 0;
    if (received <= bytesMax) return push(chunk, encoding);
    if (isOver) return false;
    isOver = true;
    const cut = (): void => { req.destroy(); };
    if (res.headersSent) cut();
    else refuse(cut);
    return false;
  };
  return true;
}

const nothing = (): void => { /* its handler has not begun */ };
