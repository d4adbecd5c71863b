import Koa from 'koa';
import { pool } from 'capriccio/thread';

const work = pool().module<typeof import('./work.ts')>(new URL('./work.ts', import.meta.url));
const app = new Koa();

app.use(async (context) => {
  const [, limit] = /^\/prime\/(\d+)$/.exec(context.path) ?? [];
  if (context.path === '/') context.body = { hello: 'koa' };
  else if (limit !== undefined) context.body = { prime: await work.primeBelow(Number(limit)) };
});

export default app;
