import type { IncomingMessage, ServerResponse } from 'node:http';
import { pool } from 'capriccio/thread';

const work = pool().module<typeof import('./work.ts')>(new URL('./work.ts', import.meta.url));

export default async function listener(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [, limit] = /^\/prime\/(\d+)$/.exec(request.url ?? '/') ?? [];
  const answer = request.url === '/' ? { hello: 'node:http' } : limit === undefined ? undefined : { prime: await work.primeBelow(Number(limit)) };
  response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' }).end(JSON.stringify(answer ?? { error: 'not found' }));
}
