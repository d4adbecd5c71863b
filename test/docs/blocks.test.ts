/**
 * The code in README.md, docs/reference/threads.md and docs/guide runs. A fenced block whose first line is `// file: name` is written to a folder; one that says `run` there is run after
 * all are written, and each `console.log(…)  // expected` must print what its comment says.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

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

describe.for(['README.md', 'docs/reference/threads.md', ...guides])('%s', (page) => {
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
