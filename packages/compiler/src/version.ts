/** What the compiler's results depend on besides the source: its own version, and Node's, which strips the types. */
import fs from 'node:fs';
import { createRequire } from 'node:module';

export function versionOfCompiler(): string {
  const { version } = createRequire(import.meta.url)('../package.json') as { version: string };
  return [version, process.versions.node, ...import.meta.url.endsWith('.ts') ? [timesOfSources()] : []].join();
}

/** Run from its sources, the compiler changes without a new version. */
function timesOfSources(): string {
  const here = new URL('.', import.meta.url);
  return fs.readdirSync(here, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => fs.statSync(`${parentPath}/${name}`).mtimeMs).toSorted((a, b) => a - b).join();
}
