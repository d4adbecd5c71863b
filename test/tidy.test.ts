/** What no linter knows: that arguments, documents and code speak of the same things. The checks are in tidy.ts; each is shown a fault at the end. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';
import * as shared from '@capriccio/shared';
import {
  anchorsOf, codeLines, filesOf, headerProblems, layoutProblems, linksOf, matches, membersOf, pathsOf, proofsOf, read, rootPath, scriptsOf, sectionOf,
  tableOf, titlesOf, withoutComments,
} from './tidy.ts';

const SOURCES = /\.(?:ts|mts|mjs|js)$/;
const MARKDOWN = /\.md$/;
/** These hold what they look for. */
const OWN = new Set(['test/tidy.test.ts', 'test/tidy.ts']);

const sharedFiles = filesOf(SOURCES, 'packages/shared/src').map((file) => ({ file, text: read(file) }));

describe('packages/shared', () => {
  /** Files that use Atomics and need no case of their own, with the reason. */
  const excused = new Map([
    ['packages/shared/src/board.ts', 'hints of load: one writer a word, and nothing is decided by one alone'],
    ['packages/shared/src/participant.ts', 'a composition: its counters of requests to look are argued in slot.ts and parker.ts, and explored in model/recovery'],
    ['packages/shared/src/slot-pool.ts', 'private lists; its one shared word, SLOTS_TOUCHED, has one writer and is argued beside its store; explored in model/recovery'],
  ]);
  const usesAtomics = sharedFiles.filter(({ text }) => withoutComments(text).includes('Atomics.'));

  test('a file that uses Atomics argues its case under seven headings', () => {
    expect(usesAtomics.length).toBeGreaterThan(5);
    expect(usesAtomics.filter(({ file }) => !excused.has(file)).flatMap(({ file, text }) => headerProblems(file, text))).toEqual([]);
  });

  test('no file is excused that need not be', () => {
    expect([...excused.keys()].filter((file) => !usesAtomics.some((one) => one.file === file && headerProblems(file, one.text).length > 0))).toEqual([]);
  });

  test('every Proof names tests that exist', () => {
    const problems: string[] = [];
    for (const { file, text } of sharedFiles) {
      for (const proof of proofsOf(text)) {
        if (!existsSync(join(rootPath, proof.file))) problems.push(`${file}: there is no ${proof.file} with "${proof.name}"`);
        else if (!titlesOf(read(proof.file)).includes(proof.name)) problems.push(`${file}: ${proof.file} has no test "${proof.name}"`);
      }
    }
    expect(problems).toEqual([]);
  });

  test('the table of words is what the constants say', () => {
    const sizes = new Set(['LINE', 'RING_COUNT_MAX', 'SLOT_WORDS', 'PARTICIPANTS_MAX']);
    const constants = [...read('packages/shared/src/layout.ts').matchAll(/^export const ([A-Z_]+)\b/gm)].map(([, name]) => name as string).filter((name) => !sizes.has(name));
    const { header, control, slot } = shared.layoutTable;
    const words = [...header, ...control, ...slot];
    expect(words.map(({ name }) => name).toSorted()).toEqual(constants.toSorted());
    for (const { name, at } of words) expect((shared as unknown as Record<string, unknown>)[name], name).toBe(at);
  });

  test('no two writers share a line, but in slots', () => {
    const { header, control, slot } = shared.layoutTable;
    expect([...layoutProblems(header, shared.LINE), ...layoutProblems(control, shared.LINE)]).toEqual([]);
    expect(layoutProblems(slot, shared.LINE).filter((problem) => problem.includes('overlap'))).toEqual([]);
    expect(Math.max(...slot.map(({ at, words }) => at + words))).toBe(shared.SLOT_WORDS);
  });

  test('blocks and regions begin at a line, whatever the sizes', () => {
    for (const slotCount of [16, 1024, 65_536]) {
      for (const ringCount of [1, 3, shared.RING_COUNT_MAX]) {
        for (const namesBytes of [128, 384, 262_144]) {
          const layout = shared.layOut({ participantCount: 5, slotCount, payloadBytes: 65_536, namesBytes, ringCount });
          for (let id = 0; id < 5; id++) {
            expect(shared.controlOf(layout, id) % shared.LINE).toBe(0);
            expect(shared.regionOf(layout, id) % (shared.SLOT_WORDS)).toBe(0);
            expect((shared.regionOf(layout, id) + layout.payloadAt) % shared.SLOT_WORDS).toBe(0);
          }
        }
      }
    }
  });
});

describe('docs/reference', () => {
  const errors = read('docs/reference/errors.md');

  test('every code of errors.ts has its heading, and no other', () => {
    expect([...errors.matchAll(/^## (CAP_ERR_\w+)$/gm)].map(([, code]) => code)).toEqual([...shared.errorCodes]);
    const incomplete = shared.errorCodes.filter((code) => !['**When** ', '**What to do** ', '**Fields** ', '> '].every((part) => sectionOf(errors, code).split('\n').some((line) => line.startsWith(part))));
    expect(incomplete).toEqual([]);
  });

  test('what is said not to be thrown yet is not thrown, and the rest is', () => {
    const sources = filesOf(SOURCES, 'packages').filter((file) => !file.startsWith('packages/bench/')).map(read).join('\n');
    const thrown = shared.errorCodes.filter((code) => new RegExp(`(?:new CapriccioError|super)\\(\\s*'${code}'`).test(sources));
    expect(shared.errorCodes.filter((code) => !sectionOf(errors, code).includes('nothing throws it yet'))).toEqual(thrown);
  });

  const options = read('docs/reference/options.md');
  test.each([
    ['createPool', 'packages/core/src/options.ts', 'PoolOptions'],
    ['with', 'packages/core/src/options.ts', 'WithOptions'],
    ['serve', 'packages/core/src/serve/serve-options.ts', 'ServeOptions'],
    ['routes', 'packages/core/src/serve/serve-options.ts', 'RouteOptions'],
    ['close', 'packages/core/src/pool.ts', 'CloseOptions'],
    ['staticFiles', 'packages/core/src/static.ts', 'StaticOptions'],
  ])('%s: every option has its row, and no other', (heading, file, type) => {
    const members = membersOf(read(file), type);
    const leaves = members.filter((name) => name === 'compile' || !members.some((other) => other.startsWith(`${name}.`)));
    expect(tableOf(options, heading)).toEqual(leaves);
  });
});

describe('sources', () => {
  const files = filesOf(/\.(?:ts|mts|mjs|js|json|md|sh)$|^\.ci\/run$/).filter((file) => !OWN.has(file) && file !== 'package-lock.json').map((file) => ({ file, text: read(file) }));

  test('nothing is left to be done in a comment', () => {
    expect(files.flatMap(({ file, text }) => matches(file, text, /\b(?:FIXME|TODO|XXX|HACK)\b/, 'left over'))).toEqual([]);
  });

  test('no test is skipped or runs alone', () => {
    const tests = files.filter(({ file }) => /^test\/.*\.ts$/.test(file));
    expect(tests.flatMap(({ file, text }) => matches(file, text, /\b(?:test|it|describe|suite|model)\.(?:only|skip|todo|fails)\b/, 'a test that does not count'))).toEqual([]);
  });

  test('no path of a machine', () => {
    const mine = [rootPath, `${homedir()}/`].map((path) => path.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|');
    expect(files.flatMap(({ file, text }) => matches(file, text, new RegExp(`${mine}|(?<![\\w.])/(?:work|home|Users)/\\w+/|\\bC:\\\\\\\\?Users`), 'a path of somebody’s machine'))).toEqual([]);
  });

  test('no file is longer than 400 lines of code', () => {
    expect(files.filter(({ file }) => SOURCES.test(file)).map(({ file, text }) => ({ file, lines: codeLines(text) })).filter(({ lines }) => lines > 400)).toEqual([]);
  });
});

describe('documents', () => {
  const documents = filesOf(MARKDOWN).map((file) => ({ file, text: read(file) }));

  test('every relative link leads somewhere', () => {
    const problems: string[] = [];
    for (const { file, text } of documents) {
      for (const link of linksOf(text)) {
        const [path, anchor] = link.split('#') as [string, string | undefined];
        const target = path === '' ? file : normalize(join(dirname(file), decodeURI(path)));
        if (!existsSync(join(rootPath, target))) problems.push(`${file}: ${link} does not exist`);
        else if (anchor !== undefined && MARKDOWN.test(target) && !anchorsOf(read(target)).has(anchor)) problems.push(`${file}: ${target} has no heading #${anchor}`);
      }
    }
    expect(problems).toEqual([]);
  });

  test('every npm command and every file that is named exists', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const problems = documents.flatMap(({ file, text }) => [
      ...scriptsOf(text).filter((name) => scripts[name] === undefined).map((name) => `${file}: there is no npm script ${name}`),
      ...pathsOf(text).filter((path) => !existsSync(join(rootPath, path)) && !existsSync(join(rootPath, dirname(file), path))).map((path) => `${file}: there is no ${path}`),
    ]);
    expect(problems).toEqual([]);
  });
});

describe('each check finds a fault', () => {
  const header = read('packages/shared/src/mailbox.ts');

  test('in a header', () => {
    expect(headerProblems('x', header)).toEqual([]);
    expect(headerProblems('x', header.replace('   Hazards ', '   Dangers '))).toEqual(['x: no heading Hazards, Crash, Proof, Source (or out of order)']);
    expect(headerProblems('x', header.replace('Proof       M1', 'Proof       MX'))).toEqual(['x: Proof says nothing of M1']);
    expect(headerProblems('x', 'export const x = 1;\n')).toHaveLength(1);
  });

  test('in a Proof', () => {
    expect(proofsOf(header)).toContainEqual({ file: 'test/model/mailbox.test.ts', name: "mailbox: one producer's order" });
    expect(titlesOf("// test('no', …\nmodel(\"a: it's so\", {});\ntest.each([1])('b %s', () => {});\n  it('c', f);")).toEqual(["a: it's so", 'c']);
  });

  test('in the words of shared memory', () => {
    expect(layoutProblems([{ name: 'A', at: 0, words: 2, writer: 'owner' }, { name: 'B', at: 1, words: 1, writer: 'owner' }], 32)).toEqual(['A and B overlap']);
    expect(layoutProblems([{ name: 'A', at: 0, words: 1, writer: 'owner' }, { name: 'B', at: 31, words: 1, writer: 'main' }], 32)).toEqual(['A (owner) and B (main) share a line']);
    expect(layoutProblems([{ name: 'A', at: 0, words: 1, writer: 'any' }, { name: 'B', at: 31, words: 1, writer: 'any' }], 32)).toHaveLength(1);
    expect(layoutProblems([{ name: 'A', at: 0, words: 1, writer: 'any' }, { name: 'B', at: 32, words: 1, writer: 'any' }], 32)).toEqual([]);
  });

  test('in documents', () => {
    expect(membersOf('interface X extends Y { a?: number; readonly b: { c?: string; d: { e: 1 } };\n /** f: g */ h: boolean | { i?: Z[] } }\nconst j = { k: 1 }', 'X')).toEqual(['a', 'b', 'b.c', 'b.d', 'b.d.e', 'h', 'h.i']);
    expect(tableOf('# a\n| `x` | 1 |\n## b\n| `y` | 2 |', 'a')).toEqual(['x']);
    expect(linksOf('[a](b.md#c "t") ![d](e.png) [f](https://g) `[h](i.md)`\n```\n[j](k.md)\n```')).toEqual(['b.md#c', 'e.png']);
    expect(scriptsOf('`npm run test:long`, npm start; npm testing npm run build')).toEqual(['test:long', 'start', 'build']);
    expect(pathsOf('`test/model/x.test.ts` and node_modules/test/a.ts')).toEqual(['test/model/x.test.ts']);
    expect([...anchorsOf('## CAP_ERR_X\n### What, why?')]).toEqual(['cap_err_x', 'what-why']);
    expect(matches('x', 'a\n// TODO: b', /\bTODO\b/, 'left over')).toEqual(['x:2: left over: // TODO: b']);
    expect(codeLines('/* a\n b */\n\nconst c = 1; // d\n// e\n')).toBe(1);
  });
});
