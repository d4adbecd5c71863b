/** The lightest app: what a server costs by itself. */
export default { fetch: (): Response => new Response('hello, world\n', { headers: { 'content-type': 'text/plain', 'content-length': '13' } }) };
