/** Light requests beside heavy ones, whose code runs inline: as it is written before anybody thinks of threads. */
import { render } from './markdown.ts';

export default {
  fetch(request: Request): Response {
    if (request.url.endsWith('/heavy')) return new Response(render(), { headers: { 'content-type': 'text/html' } });
    return Response.json({ hello: 'world' });
  },
};
