/** light.ts with Fastify: there is nothing to move. */
import type { ByHand } from './work.ts';

const register: ByHand = (app) => { app.get('/', (_request, reply) => reply.type('text/plain').header('content-length', '13').send('hello, world\n')); };
export default register;
