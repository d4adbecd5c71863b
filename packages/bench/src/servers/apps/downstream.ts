/** A route that asks a service, whose address is in the environment, and one that needs nobody. */
const service = process.env['BENCH_SERVICE'] ?? '';

export default {
  async fetch(request: Request): Promise<Response> {
    if (!request.url.endsWith('/query')) return new Response('static\n', { headers: { 'content-length': '7' } });
    const answer = await fetch(service);
    return new Response(await answer.text());
  },
};
