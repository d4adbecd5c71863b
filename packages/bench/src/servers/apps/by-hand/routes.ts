/** routes.ts with Fastify, what computes moved; the wait stays. */
import { setTimeout as pause } from 'node:timers/promises';
import { WAIT_MS } from '../routes.ts';
import type { ByHand } from './work.ts';

interface Params { readonly amount: string }

const register: ByHand = (app, run) => {
  app.get<{ Params: Params }>('/spin/:amount/:name', async ({ params }, reply) => reply.type('text/plain').send(`${String(await run('spin', Number(params.amount)))}\n`));
  app.get<{ Params: Params }>('/wait/:amount/:name', async ({ params }, reply) => {
    await pause(WAIT_MS);
    return reply.type('text/plain').send(`${String(await run('spin', Number(params.amount)))}\n`);
  });
};
export default register;
