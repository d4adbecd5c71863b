/** A light answer, an upload that is counted, and a download of 4 MB that goes as fast as it is read. */
const BLOCK = new Uint8Array(65_536).fill(0x78);
const BLOCKS = 64;

async function count(body: ReadableStream<Uint8Array> | null): Promise<Response> {
  let bytes = 0;
  try {
    for await (const piece of body ?? []) bytes += piece.length;
  } catch { return new Response(null, { status: 400 }); }               // its client has left
  return new Response(String(bytes));
}

function download(): Response {
  let sent = 0;
  return new Response(new ReadableStream({ pull(controller) { if (sent++ < BLOCKS) controller.enqueue(BLOCK); else controller.close(); } }, { highWaterMark: 1 }));
}

export default {
  fetch(request: Request): Response | Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === '/upload') return count(request.body);
    if (pathname === '/download') return download();
    return new Response('hello, world\n', { headers: { 'content-type': 'text/plain', 'content-length': '13' } });
  },
};
