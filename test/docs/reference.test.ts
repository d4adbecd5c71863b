/** docs/reference/api.md lists what each door of the package exports, values and types, and nothing else. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

import { verbs } from '../../packages/core/src/cli/command-line.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const core = join(root, 'packages/core');
const reference = readFileSync(join(root, 'docs/reference/api.md'), 'utf8');
const { exports } = JSON.parse(readFileSync(join(core, 'package.json'), 'utf8')) as { exports: Record<string, { 'capriccio-source': string }> };

/** Names of types that a file exports, by itself or from others. */
function typesOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  const own = [...text.matchAll(/^export (?:interface|type) (\w+)/gm)].map(([, name]) => name as string);
  const listed = [...text.matchAll(/^export (type )?\{([^}]*)\}/gm)].flatMap(([, allAreTypes, names = '']) => names.split(',').map((one) => one.trim()).filter((one) => one !== '' && (allAreTypes !== undefined || one.startsWith('type '))).map((one) => one.replace(/^type /, '').replace(/^.* as /, '')));
  return [...own, ...listed];
}

/** Rows of the door's section: name and kind. */
function rowsOf(door: string): { name: string; isType: boolean }[] {
  const section = reference.split(/^## /m).find((text) => text.startsWith(`${door}\n`)) ?? '';
  return [...section.matchAll(/^\| `([^`]+)` \| (\w+) \|/gm)].map(([, name = '', kind]) => ({ name, isType: kind === 'type' }));
}

/** Doors that have a page of their own, in other forms than a table of all. */
const PAGES: Readonly<Record<string, string>> = { './thread': 'threads.md', './pthread': 'threads.md' };

const valuesOf = (source: string): string[] => {
  const program = `console.log(JSON.stringify(Object.keys(await import(${JSON.stringify(join(core, source))}))))`;   // by Node itself: the test runner resolves otherwise
  return (JSON.parse(execFileSync(process.execPath, ['--conditions=capriccio-source', '--input-type=module', '-e', program], { encoding: 'utf8', timeout: 20_000 })) as string[]).filter((name) => name !== '__esModule');
};

test.for(verbs.map(({ name, options }) => [name, options] as const))('cli.md has every option of %s', ([name, options]) => {
  const rows = [...readFileSync(join(root, 'docs/reference/cli.md'), 'utf8').matchAll(/^\| ([\w, ]+) \| (`--.*?) \|/gm)].filter(([, of = '']) => of.split(', ').includes(name));
  expect(rows.flatMap(([, , cell = '']) => [...cell.matchAll(/--([\w-]+)/g)].map(([, option]) => option)).toSorted()).toEqual(Object.keys(options).toSorted());
});

describe.for(Object.entries(PAGES))('%s has its own page, %s', ([door, page]) => {
  test('that names all it exports', () => {
    const text = readFileSync(join(root, 'docs/reference', page), 'utf8');
    expect(valuesOf((exports[door] as { 'capriccio-source': string })['capriccio-source']).filter((name) => !new RegExp(`\\b${name}\\b`).test(text))).toEqual([]);
  });
});

/** For generated code alone. */
const NO_INTERFACE = './compiled';
describe.for(Object.entries(exports).filter(([door]) => door !== NO_INTERFACE && !Object.hasOwn(PAGES, door)))('%s', ([door, { 'capriccio-source': source }]) => {
  const title = door === '.' ? 'capriccio' : `capriccio/${door.slice(2)}`;
  const names = (wantTypes: boolean): string[] => rowsOf(title).filter(({ isType }) => isType === wantTypes).map(({ name }) => name).toSorted();

  test('values', () => {
    expect(names(false)).toEqual(valuesOf(source).toSorted());
  });
  test('types', () => { expect(names(true)).toEqual([...new Set(typesOf(join(core, source)))].toSorted()); });
});

describe('docs/reference/observability.md', () => {
  const page = readFileSync(join(root, 'docs/reference/observability.md'), 'utf8');
  const section = (title: string): string => page.split(/^## /m).find((text) => text.startsWith(`${title}\n`)) ?? '';
  const ticked = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word);
  /** The interface as text, which is compared with what was built. */
  const api = readFileSync(join(core, 'core.api.md'), 'utf8');
  const bodyOf = (name: string): string => new RegExp(`^interface ${name} \\{\\n([^]*?)^\\}`, 'm').exec(api)?.[1] ?? '';
  const fieldsIn = (body: string, indent: string): string[] => [...body.matchAll(new RegExp(`^${indent}(?:readonly )?(\\w+)\\??:`, 'gm'))].map(([, name = '']) => name);

  test('has every event, and what comes with it', () => {
    const events = [...bodyOf('PoolEvents').matchAll(/^ {4}(\w+): \[([^]*?)\];$/gm)].map(([, name = '', payload = '']) => {
      const named = /^(\w+)/.exec(payload)?.[1];
      return { name, fields: [...named === undefined ? [] : fieldsIn(bodyOf(named), ' {4}'), ...fieldsIn(payload, ' {8}')] };
    });
    expect(events.length).toBeGreaterThan(5);
    const rows = [...section('Events').matchAll(/^\| `(\w+)` \| ([^|]+) \|/gm)].map(([, name = '', fields = '']) => ({ name, fields: ticked(fields).filter((field) => field !== 'Error') }));
    expect(rows).toEqual(events);
  });

  test('has every channel', () => {
    const source = readFileSync(join(core, 'src/diagnostics.ts'), 'utf8');
    const channels = [...source.matchAll(/\b(tracingChannel|channel)(?:<[^>]+>)?\('([\w.]+)'\)/g)].map(([, kind, name]) => (kind === 'channel' ? name : `tracing:${name}:start`));
    expect([...section('Channels').matchAll(/^\| `([^`]+)`/gm)].map(([, name]) => name)).toEqual(channels);
  });
});
