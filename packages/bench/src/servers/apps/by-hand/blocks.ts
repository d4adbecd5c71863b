/** blocks.ts with Fastify, what blocks in the kernel moved. */
import type { ByHand } from './work.ts';

const register: ByHand = (app, run) => {
  app.get('/', (_request, reply) => reply.type('text/plain').header('content-length', '6').send('hello\n'));
  app.get('/block', async (_request, reply) => { await run('block'); return reply.type('text/plain').send('hello\n'); });
};
export default register;
