export default { fetch: (request) => new Response(`hello from ${new URL(request.url).pathname}`) };
