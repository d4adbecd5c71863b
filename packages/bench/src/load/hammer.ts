/** A closed loop over raw sockets: `depth` requests in flight on each connection, the next batch when the last answer is in. For throughput and system calls, never for latency. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** The first answer is here by then, or the server is not. */
const FIRST_ANSWER_MS = 10_000;

export interface HammerOptions { readonly port: number; readonly path: string; readonly connections: number; readonly depth: number; readonly ms: number }

/** @returns answers, all of the right length */
export async function hammer({ port, path, connections, depth, ms }: HammerOptions): Promise<number> {
  const batch = Buffer.from(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(depth));
  const size = await answerSize(port, path);
  const sockets: Socket[] = [];
  let isRunning = true;
  let answers = 0;
  let fault: Error | undefined;
  for (let n = 0; n < connections; n++) {
    const socket = connect(port, '127.0.0.1');
    let bytes = 0;
    socket.on('connect', () => socket.write(batch));
    socket.on('error', (error) => { fault ??= error; });
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes < size * depth) return;
      if (bytes > size * depth) fault ??= new Error(`an answer of another size than ${size} bytes`);
      answers += depth;
      bytes = 0;
      if (isRunning) socket.write(batch);
    });
    sockets.push(socket);
  }
  await new Promise((resolve) => { setTimeout(resolve, ms); });
  isRunning = false;
  await new Promise((resolve) => { setTimeout(resolve, 30); });
  for (const socket of sockets) socket.destroy();
  if (fault !== undefined) throw fault;
  return answers;
}

/** Bytes of one answer, header included. Throws when the answer does not tell its length, or does not come. */
async function answerSize(port: number, path: string): Promise<number> {
  const socket = connect(port, '127.0.0.1');
  const signal = AbortSignal.timeout(FIRST_ANSWER_MS);
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  let received = Buffer.alloc(0);
  try {
    for (;;) {
      const [chunk] = await once(socket, 'data', { signal }) as [Buffer];
      received = Buffer.concat([received, chunk]);
      const head = received.indexOf('\r\n\r\n');
      if (head < 0) continue;
      const length = /content-length: (\d+)/i.exec(received.toString('latin1', 0, head))?.[1];
      if (length === undefined) throw new Error(`the answer to ${path} has no content-length, so its end cannot be told`);
      if (received.length >= head + 4 + Number(length)) return received.length;
    }
  } finally {
    socket.destroy();
  }
}
