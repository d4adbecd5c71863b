/**
 * The call graph of a whole application: from a file along its imports (static, dynamic where the specifier is written out, and `require`), ESM and
 * CommonJS, JavaScript and TypeScript. Packages are not followed. A call of an imported function leads to what the other file exports by that name; so cycles
 * that go through several files are found, and paths are as long as they really are.
 */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, extname, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compile, type CompileReport } from '../compile.ts';
import { Lines } from '../lines.ts';
import { originalOf } from '../segments.ts';
import { SourceError } from '../source-error.ts';
import { parseSource, type AnyNode, type SourceKind } from '../parse.ts';
import { callGraphOf, leadsOutside, type CallGraph } from './call-graph.ts';
import { STACK_BOUND_BYTES, placeCheckpoints, type Placement } from './checkpoints.ts';
import { forEachChild } from '../nodes.ts';
import { components, longestPaths } from './cycles.ts';
import type { FunctionInfo } from './scopes.ts';

export interface AnalyzedFile {
  /** Relative to the directory that was analysed, with slashes. */
  readonly file: string;
  readonly report?: CompileReport;
  /** Why it could not be read or parsed. */
  readonly error?: string;
}

export interface GraphNode { readonly id: string; readonly file: string; readonly name: string; readonly line: number; readonly frameBytes: number; readonly hasCheck: boolean; readonly component: number }

export interface Application {
  readonly files: readonly AnalyzedFile[];
  /** Files beyond the first 10,000. */
  readonly leftOut: number;
  readonly nodes: readonly GraphNode[];
  /** Pairs of ids. */
  readonly edges: readonly (readonly [string, string])[];
  /** Cycles of more than one file: the functions on them. */
  readonly cyclesAcrossFiles: readonly (readonly string[])[];
  /** The longest path without a check, over all files. */
  readonly longest: { readonly bytes: number; readonly path: readonly string[] };
  /** Specifiers of packages that are called into: not followed. */
  readonly packages: readonly string[];
}

interface Part { readonly path: string; readonly file: string; readonly graph: CallGraph; readonly placement: Placement; readonly lineOf: (offset: number) => number; readonly first: number }

const SOURCE = /\.(?:[cm]?[jt]s)$/;
const FILES_MAX = 10_000;

export interface AnalyzeOptions {
  readonly stackBound?: number;
  /** Before each file: its name, how many there were before it, and how many are known so far. */
  readonly onFile?: (file: string, done: number, known: number) => void;
}

/** @param path  a file, whose imports are followed, or a directory, all of whose sources are taken but for node_modules. Throws what reading `path` throws. */
export function analyzeApplication(path: string, { stackBound = STACK_BOUND_BYTES, onFile }: AnalyzeOptions = {}): Application {
  const start = resolve(path);
  const isDirectory = statSync(start).isDirectory();
  const root = isDirectory ? start : dirname(start);
  const pending = isDirectory ? sourcesIn(start) : [start];
  const seen = new Set(pending);
  const files: AnalyzedFile[] = [];
  const parts: Part[] = [];
  const packages = new Set<string>();
  let first = 0;
  for (let at = 0; at < pending.length && at < FILES_MAX; at++) {
    const one = pending[at] as string;
    const file = relative(root, one).split('\\').join('/');
    onFile?.(file, at, Math.min(pending.length, FILES_MAX));
    try {
      const { kind, source } = readSource(one);
      const { code, pass, program } = parseSource(source, { file, kind });
      const lines = new Lines(source);
      const lineOf = (offset: number): number => lines.positionOf(Math.max(0, originalOf(pass.segments, offset))).line;
      files.push({ file, report: compile(source, { file, kind, stackBound }).report });
      const graph = callGraphOf(program, code, kind);
      parts.push({ path: one, file, graph, placement: placeCheckpoints(graph, { file, lineOf, isScript: false, stackBound, refused: new Map() }), lineOf, first });
      first += graph.functions.length;
      for (const specifier of importsOf(program as unknown as AnyNode)) {
        const found = resolveImport(one, specifier);
        if (found === undefined) packages.add(specifier);
        else if (!seen.has(found)) { seen.add(found); pending.push(found); }
      }
    } catch (error) {
      files.push({ file, error: placed(error as Error) });
    }
  }
  return { files, leftOut: Math.max(0, pending.length - FILES_MAX), packages: [...packages].filter((specifier) => !specifier.startsWith('.')).toSorted(), ...joined(parts) };
}

/** One graph of all files. */
function joined(parts: readonly Part[]): Pick<Application, 'nodes' | 'edges' | 'cyclesAcrossFiles' | 'longest'> {
  const byPath = new Map(parts.map((part) => [part.path, part]));
  const all = parts.flatMap((part) => part.graph.functions.map((info) => ({ part, info })));
  const edges = all.map(() => new Set<number>());
  for (const part of parts) {
    for (const site of part.graph.flow.sites) {
      if (site.caller === undefined) continue;
      const from = edges[part.first + site.caller.index] as Set<number>;
      for (const callee of site.callees) from.add(part.first + callee.index);
      if (site.imported === undefined || !leadsOutside(site)) continue;
      const target = byPath.get(resolveImport(part.path, site.imported.from) ?? '');
      for (const callee of target?.graph.flow.exports.get(site.imported.name) ?? []) from.add((target as Part).first + callee.index);
    }
  }
  const lists = edges.map((to) => [...to]);
  const component = components(lists);
  const idOf = (node: number): string => { const { part, info } = all[node] as { part: Part; info: FunctionInfo }; return `${part.file}:${part.lineOf(info.node.start)} ${info.name}`; };
  const weights = all.map(({ part, info }) => part.graph.weights[info.index] as number);
  const checked = new Set(all.flatMap(({ part, info }, node) => (part.placement.why.has(info) ? [node] : [])));
  const { bytes, next } = longestPaths(lists, weights, checked);
  const longest = bytes.map((value, node) => ({ value, node })).filter(({ value }) => Number.isFinite(value)).toSorted((a, b) => b.value - a.value)[0];
  const path: string[] = [];
  for (let at = longest?.node; at !== undefined; at = next[at]) path.push(idOf(at));
  const groups = new Map<number, number[]>();
  component.forEach((one, node) => { groups.set(one, [...groups.get(one) ?? [], node]); });
  return {
    nodes: all.map(({ part, info }, node) => ({ id: idOf(node), file: part.file, name: info.name, line: part.lineOf(info.node.start), frameBytes: weights[node] as number, hasCheck: checked.has(node), component: component[node] as number })),
    edges: lists.flatMap((to, from) => to.map((node): [string, string] => [idOf(from), idOf(node)])),
    cyclesAcrossFiles: [...groups.values()].filter((nodes) => new Set(nodes.map((node) => all[node]?.part)).size > 1).map((nodes) => nodes.map(idOf)),
    longest: { bytes: longest?.value ?? 0, path },
  };
}

function sourcesIn(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === 'node_modules' || entry.name.startsWith('.')) return [];
    const path = join(directory, entry.name);
    return entry.isDirectory() ? sourcesIn(path) : entry.isFile() && SOURCE.test(entry.name) && !/\.d\.[cm]?ts$/.test(entry.name) ? [path] : [];
  }).toSorted();
}

/** As Node takes it: by the ending, by the nearest package.json, and by what the text holds. */
function readSource(path: string): { kind: SourceKind; source: string } {
  const source = readFileSync(path, 'utf8');
  const ending = extname(path);
  if (ending.startsWith('.m')) return { kind: 'module', source };
  if (ending.startsWith('.c')) return { kind: 'commonjs', source };
  const type = packageTypeOf(dirname(path));
  if (type !== undefined) return { kind: type, source };
  try { parseSource(source, { file: path, kind: 'commonjs' }); return { kind: 'commonjs', source }; } catch { return { kind: 'module', source }; }
}

function packageTypeOf(directory: string): SourceKind | undefined {
  for (let at = directory; ; at = dirname(at)) {
    const file = join(at, 'package.json');
    if (existsSync(file)) { const { type } = JSON.parse(readFileSync(file, 'utf8')) as { type?: string }; return type === 'module' ? 'module' : type === 'commonjs' ? 'commonjs' : undefined; }
    if (dirname(at) === at) return undefined;
  }
}

/** Specifiers that are written out. */
function importsOf(program: AnyNode): Set<string> {
  const found = new Set<string>();
  const pending = [program];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    const source = node['source'] as AnyNode | null | undefined;
    if (/^(?:Import|Export)/.test(node.type) && typeof source?.['value'] === 'string') found.add(source['value']);
    const callee = node['callee'] as AnyNode | undefined;
    const argument = (node['arguments'] as AnyNode[] | undefined)?.[0];
    if (node.type === 'CallExpression' && callee?.['name'] === 'require' && typeof argument?.['value'] === 'string') found.add(argument['value']);
    forEachChild(node, (inner) => { pending.push(inner); });
  }
  return found;
}

/** The file that a relative specifier names, endings and index files tried as `require` and TypeScript do; undefined: a package, or nothing. */
function resolveImport(from: string, specifier: string): string | undefined {
  if (!/^\.{1,2}\/|^\.{1,2}$|^file:|^\//.test(specifier)) return undefined;
  const base = specifier.startsWith('file:') ? new URL(specifier).pathname : decodeURIComponent(new URL(specifier, pathToFileURL(from)).pathname);
  const swapped = base.replace(/\.([cm]?)js$/, '.$1ts');
  return [base, swapped, ...['.js', '.ts', '.cjs', '.mjs', '/index.js', '/index.ts'].map((ending) => base + ending)].find((path) => SOURCE.test(path) && existsSync(path) && statSync(path).isFile());
}

/** With line and column, both from 1: the parser's own say of columns from 0, and that of types has none. */
const placed = (error: Error): string => (error instanceof SourceError ? `${error.message.replace(/ \(\d+:\d+\)$/, '')} (${error.line}:${error.column + 1})` : error.message);
