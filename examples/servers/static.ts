// Files of a folder, small ones from memory; everything else is the app's.
import { staticFiles } from 'capriccio/static';

const files = staticFiles(new URL('./public/', import.meta.url), { maxAgeSeconds: 60 });

export default {
  fetch: async (request: Request): Promise<Response> => (await files.fetch(request)) ?? new Response('not found', { status: 404 }),
};
