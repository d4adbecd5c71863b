import express from 'express';
import { pool } from 'capriccio/thread';

const work = pool().module<typeof import('./work.ts')>(new URL('./work.ts', import.meta.url));
const app = express();

app.get('/', (_request, response) => { response.json({ hello: 'express' }); });
// oxlint-disable-next-line oxc/no-async-endpoint-handlers -- Express 5 passes on what an async handler throws
app.get('/prime/:limit', async (request, response) => { response.json({ prime: await work.primeBelow(Number(request.params['limit'])) }); });

export default app;
