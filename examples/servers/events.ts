// Server-sent events: numbers from a generator on some core, which ends when the client does.
import { pool } from 'capriccio/thread';

const work = pool().module<typeof import('./work.ts')>(new URL('./work.ts', import.meta.url));
let open = 0;

export default {
  fetch(request: Request): Response {
    if (new URL(request.url).pathname === '/open') return Response.json(open);
    const ticks = work.ticks(5);
    open++;
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { value, done } = await ticks.next();
        if (done === true) controller.close();
        else controller.enqueue(Buffer.from(`data: ${value}\n\n`));
      },
      async cancel() {
        open--;
        await ticks.return?.();
      },
    });
    return new Response(body, { headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' } });
  },
};
