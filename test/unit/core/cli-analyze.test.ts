import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Application } from '@capriccio/compiler';
import { commandLine } from '../../../packages/core/src/cli/command-line.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'capriccio-analyze-'));
  const write = (name: string, text: string): void => { writeFileSync(join(directory, name), text); };
  write('package.json', '{ "type": "module" }');
  write('main.ts', "import { odd } from './odd.ts';\nimport fs from 'node:fs';\nexport function even(n: number): boolean { return n === 0 ? true : odd(n - 1); }\nexport async function run(): Promise<boolean> { await null; return even(fs.readdirSync('.').length); }\nexport function* up(n: number): Generator<number> { yield n; yield* up(n + 1); }\n");
  write('odd.ts', "import { even } from './main.ts';\nexport function odd(n: number): boolean { return n === 0 ? false : even(n - 1); }\nenum Kind { A, B }\nexport const walk = (tree: { kids: never[]; kind: Kind }): number => tree.kids.map((kid) => walk(kid)).length;\n");
  write('old.cjs', "const { helper } = require('./old-helper.cjs'); module.exports = (n) => helper(n, module.exports);\n");
  write('old-helper.cjs', 'exports.helper = function helper(n, back) { return n > 0 ? back(n - 1) : 0; };\n');
});
afterAll(() => { rmSync(directory, { recursive: true }); });

async function typed(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  const texts = ['', ''];
  const stream = (k: number): Writable => new Writable({ write(chunk, _, done) { texts[k] += String(chunk); done(); } });
  const code = await commandLine(args, stream(0), stream(1));
  return { code, out: texts[0] as string, error: texts[1] as string };
}

test('where threads may be preempted, and why not elsewhere', async () => {
  writeFileSync(join(directory, 'heavy.mjs'), 'import { annotate } from "capriccio/thread";\nexport function pure(n) { let s = 0; for (let i = 0; i < n; i++) s += i; return s }\nexport async function marked(o) { for (const x of o) o.n += x }\nannotate(marked, { preemptible: true });\nexport async function shares(o) { for (const x of o) o.n += x }\n');
  const { out } = await typed('analyze', join(directory, 'heavy.mjs'));
  rmSync(join(directory, 'heavy.mjs'));
  expect(out).toContain('2: pure may be preempted: it touches nothing that others see');
  expect(out).toContain('3: a loop of marked may be preempted: annotated');
  expect(out).toContain('5: a loop of shares runs to completion: it uses a property of o');
});

test('a file is followed along its imports, and says what checks are for', async () => {
  const { code, out } = await typed('analyze', join(directory, 'main.ts'));
  expect(code).toBe(0);
  expect(out).toMatch(/^main\.ts$/m);
  expect(out).toMatch(/ {2}4: await in run$/m);
  expect(out).toMatch(/ {2}3: even, \d+ bytes a frame, a check of \d+ bytes: called from outside$/m);
  expect(out).toMatch(/ {2}4: walk, \d+ bytes a frame, a check of \d+ bytes: breaks a cycle$/m);
  expect(out).toMatch(/ {2}4: <anonymous>, \d+ bytes a frame, a check that only reads: called by value in its cycle$/m);
  expect(out).toMatch(/ {2}5: up stays on the native stack: a generator/);
  expect(out).toMatch(/a cycle through several files: .*main\.ts:3 even.*odd\.ts:2 odd|a cycle through several files: .*odd\.ts:2 odd.*main\.ts:3 even/);
  expect(out).toMatch(/not followed: node:fs/);
  expect(out).toMatch(/call sites lead to a check: [\d.]+ %; the paper reports about 5 %/);
});

test('a directory, as JSON', async () => {
  const { code, out } = await typed('analyze', directory, '--json');
  expect(code).toBe(0);
  const application = JSON.parse(out) as Application;
  expect(application.files.map(({ file }) => file)).toEqual(['main.ts', 'odd.ts', 'old-helper.cjs', 'old.cjs']);
  expect(application.nodes.find(({ name }) => name === 'walk')).toMatchObject({ file: 'odd.ts', line: 4, hasCheck: true });
  expect(application.edges).toContainEqual(['old.cjs:1 exports', 'old-helper.cjs:1 helper']);
  expect(application.longest.bytes).toBeGreaterThan(0);
});

test('the graph for Graphviz', async () => {
  const { out } = await typed('analyze', '--dot', join(directory, 'main.ts'));
  expect(out).toMatch(/^digraph calls \{[\s\S]*"main\.ts:3 even" -> "odd\.ts:2 odd";[\s\S]*\}\n$/);
  expect(out).toMatch(/"main\.ts:3 even" \[label="even\\n\d+ B", style=filled\]/);
  expect(out).toContain('subgraph cluster_');
});

test('a smaller bound asks for more checks', async () => {
  const checks = async (bytes: string): Promise<number> => (JSON.parse((await typed('analyze', '--json', '--stack-bound', bytes, directory)).out) as Application).nodes.filter(({ hasCheck }) => hasCheck).length;
  expect(await checks('1')).toBeGreaterThanOrEqual(await checks('16384'));
});

test('what cannot be meant, and what cannot be parsed', async () => {
  expect(await typed('analyze')).toMatchObject({ code: 2, error: expect.stringContaining('takes a directory or a file') });
  expect(await typed('analyze', join(directory, 'gone'))).toMatchObject({ code: 2, error: expect.stringContaining('there is no') });
  const broken = mkdtempSync(join(tmpdir(), 'capriccio-analyze-'));
  writeFileSync(join(broken, 'broken.mjs'), 'export const = 1;\n');
  expect(await typed('analyze', broken)).toMatchObject({ code: 1, out: expect.stringMatching(/broken\.mjs\n {2}not analysed: .*\(1:14\)/) });
  rmSync(join(broken, 'broken.mjs'));
  writeFileSync(join(broken, 'broken.ts'), 'const fine: number = 1;\nconst x = ;\n');
  expect(await typed('analyze', broken)).toMatchObject({ code: 1, out: expect.stringMatching(/broken\.ts\n {2}not analysed: broken\.ts: [^(]+ \(2:\d+\)\n/) });
  rmSync(broken, { recursive: true });
});
