/** The files from memory, fetch-style. */
import { files } from './files.ts';

const app: { fetch(request: Request): Response } = {
  fetch({ url }) {
    const bytes = files[new URL(url).pathname.slice(1)];
    return bytes === undefined ? new Response('not found', { status: 404 }) : new Response(bytes as Uint8Array<ArrayBuffer>, { headers: { 'content-length': String(bytes.length), 'content-type': 'application/octet-stream' } });
  },
};
export default app;
