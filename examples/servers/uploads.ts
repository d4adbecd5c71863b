// A form with a file: parsed here, hashed on another core. `limits.bodyBytes` of serve bounds what may come.
import { pool } from 'capriccio/thread';

const work = pool().module<typeof import('./work.ts')>(new URL('./work.ts', import.meta.url));

export default {
  async fetch(request: Request): Promise<Response> {
    if (request.method !== 'POST') return new Response('POST a form with `file`', { status: 405, headers: { allow: 'POST' } });
    const file = (await request.formData()).get('file');
    if (!(file instanceof File)) return new Response('the form has no `file`', { status: 400 });
    return Response.json({ name: file.name, bytes: file.size, sha256: await work.sha256(await file.bytes()) });
  },
};
