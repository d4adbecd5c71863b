/** A (req, res) app: a short text, a file of 16 KB by staticFiles, and a route that blocks its thread for two seconds. */
import { mkdirSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { staticFiles } from 'capriccio/static';

const folder = join(tmpdir(), `capriccio-bench-${process.pid}`);
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'file.txt'), 'x'.repeat(16 * 1024));
const files = staticFiles(folder);
const body = 'hello, pipelined world\n';

export default async function listener(req: IncomingMessage, res: ServerResponse): Promise<void> {
  if (req.url === '/file.txt') { await files.handle(req, res); return; }
  if (req.url === '/stall') { const end = performance.now() + 2000; while (performance.now() < end); }
  res.setHeader('content-type', 'text/plain').end(body);
}
