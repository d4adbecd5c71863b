/** The same application with its heavy part moved to a pool of threads by hand, behind a queue that somebody has bounded: what is beyond it gets 503. */
import { Piscina } from 'piscina';
import { serverArguments } from '../protocol.ts';

const { cores } = serverArguments();
const QUEUE_MAX = 16;
const pool = new Piscina({ filename: new URL('../mixed-worker.ts', import.meta.url).href, minThreads: cores, maxThreads: cores, maxQueue: QUEUE_MAX });

async function heavy(): Promise<Response> {
  let html: string;
  try {
    html = await pool.run(undefined) as string;
  } catch {
    return new Response('busy', { status: 503, headers: { 'retry-after': '1' } });
  }
  return new Response(html, { headers: { 'content-type': 'text/html' } });
}

export default {
  fetch(request: Request): Response | Promise<Response> {
    return request.url.endsWith('/heavy') ? heavy() : Response.json({ hello: 'world' });
  },
};
