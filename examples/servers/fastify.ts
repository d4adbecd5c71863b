// Fastify: `app.pool` reaches the other cores, `request.signal` stops what nobody waits for.
import fastify from 'fastify';
import capriccio from 'capriccio/fastify';

const app = fastify();
await app.register(capriccio);
const work = app.pool.module<typeof import('./work.ts')>(new URL('./work.ts', import.meta.url));

app.get('/', () => ({ hello: 'fastify' }));
app.get<{ Params: { limit: string } }>('/prime/:limit', async ({ params, signal }) => ({ prime: await work.primeBelow.with({ signal })(Number(params.limit)) }));
app.get<{ Params: { name: string } }>('/patient/:name', ({ params, signal }) => work.patient.with({ signal, affinity: 'patient' })(params.name));
app.get('/abandoned', () => work.abandonedSoFar.with({ affinity: 'patient' })());

export default app;
