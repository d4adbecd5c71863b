/** A program with remote modules, bundled by each bundler, runs from its bundle alone, outside of the sources. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import capriccio from 'capriccio/bundler';
import { build as esbuild } from 'esbuild';
import { rolldown } from 'rolldown';
import { rollup } from 'rollup';
import { build as vite } from 'vite';
import { onTestFinished, test } from 'vitest';
import webpack, { type Configuration } from 'webpack';

const main = fileURLToPath(new URL('../../fixtures/core/bundle/main.ts', import.meta.url));
const root = fileURLToPath(new URL('../../', import.meta.url));
const external = (id: string): boolean => id.startsWith('capriccio') || id.startsWith('node:');
/** Rollup reads JavaScript only. */
const stripTypes = { name: 'strip-types', async transform(code: string): Promise<{ code: string; map: null }> { return { code: (await import('node:module')).stripTypeScriptTypes(code), map: null }; } };

/** A program to be compiled ahead. */
const async = fileURLToPath(new URL('../../fixtures/core/bundle-compiled/main.ts', import.meta.url));
const compilers: Readonly<Record<string, (outdir: string, compiles: boolean, isSmall: boolean) => Promise<unknown>>> = {
  rollup: async (dir, compiles) => (await rollup({ input: async, external, plugins: [capriccio(), stripTypes, compiles && capriccio.compile()] })).write({ dir, format: 'es', sourcemap: true }),
  rolldown: async (dir, compiles, minify) => (await rolldown({ input: async, external, platform: 'node', plugins: [capriccio(), compiles && capriccio.compile()] })).write({ dir, format: 'esm', minify, sourcemap: true }),
  vite: (outDir, compiles, isSmall) => vite({ configFile: false, logLevel: 'error', plugins: [capriccio(), compiles && capriccio.compile()], ssr: { external: ['capriccio'] }, build: { ssr: async, outDir, emptyOutDir: false, minify: isSmall ? 'oxc' : false, sourcemap: true, rollupOptions: { external, output: { format: 'esm' } } } }),
  esbuild: (outdir, compile, minify) => esbuild({ entryPoints: { main: async }, outdir, bundle: true, format: 'esm', platform: 'node', minify, sourcemap: true, packages: 'external', plugins: [capriccio.esbuild({ compile })] }),
  webpack: (path, compile, minimize) => packed({ entry: { main: async }, output: { path, module: true, filename: '[name].mjs', chunkFormat: 'module' }, experiments: { outputModule: true }, externalsType: 'module', devtool: 'source-map', optimization: { minimize }, plugins: [capriccio.webpack({ compile })] }),
};

function packed({ plugins = [capriccio.webpack()], ...options }: Configuration): Promise<void> {
  const compiler = webpack({
    mode: 'production', target: 'node26', entry: { main }, context: root, externals: [/^capriccio/, /^node:/],
    module: { rules: [{ test: /\.ts$/, loader: fileURLToPath(new URL('../../fixtures/core/strip-types.cjs', import.meta.url)) }] }, plugins, ...options,
  });
  return new Promise((resolve, reject) => {
    compiler?.run((error, stats) => { if (error) reject(error); else if (stats?.hasErrors() === true) reject(new Error(stats.toString('errors-only'))); else compiler.close(() => { resolve(); }); });
  });
}

const bundlers: Readonly<Record<string, (outdir: string, withPlugin: boolean) => Promise<unknown>>> = {
  rollup: async (dir, withPlugin) => (await rollup({ input: main, external, plugins: [withPlugin && capriccio(), stripTypes] })).write({ dir, format: 'es', entryFileNames: '[name].mjs', chunkFileNames: '[name].mjs' }),
  rolldown: async (dir, withPlugin) => (await rolldown({ input: main, external, platform: 'node', plugins: [withPlugin && capriccio()] })).write({ dir, format: 'esm', entryFileNames: '[name].mjs', chunkFileNames: '[name].mjs' }),
  vite: (outDir, withPlugin) => vite({ configFile: false, logLevel: 'error', plugins: [withPlugin && capriccio()], ssr: { external: ['capriccio'] }, build: { ssr: main, outDir, emptyOutDir: false, rollupOptions: { external, output: { format: 'esm', entryFileNames: '[name].mjs' } } } }),
  webpack: (path) => packed({ output: { path, module: true, filename: '[name].mjs', chunkFormat: 'module' }, experiments: { outputModule: true }, externalsType: 'module' }),
  esbuild: (outdir, withPlugin) => esbuild({ entryPoints: { main }, outdir, bundle: true, format: 'esm', platform: 'node', packages: 'external', outExtension: withPlugin ? {} : { '.js': '.mjs' }, plugins: withPlugin ? [capriccio.esbuild()] : [] }),
};

function folder(): string {
  const made = mkdtempSync(join(root, 'docs', 'run-'));                   // ignored by git, and inside the project: its packages must resolve
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}
function run(dir: string, env: NodeJS.ProcessEnv = process.env): { stdout: string; stderr: string } {
  const file = readdirSync(dir).find((name) => /^main\.m?js$/.test(name)) as string;
  const { stdout, stderr } = spawnSync(process.execPath, ['--conditions=capriccio-source', join(dir, file)], { encoding: 'utf8', timeout: 20_000, env });
  return { stdout, stderr };
}

test.for(Object.keys(bundlers))('%s: remote modules are built and found', async (name) => {
  const dir = folder();
  await bundlers[name]?.(dir, true);
  const { stdout, stderr } = run(dir);
  assert.deepEqual([stdout, stderr.replace(/\(node:.*\n.*\n/g, '')], ['[6,8,105,"said deep"]\n', '']);
  for (const file of readdirSync(dir, { recursive: true, encoding: 'utf8' })) if (/\.m?js$/.test(file)) assert.ok(!/new URL\(['"`][^'"`]+\.ts['"`]/.test(readFileSync(join(dir, file), 'utf8')), `${file} names a source`);
});

test('a built source that still names TypeScript leads to what was built of it', async () => {
  const [source, dir] = [folder(), folder()];
  writeFileSync(join(source, 'main.js'), "import { createPool } from 'capriccio';\nawait using pool = await createPool(1);\nconsole.log(await pool.module(new URL('./twice.ts', import.meta.url)).twice(21));\n");
  writeFileSync(join(source, 'twice.js'), 'export const twice = (n) => n * 2;\n');
  await (await rolldown({ input: join(source, 'main.js'), external, platform: 'node', plugins: [capriccio()] })).write({ dir, format: 'esm' });
  rmSync(join(source, 'twice.js'));
  assert.equal(run(dir).stdout, '42\n');
});

test.for(['rolldown', 'esbuild', 'webpack'])('%s: the filename of a Piscina is built and found, that of anything else is left', async (name) => {
  const [source, dir] = [folder(), folder()];
  const entry = join(source, 'main.js');
  writeFileSync(entry, "import { Piscina } from 'capriccio/piscina';\nconst pool = new Piscina({ filename: new URL('./work.js', import.meta.url).href, maxThreads: 1 });\nconsole.log(await pool.run(21));\nawait pool.close();\n");
  writeFileSync(join(source, 'work.js'), "import { twice } from './twice.js';\nexport default (n) => twice(n);\n");
  writeFileSync(join(source, 'twice.js'), 'export const twice = (n) => n * 2;\n');
  if (name === 'rolldown') await (await rolldown({ input: entry, external, platform: 'node', plugins: [capriccio()] })).write({ dir, format: 'esm' });
  else if (name === 'esbuild') await esbuild({ entryPoints: [entry], outdir: dir, bundle: true, format: 'esm', platform: 'node', packages: 'external', plugins: [capriccio.esbuild()] });
  else await packed({ entry: { main: entry }, output: { path: dir, module: true, filename: '[name].mjs', chunkFormat: 'module' }, experiments: { outputModule: true }, externalsType: 'module' });
  rmSync(join(source, 'work.js'));
  rmSync(join(source, 'twice.js'));
  assert.equal(run(dir).stdout, '42\n');
  const plain = { transform: capriccio().transform };
  assert.equal(plain.transform.call({ emitFile: () => 'x', getFileName: () => 'x' }, `open({ filename: new URL('./main.js', import.meta.url) })`, entry), undefined);
});

test('without the plug-in the bundle names a source that is not there', async () => {
  const dir = folder();
  await bundlers['rolldown']?.(dir, false);
  assert.match(run(dir).stderr, /CAP_ERR_MODULE/);
});

test('esbuild must be told where and how', async () => {
  await assert.rejects(esbuild({ entryPoints: { main }, bundle: true, write: false, logLevel: 'silent', plugins: [capriccio.esbuild()] }), /needs esbuild's outdir/);
});

/** What a worker compiled when it loaded its modules lies in the cache. */
const compiledAtLoad = (cache: string): number => (existsSync(cache) ? readdirSync(cache).length : 0);

/** Rollup has no minifier of its own. */
const ahead = Object.keys(compilers).flatMap((name) => (name === 'rollup' ? [false] : [false, true]).map((isSmall) => [name, isSmall] as const));
test.for(ahead)('%s, minified %s: modules are compiled ahead, give what they give without, and are not compiled again', async ([name, isSmall]) => {
  const results: unknown[][] = [];
  for (const compiles of [false, true]) {
    const dir = folder();
    await compilers[name]?.(dir, compiles, isSmall);
    const cache = join(dir, 'cache');
    const { stdout, stderr } = run(dir, { ...process.env, CAPRICCIO_CACHE: cache });
    assert.notEqual(stdout, '', stderr);
    results.push(JSON.parse(stdout) as unknown[]);
    assert.equal(compiledAtLoad(cache) > 0, !compiles, `compiled ahead: ${compiles}`);
    if (!compiles) continue;
    const maps = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.map')).flatMap((file) => (JSON.parse(readFileSync(join(dir, file), 'utf8')) as { sources: string[] }).sources);
    assert.ok(maps.some((source) => source.endsWith('work.ts')), String(maps));
  }
  for (const [sum, compiledOnes, stack, depth, onMain] of results as [number, boolean[], string, number, number][]) {
    assert.deepEqual([sum, compiledOnes, depth, onMain], [60, [true, true, true], 50_000, 90]);
    assert.match(stack, /^RangeError: of the bundle\n/);
  }
});

test('webpack must build modules', () => {
  assert.throws(() => webpack({ entry: main, plugins: [capriccio.webpack()] }), /needs webpack's output\.module/);
});
