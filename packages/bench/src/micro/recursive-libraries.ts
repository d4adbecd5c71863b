/**
 * Third-party code that recurses, each library loaded twice from the same file: as it is, and with linked stacks. Used by the benchmark beside and by the
 * tests, which compare what both give.
 */
import { readFileSync } from 'node:fs';
import { createRequire, registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { compileFunction } from 'node:vm';
import { STACK_MODULE, linkStacks, parseSource, type SourceKind, type StackReport } from '@capriccio/compiler';
import '@capriccio/compiler/stack';

export interface Library {
  readonly name: string;
  /** The one file that it is. */
  readonly file: string;
  readonly kind: SourceKind;
  /** Work on ordinary, shallow input. @param module  what the file exports @returns a job, whose result is the same each time */
  readonly job: (module: never) => () => unknown;
}

const require = createRequire(import.meta.url);

const textOf = (specifier: string): string => readFileSync(require.resolve(specifier), 'utf8');
const acorn = require('acorn') as { parse(source: string, options: object): object };
const source = textOf('astring');
const tree = (): object => acorn.parse(source, { ecmaVersion: 'latest' });
const plain = (): unknown => JSON.parse(JSON.stringify(tree()));
const markdown = readFileSync(new URL('../../../../README.md', import.meta.url), 'utf8').repeat(4);
const expressions = Array.from({ length: 400 }, (_, k) => `a.b[${k}](c + ${k} * (d - f(x, y ? z : ${k})), !g && [1, 2, h(i(j))])`);

export const libraries: readonly Library[] = [
  { name: 'acorn: a parser', file: 'acorn', kind: 'commonjs', job: ({ parse }: { parse: (text: string, options: object) => { body: unknown[] } }) => () => parse(source, { ecmaVersion: 'latest' }).body.length },
  { name: 'esprima: a parser', file: 'esprima', kind: 'commonjs', job: ({ parseScript }: { parseScript: (text: string) => { body: unknown[] } }) => { const text = textOf('rfdc').repeat(12); return () => parseScript(text).body.length; } },
  { name: 'jsep: a parser of expressions', file: 'jsep', kind: 'commonjs', job: (jsep: (text: string) => { type: string }) => () => expressions.map((text) => jsep(text).type).join('').length },
  { name: 'marked: Markdown to HTML', file: 'marked', kind: 'module', job: ({ parse }: { parse: (text: string) => string }) => () => parse(markdown) },
  { name: 'astring: a printer', file: 'astring', kind: 'commonjs', job: ({ generate }: { generate: (node: object) => string }) => { const node = tree(); return () => generate(node); } },
  { name: 'fast-deep-equal', file: 'fast-deep-equal', kind: 'commonjs', job: (equal: (a: unknown, b: unknown) => boolean) => { const [a, b] = [plain(), plain()]; return () => equal(a, b); } },
  { name: 'rfdc: deep copies', file: 'rfdc', kind: 'commonjs', job: (rfdc: () => (value: unknown) => { body: unknown[] }) => { const [clone, value] = [rfdc(), plain()]; return () => clone(value).body.length; } },
  { name: 'fast-json-stable-stringify: a printer', file: 'fast-json-stable-stringify', kind: 'commonjs', job: (stringify: (value: unknown) => string) => { const value = plain(); return () => stringify(value).length; } },
];

/** Functions of our own that do next to nothing a call: what a check costs at most. */
export const smallFunctions: readonly Library[] = [
  { name: 'fib', file: 'data:function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); } module.exports = fib;', kind: 'commonjs', job: (fib: (n: number) => number) => () => fib(25) },
  { name: 'quicksort', file: 'data:function sort(xs, low, high) { if (low >= high) return xs; const pivot = xs[(low + high) >> 1]; let i = low, j = high; while (i <= j) { while (xs[i] < pivot) i++; while (xs[j] > pivot) j--; if (i <= j) { const x = xs[i]; xs[i] = xs[j]; xs[j] = x; i++; j--; } } sort(xs, low, j); sort(xs, i, high); return xs; } module.exports = sort;', kind: 'commonjs', job: (sort: (xs: number[], low: number, high: number) => number[]) => { const numbers = Array.from({ length: 20_000 }, (_, k) => (k * 7919) % 20_011); return () => sort([...numbers], 0, numbers.length - 1)[7]; } },
];

let hooked = false;
const modules = new Map<string, string>();
/** ES modules come from memory. */
function importText(name: string, text: string): Promise<unknown> {
  if (!hooked) {
    hooked = true;
    registerHooks({
      resolve: (specifier, context, next) => (specifier === STACK_MODULE ? { url: import.meta.resolve('@capriccio/compiler/stack'), shortCircuit: true }
        : specifier.startsWith('recursive:') ? { url: specifier, shortCircuit: true } : next(specifier, context)),
      load: (url, context, next) => (url.startsWith('recursive:') ? { format: 'module', source: modules.get(url) as string, shortCircuit: true } : next(url, context)),
    });
  }
  const url = `recursive:${name}`;
  modules.set(url, text);
  return import(url);
}

const pathOf = (file: string): string => {
  const at = file.indexOf('/');
  if (at < 0) return require.resolve(file);
  return fileURLToPath(new URL(file.slice(at + 1), `file://${require.resolve(file.slice(0, at))}`));
};

/** Loads a library. @param isLinked  with linked stacks */
export async function load({ name, file, kind }: Library, isLinked: boolean): Promise<{ module: unknown; report?: StackReport; text: string }> {
  const path = file.startsWith('data:') ? undefined : kind === 'module' ? fileURLToPath(import.meta.resolve(file)) : pathOf(file);
  const original = path === undefined ? file.slice('data:'.length) : readFileSync(path, 'utf8');
  const linked = isLinked ? link(original, name, kind) : undefined;
  const text = linked?.code ?? original;
  const more = { text, ...linked === undefined ? {} : { report: linked.report } };
  if (kind === 'module') return { module: await importText(`${name}${isLinked ? '#linked' : ''}`, text), ...more };
  const module = { exports: {} as unknown };
  compileFunction(text, ['module', 'exports', 'require'], { filename: `${name}${isLinked ? ' (linked)' : ''}` }).call(module.exports, module, module.exports, path === undefined ? require : createRequire(path));
  return { module: module.exports, ...more };
}

function link(text: string, file: string, kind: SourceKind): ReturnType<typeof linkStacks> {
  const { code, program } = parseSource(text, { file, kind, typescript: false });
  return linkStacks(code, program, { file, kind });
}
