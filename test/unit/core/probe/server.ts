// The server half of probe.ts: answers in the way that its argument names, prints its port; on a line from the parent it prints
// { cpuUs, requests } since the last one; ends when its input ends.
//   plain, coalesced   a short text, at once; after a microtask when the path is /later
//   readfile, static   a file of 16 KB: by fs.readFile at each request, by staticFiles
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { WriteCoalescer } from '../../../../packages/core/src/http/coalesce.ts';
import { staticFiles } from '../../../../packages/core/src/static.ts';

const [, , variant] = process.argv;
const folder = mkdtempSync(join(tmpdir(), 'capriccio-probe-'));
writeFileSync(join(folder, 'file.txt'), 'x'.repeat(16 * 1024));
const files = staticFiles(folder);
const body = 'hello, pipelined world\n';

const text: RequestListener = (req, res) => {
  if (req.url === '/later') void Promise.resolve().then(() => res.end(body));
  else res.end(body);
};
const listeners: Record<string, RequestListener> = {
  plain: text, coalesced: text,
  readfile: (req, res) => { void readFile(join(folder, 'file.txt')).then((content) => res.setHeader('content-type', 'text/plain').end(content)); },
  static: (req, res) => { void files.handle(req, res); },
};

let requests = 0;
const server = createServer(listeners[variant!]!).on('request', () => { requests++; });
server.keepAliveTimeout = 60_000;
const coalescer = new WriteCoalescer();
if (variant !== 'plain') coalescer.attach(server);
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`${typeof address === 'object' ? address?.port : ''}\n`);
});
let last = process.cpuUsage();
createInterface({ input: process.stdin }).on('line', () => {
  const { user, system } = process.cpuUsage(last);
  process.stdout.write(`${JSON.stringify({ cpuUs: user + system, requests, ...coalescer.stats })}\n`);
  requests = 0;
  last = process.cpuUsage();
}).on('close', () => {
  rmSync(folder, { recursive: true });
  process.exit(0);
});
