/** The rules about imports and shared memory, each broken once on purpose: the tool that guards it must go red, and must be silent about a file that keeps it. */
import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { Workshop } from '../../workshop.ts';

let workshop: Workshop;
beforeAll(() => { workshop = new Workshop(); }, 60_000);
afterAll(() => { workshop[Symbol.dispose](); });

const HARMLESS = 'export const harmless: number = 1;\n';

/** What the linter says of one file. */
function lint(path: string, text: string): { code: number | null; output: string } {
  workshop.write(path, text);
  try { return workshop.run('oxlint', path); } finally { workshop.remove(path); }
}

describe('the linter', () => {
  const folders = ['packages/shared/src', 'packages/compiler/src', 'packages/worker/src', 'packages/core/src', 'packages/bench/src', 'examples/library'];
  test.each(folders)('has nothing against a harmless file in %s', (folder) => {
    const { code, output } = lint(`${folder}/seeded.ts`, HARMLESS);
    assert.equal(code, 0, output);
  });

  test.each([
    ['shared', '@capriccio/worker'], ['shared', '@capriccio/compiler'], ['shared', 'capriccio'], ['shared', 'capriccio/thread'],
    ['compiler', '@capriccio/shared'], ['compiler', '@capriccio/worker'], ['compiler', 'capriccio'],
    ['worker', 'capriccio'], ['worker', 'capriccio/thread'], ['worker', '@capriccio/bench'],
    ['core', '@capriccio/bench'],
  ])('goes red when %s imports %s', (folder, name) => {
    const { code, output } = lint(`packages/${folder}/src/seeded.ts`, `import * as above from '${name}';\nexport const used: unknown = above;\n`);
    assert.equal(code, 1, output);
    assert.match(output, /no-restricted-imports/);
  });

  test('and when it re-exports it, or imports only a type', () => {
    assert.match(lint('packages/shared/src/seeded.ts', "export * from '@capriccio/worker';\n").output, /no-restricted-imports/);
    assert.match(lint('packages/worker/src/seeded.ts', "import type { Pool } from 'capriccio';\nexport type Held = Pool;\n").output, /no-restricted-imports/);
  });

  test.each([['worker', '@capriccio/shared/src/slot.ts'], ['core', '@capriccio/worker/src/scheduler.ts'], ['bench', '@capriccio/shared/src/slot.ts'], ['bench', 'capriccio/src/pool.ts']])('goes red when %s enters by %s', (folder, name) => {
    assert.match(lint(`packages/${folder}/src/seeded.ts`, `import * as inside from '${name}';\nexport const used: unknown = inside;\n`).output, /no-restricted-imports.*\n.*\n.*|entered by its door/);
  });

  test('goes red for a cycle', () => {
    workshop.write('packages/worker/src/seeded-other.ts', "import { one } from './seeded.ts';\nexport const two: () => number = () => one();\n");
    const { code, output } = lint('packages/worker/src/seeded.ts', "import { two } from './seeded-other.ts';\nexport const one: () => number = () => two();\n");
    workshop.remove('packages/worker/src/seeded-other.ts');
    assert.equal(code, 1);
    assert.match(output, /import\(no-cycle\)/);
  });

  const atomic = 'export const load: (words: Int32Array) => number = (words) => Atomics.load(words, 0);\n';
  test.each(['packages/compiler/src', 'packages/worker/src', 'packages/core/src', 'examples/library'])('goes red for Atomics in %s', (folder) => {
    const { code, output } = lint(`${folder}/seeded.ts`, atomic);
    assert.equal(code, 1);
    assert.match(output, /no-restricted-globals/);
  });
  test('has nothing against Atomics in packages/shared', () => {
    assert.equal(lint('packages/shared/src/seeded.ts', atomic).code, 0);
  });
});

describe('the compiler', () => {
  /** What tsc says of seeded files, built together: a build of the lower packages costs a second or two. */
  test('goes red for a relative path into another package, up and down, and for a deep import', () => {
    workshop.write('packages/shared/src/seeded-up.ts', "import { charge } from '../../worker/src/stride.ts';\nexport const used: unknown = charge;\n");
    workshop.write('packages/worker/src/seeded-kept.ts', HARMLESS);
    workshop.write('packages/compiler/src/seeded-side.ts', "import { LINE } from '../../shared/src/layout.ts';\nexport const used: number = LINE;\n");
    const { code, output } = workshop.run('tsc', '-b', 'packages/shared', 'packages/compiler');
    for (const name of ['shared/src/seeded-up', 'compiler/src/seeded-side']) workshop.remove(`packages/${name}.ts`);
    assert.notEqual(code, 0);
    assert.match(output, /shared\/src\/seeded-up\.ts\(1,\d+\): error TS(?:6059|6307)/);
    assert.match(output, /compiler\/src\/seeded-side\.ts\(1,\d+\): error TS(?:6059|6307)/);

    workshop.write('packages/worker/src/seeded-down.ts', "import { LINE } from '../../shared/src/layout.ts';\nexport const used: number = LINE;\n");
    workshop.write('packages/worker/src/seeded-deep.ts', "import { LINE } from '@capriccio/shared/src/layout.ts';\nexport const used: number = LINE;\n");
    const down = workshop.run('tsc', '-b', 'packages/worker');
    for (const name of ['seeded-down', 'seeded-deep', 'seeded-kept']) workshop.remove(`packages/worker/src/${name}.ts`);
    assert.match(down.output, /worker\/src\/seeded-down\.ts\(1,\d+\): error TS2878/);
    assert.match(down.output, /worker\/src\/seeded-deep\.ts\(1,\d+\): error TS2307/);
    assert.doesNotMatch(output + down.output, /seeded-kept/);
  });
});

describe('knip', () => {
  test('goes red for a dependency that is not declared, and for what nobody uses', () => {
    const undo = [
      workshop.append('packages/worker/src/index.ts', "export { createPool } from 'capriccio';\n"),
      workshop.append('packages/shared/src/index.ts', "export const load: () => Promise<unknown> = () => import('@capriccio/worker');\n"),
    ];
    workshop.write('packages/worker/src/seeded.ts', HARMLESS);
    const { code, output } = workshop.run('knip', '--treat-config-hints-as-errors');
    for (const restore of undo) restore();
    workshop.remove('packages/worker/src/seeded.ts');
    assert.equal(code, 1, output);
    const section = (title: string): string => output.split(/^(?=[A-Z][a-z]+(?: [a-z]+)* \()/m).find((part) => part.startsWith(title)) ?? '';
    assert.match(section('Unlisted dependencies'), /^capriccio +packages\/worker\/src\/index\.ts/m);
    assert.match(section('Unlisted dependencies'), /^@capriccio\/worker +packages\/shared\/src\/index\.ts/m);
    assert.match(section('Unused files'), /^packages\/worker\/src\/seeded\.ts/m);
    assert.doesNotMatch(section('Unused files'), /stride\.ts/);
  });
});
