/** Bodies have a bound: what declares more is refused before its handler begins, what sends more than it declared, or does not declare, is cut. */
import type { IncomingMessage, ServerResponse } from 'node:http';

/** @returns false when the request has been answered with 413 already */
export function limitBody(req: IncomingMessage, res: ServerResponse, bytesMax: number): boolean {
  if (bytesMax === Infinity) return true;
  if (Number(req.headers['content-length'] ?? 0) > bytesMax) { refuse(res, bytesMax); return false; }
  if (req.headers['transfer-encoding'] === undefined) return true;
  let received = 0;
  const push = req.push.bind(req);
  req.push = (chunk: Buffer | null, encoding?: BufferEncoding): boolean => {
    received += chunk?.length ?? 0;
    if (received <= bytesMax) return push(chunk, encoding);
    if (!res.headersSent) refuse(res, bytesMax);
    req.destroy();
    return false;
  };
  return true;
}

function refuse(res: ServerResponse, bytesMax: number): void {
  res.writeHead(413, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' });
  res.end(`The body is larger than ${bytesMax} bytes.\n`);
}
