/**
 * Makes a package's JavaScript of its sources, a few files instead of one for each module: a worker that loads 155 modules starts in 64 ms, one that loads
 * the same code from five files in 27. Types are tsc's (declarations only). Run by `npm run build`, after it.
 *
 * The entries are what package.json exports and what other threads load by address (packages/core/src/places.ts); what several of them share is in chunks
 * beside them, at the top, so that an address relative to a module of the top is right. Other packages stay outside.
 */
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';
import { MODULES } from '../packages/core/src/places.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

interface Manifest { readonly exports: Readonly<Record<string, { readonly 'capriccio-source': string }>>; readonly bin?: Readonly<Record<string, string>> }

/** Sources of the entries of a package, relative to its folder. */
function entriesOf(name: string): string[] {
  const { exports, bin = {} } = JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8')) as Manifest;
  return [
    ...Object.values(exports).map((one) => one['capriccio-source']),
    ...Object.values(bin).map((file) => file.replace('/dist/', '/src/').replace(/\.js$/, '.ts')),
    ...name === 'core' ? MODULES.map((module) => `./src/${module}.ts`) : [],
  ];
}

/** What an earlier build has left: names of chunks change with what is in them. */
function clear(folder: string): void {
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) if (/\.js(?:\.map)?$/.test(file)) rmSync(join(folder, file));
}

for (const name of ['shared', 'compiler', 'worker', 'core']) {
  const folder = join(root, 'packages', name);
  clear(join(folder, 'dist'));
  await build({
    cwd: folder, input: Object.fromEntries(entriesOf(name).map((source) => [source.slice('./src/'.length, -'.ts'.length), source])),
    external: (id: string) => !/^[./]/.test(id), platform: 'node', logLevel: 'warn',
    output: { dir: 'dist', format: 'esm', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js', sourcemap: true, keepNames: true, comments: false },
  });
}
