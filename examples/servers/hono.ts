import { Hono } from 'hono';
import { pool } from 'capriccio/thread';

const work = pool().module<typeof import('./work.ts')>(new URL('./work.ts', import.meta.url));
const app = new Hono();

app.get('/', (context) => context.json({ hello: 'hono' }));
app.get('/prime/:limit', async (context) => context.json({ prime: await work.primeBelow(Number(context.req.param('limit'))) }));

export default app;
