/** The files by capriccio/static. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { staticFiles } from 'capriccio/static';
import { files } from './files.ts';

const folder = mkdtempSync(join(tmpdir(), 'capriccio-files-'));
for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
process.once('exit', () => { rmSync(folder, { recursive: true, force: true }); });
const served = staticFiles(folder);

export default async function listener(req: IncomingMessage, res: ServerResponse): Promise<void> { await served.handle(req, res); }
