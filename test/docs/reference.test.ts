/** docs/reference/api.md lists what each door of the package exports, values and types, and nothing else. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const core = join(root, 'packages/core');
const reference = readFileSync(join(root, 'docs/reference/api.md'), 'utf8');
const { exports } = JSON.parse(readFileSync(join(core, 'package.json'), 'utf8')) as { exports: Record<string, { 'capriccio-source': string }> };

/** Names of types that a file exports, by itself or from others. */
function typesOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  const own = [...text.matchAll(/^export (?:interface|type) (\w+)/gm)].map(([, name]) => name as string);
  const listed = [...text.matchAll(/^export (type )?\{([^}]*)\}/gm)].flatMap(([, allAreTypes, names = '']) => names.split(',').map((one) => one.trim()).filter((one) => one !== '' && (allAreTypes !== undefined || one.startsWith('type '))).map((one) => one.replace(/^type /, '').replace(/^.* as /, '')));
  const passedOn = [...text.matchAll(/^export \* from '([^']+)'/gm)].flatMap(([, from = '']) => typesOf(from.startsWith('.') ? join(dirname(file), from) : join(root, 'packages/worker/src/thread-api.ts')));
  return [...own, ...listed, ...passedOn];
}

/** Rows of the door's section: name and kind. */
function rowsOf(door: string): { name: string; isType: boolean }[] {
  const section = reference.split(/^## /m).find((text) => text.startsWith(`${door}\n`)) ?? '';
  return [...section.matchAll(/^\| `([^`]+)` \| (\w+) \|/gm)].map(([, name = '', kind]) => ({ name, isType: kind === 'type' }));
}

describe.for(Object.entries(exports))('%s', ([door, { 'capriccio-source': source }]) => {
  const title = door === '.' ? 'capriccio' : `capriccio/${door.slice(2)}`;
  const names = (wantTypes: boolean): string[] => rowsOf(title).filter(({ isType }) => isType === wantTypes).map(({ name }) => name).toSorted();

  test('values', () => {
    const program = `console.log(JSON.stringify(Object.keys(await import(${JSON.stringify(join(core, source))}))))`;   // by Node itself: the test runner resolves otherwise
    const values = JSON.parse(execFileSync(process.execPath, ['--conditions=capriccio-source', '--input-type=module', '-e', program], { encoding: 'utf8', timeout: 20_000 })) as string[];
    expect(names(false)).toEqual(values.filter((name) => name !== '__esModule').toSorted());
  });
  test('types', () => { expect(names(true)).toEqual([...new Set(typesOf(join(core, source)))].toSorted()); });
});
