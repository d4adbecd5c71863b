import { pool } from 'capriccio/thread';

const work = pool().module<typeof import('./work.ts')>(new URL('./work.ts', import.meta.url));

export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const [, limit] = /^\/prime\/(\d+)$/.exec(pathname) ?? [];
    if (pathname === '/') return Response.json({ hello: 'fetch' });
    return limit === undefined ? new Response('not found', { status: 404 }) : Response.json({ prime: await work.primeBelow(Number(limit)) });
  },
};
