/**
 * The code in every page runs. A fenced block whose first line is `// file: name` is written to a folder; one that says `run` there is run after
 * all are written, and each `console.log(…)  // expected` must print what its comment says.
 */
import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { readConfig } from '../../packages/core/src/cli/config-file.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

interface Block { readonly file: string; readonly isRun: boolean; readonly code: string }

function blocksOf(markdown: string): Block[] {
  return [...markdown.matchAll(/^```ts\n([^]*?)^```/gm)].map(([, code = '']) => {
    const [, file = '', note = ''] = /^\/\/ file: (\S+)(.*)/.exec(code) ?? [];
    return { file, isRun: /\brun\b/.test(note), code };
  });
}

const guides = readdirSync(join(root, 'docs/guide')).filter((name) => name.endsWith('.md') && name !== 'README.md').map((name) => `docs/guide/${name}`);

const pages = ['README.md', 'packages/core/README.md', ...['threads', 'errors', 'shared-primitives'].map((name) => `docs/reference/${name}.md`), ...guides];
/** Its blocks are a program, which is run, and a configuration, which is read and checked. */
const CLI = 'docs/reference/cli.md';

test('no page with code is left out', () => {
  const withCode = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.md') && !file.endsWith('.api.md') && !file.includes('node_modules') && /^```ts$/m.test(readFileSync(join(root, file), 'utf8')));
  expect(withCode.toSorted()).toEqual([...pages, CLI].toSorted());
});

test('the program of cli.md says what it says', () => {
  const [{ file, code }] = blocksOf(readFileSync(join(root, CLI), 'utf8')) as [Block, Block];
  const folder = mkdtempSync(join(root, 'test', 'docs', 'run-'));
  onTestFinished(() => { rmSync(folder, { recursive: true, force: true }); });
  writeFileSync(join(folder, file), code);
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--conditions=capriccio-source', 'packages/core/src/cli/main.ts', 'run', join(folder, file), '--cores', '1'], { cwd: root, encoding: 'utf8', timeout: 20_000 });
  expect([status, stdout, stderr]).toEqual([0, '1,4,9\nfunction\n', '']);
});

test('the configuration of cli.md is one', async () => {
  const [, { file, code }] = blocksOf(readFileSync(join(root, CLI), 'utf8')) as [Block, Block];
  const folder = mkdtempSync(join(root, 'test', 'docs', 'run-'));
  onTestFinished(() => { rmSync(folder, { recursive: true, force: true }); });
  writeFileSync(join(folder, file), code);
  const config = await readConfig({ positionals: [], values: new Map([['config', join(folder, file)]]) });
  expect(config).toEqual({ app: join(folder, 'app.ts'), pool: { cores: 4 }, serve: { port: 8080, adminPort: 9000, routes: { 'GET /report/:id': { deadlineMs: 5000 } } } });
});

test('the code of all pages is strictly typed', () => {
  const folder = mkdtempSync(join(root, 'test', 'docs', 'run-'));
  onTestFinished(() => { rmSync(folder, { recursive: true, force: true }); });
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ extends: '../../../tsconfig.base.json', compilerOptions: { noEmit: true, composite: false, isolatedDeclarations: false, rewriteRelativeImportExtensions: false }, include: ['**/*.ts', '../../../packages/shared/src/raw-buffer.ts'] }));
  for (const page of [...pages, CLI]) {
    const place = join(folder, page.replace('.md', ''));
    mkdirSync(place, { recursive: true });
    for (const { file, code } of blocksOf(readFileSync(join(root, page), 'utf8'))) writeFileSync(join(place, file), code);
  }
  const { status, stdout } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['--project', folder], { encoding: 'utf8', timeout: 60_000 });
  expect([status, stdout]).toEqual([0, '']);
});

describe.for(pages)('%s', (page) => {
  const blocks = blocksOf(readFileSync(join(root, page), 'utf8'));
  const runnable = blocks.filter(({ isRun }) => isRun);
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(root, 'test', 'docs', 'run-'));             // inside the project: its packages must resolve
    for (const { file, code } of blocks) if (file !== '') writeFileSync(join(folder, file), code);
  });
  afterAll(() => { rmSync(folder, { recursive: true, force: true }); });

  test('every block has a file name', () => {
    expect(blocks.length).toBeGreaterThan(0);
    for (const { file, code } of blocks) expect(file, code).not.toBe('');
  });

  test.for(runnable)('$file runs and prints what it says', async ({ file, code }) => {
    const expected = [...code.matchAll(/console\.log\(.*\/\/ (.+)$/gm)].map(([, text]) => text);
    expect(expected.length).toBeGreaterThan(0);
    const { stdout } = await run(process.execPath, ['--conditions=capriccio-source', join(folder, file)], { timeout: 30_000 });
    for (const text of expected) expect(stdout).toContain(`${text}\n`);
  });
});

test('docs/reference/threads.md has every exported name', async () => {
  const page = readFileSync(join(root, 'docs/reference/threads.md'), 'utf8');
  const sources = ['packages/worker/src/thread-api.ts', 'packages/core/src/thread.ts'].map((file) => readFileSync(join(root, file), 'utf8')).join('\n');
  const types = [...sources.matchAll(/^export (?:type )?\{([^}]+)\}/gm)].flatMap(([, list = '']) => list.split(',').map((name) => name.replace('type ', '').trim()));
  const names = [...types, ...Object.keys(await import('capriccio/thread')), ...Object.keys(await import('capriccio/pthread'))];
  expect(names.length).toBeGreaterThan(120);
  expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(page))).toEqual([]);
});
