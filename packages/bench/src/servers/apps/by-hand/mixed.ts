/** mixed.ts with Fastify, rendering moved. */
import type { ByHand } from './work.ts';

const register: ByHand = (app, run) => {
  app.get('/light', async () => ({ hello: 'world' }));
  app.get('/heavy', async (_request, reply) => reply.type('text/html').send(await run('render')));
};
export default register;
