/**
 * Makes a package's JavaScript of its sources, a few files instead of one for each module: a worker that loads 155 modules starts in 64 ms, one that loads
 * the same code from five files in 27. Types are tsc's (declarations only). Run by `npm run build`, after it.
 *
 * The entries are what package.json exports and what other threads load by address (packages/core/src/places.ts); what several of them share is in chunks
 * beside them, at the top, so that an address relative to a module of the top is right. Other packages stay outside.
 *
 * What package.json exports begins with a look at Node's version: a Node that is too old is told so before anything else runs. It links all that is imported
 * first, so nothing may import by name what an older Node's modules do not have, or have syntax that it cannot parse; the install test tries it on Node 20.
 */
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';
import { MODULES } from '../packages/core/src/places.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

interface Manifest { readonly name: string; readonly engines: { readonly node: string }; readonly exports: Readonly<Record<string, { readonly 'capriccio-source': string }>>; readonly bin?: Readonly<Record<string, string>> }

const manifestOf = (name: string): Manifest => JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8')) as Manifest;

/** Sources of the entries of a package, relative to its folder. */
function entriesOf({ exports, bin = {} }: Manifest, name: string): string[] {
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

const LOOK = 'node-version.js';
const VERSION_MODULE = join(root, 'packages/core/src/cli/node-version.ts');

/** The module that looks at Node's version, as a text. */
const lookOf = ({ name, engines }: Manifest): string => `import { refusalOfNode } from ${JSON.stringify(VERSION_MODULE)};
const refusal = refusalOfNode(process.versions.node, ${JSON.stringify(engines.node.replace('>=', ''))});
if (refusal !== undefined) throw new Error(${JSON.stringify(`${name}: `)} + refusal);`;

for (const name of ['shared', 'compiler', 'worker', 'core']) {
  const folder = join(root, 'packages', name);
  const manifest = manifestOf(name);
  const doors = new Set(Object.values(manifest.exports).map((one) => one['capriccio-source'].slice('./src/'.length, -'.ts'.length)));
  clear(join(folder, 'dist'));
  const common = { cwd: folder, external: (id: string) => !/^[./\0]/.test(id), platform: 'node', logLevel: 'warn' } as const;
  await build({
    ...common, input: 'look', plugins: [{ name: 'look', resolveId: (id) => (id === 'look' ? '\0look' : undefined), load: (id) => (id === '\0look' ? lookOf(manifest) : undefined) }],
    output: { file: join('dist', LOOK), format: 'esm', comments: false },
  });
  await build({
    ...common, input: Object.fromEntries(entriesOf(manifest, name).map((source) => [source.slice('./src/'.length, -'.ts'.length), source])),
    output: {
      dir: 'dist', format: 'esm', entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js', sourcemap: true, keepNames: true, comments: false,
      banner: ({ isEntry, name: entry, fileName }) => (isEntry && doors.has(entry) ? `import './${relative(dirname(fileName), LOOK)}';` : ''),
    },
  });
}
