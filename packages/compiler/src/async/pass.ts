/**
 * The asynchronous pass: async functions become coroutines. Text to text; what it did is in its report.
 * Next: plan.ts (what is compiled), printer.ts (how it is written).
 */
import { numberPoints, pointsOf, type BlockingPoint } from '../blocking-points.ts';
import type { Position } from '../lines.ts';
import { COMPILED_MODULE, RUNTIME_MODULE } from '../modules.ts';
import type { AnyNode, SourceKind } from '../parse.ts';
import { identity, type Pass } from '../segments.ts';
import { nameOf } from './names.ts';
import { planFunctions, type Plan } from './plan.ts';
import { printProgram } from './printer.ts';
import { flatten, slice } from './rope.ts';
import type { Preemption } from '../preempt/preemption.ts';
import { annotate, type Tree, type TreeNode } from './tree.ts';

export interface AsyncOptions {
  readonly file: string;
  readonly kind: SourceKind;
  /** Compile also closures that would be slower for it. */
  readonly smallClosures: boolean;
  /** Node resolves what the code imports. */
  readonly isAhead: boolean;
  /** Where a node stands in the text that its author wrote. */
  readonly place: (node: AnyNode) => Position;
  /** Where threads may be preempted. */
  readonly preemption: Preemption;
}

/** An async function, and what became of it. */
export interface FunctionReport {
  readonly name: string;
  readonly line: number;
  readonly column: number;
  /** False: it stayed an ordinary async function. */
  readonly isCompiled: boolean;
  /** Why it stayed native. */
  readonly reason?: string;
}

/** What the pass has found. */
interface AsyncReport { readonly functions: readonly FunctionReport[]; readonly points: readonly BlockingPoint[] }
export interface AsyncPass extends Pass {
  /** Made when it is asked for: who only loads a file never does. */
  readonly report: () => AsyncReport;
}

/** A text without the word has no async function, and needs no walk through its tree. */
export const mayBeAsync = (code: string): boolean => code.includes('async') && /\basync\b/.test(code);

/** @param program  the tree of `code`; it is annotated in place */
export function compileAsync(code: string, program: AnyNode, { file, kind, smallClosures, isAhead, place, preemption }: AsyncOptions): AsyncPass {
  if (!mayBeAsync(code)) return { code, segments: identity(code.length), report: () => ({ functions: [], points: pointsOf(program, file, place).map(({ point }) => point) }) };
  const tree = annotate(program);
  const numbered = numberPoints(tree.points, file, place);
  const plan = planFunctions(tree, kind, smallClosures, (node) => preemption.loopAt(node) !== undefined || preemption.callAt(node) !== undefined);
  const report = (): AsyncReport => ({ functions: tree.functions.filter((fn) => fn['async'] === true).map((fn) => reportOf(fn, plan, place)), points: numbered.map(({ point }) => point) });
  if (plan.forms.size === 0) return { code, segments: identity(code.length), report };
  const rows: string[] = [];
  const pointOf = new Map(numbered.map(({ node, point }) => [node, point]));
  const prefix = unusedPrefix(code);
  const start = behindDirectives(code, tree);
  const texts = new Map<AnyNode, string>();
  const point = (node: AnyNode, callee: string): string => {
    let text = texts.get(node);
    if (text !== undefined) return text;
    const { number, line, column, functionName } = pointOf.get(node) as BlockingPoint;
    texts.set(node, text = `${prefix}p+${rows.push(JSON.stringify([number, line, column, functionName, callee])) - 1}`);
    return text;
  };
  const spot = (node: AnyNode, functionName: string, callee: string): string => {
    const { line, column } = place(node);
    return `${prefix}p+${rows.push(JSON.stringify([0, line, column, functionName, callee])) - 1}`;
  };
  const { body, lead, helpers } = printProgram({ code, tree, plan, prefix, point, spot, preemption }, start);
  const names = [...helpers, 'addPoints'];
  const head = `${start > 0 && !/[\n;]$/.test(code.slice(0, start)) ? ';' : ''}${importOf(names, prefix, kind, isAhead ? COMPILED_MODULE : RUNTIME_MODULE)}${kind === 'script' ? 'var' : 'const'} ${prefix}p=${prefix}addPoints(${JSON.stringify(file)},[${rows.join()}]);${lead}`;
  return { ...flatten([slice(0, start), head, body], code), report };
}

function reportOf(fn: TreeNode, plan: Plan, place: (node: AnyNode) => Position): FunctionReport {
  const reason = plan.left.get(fn);
  return { name: nameOf(fn) ?? '<computed>', ...place(fn), isCompiled: reason === undefined, ...reason === undefined ? {} : { reason } };
}

function importOf(names: readonly string[], prefix: string, kind: SourceKind, runtime: string): string {
  if (kind === 'module') return `import{${names.map((name) => `${name} as ${prefix}${name}`).join()}}from'${runtime}';`;
  return `${kind === 'script' ? 'var' : 'const'}{${names.map((name) => `${name}:${prefix}${name}`).join()}}=globalThis[Symbol.for('capriccio.runtime')];`;
}

/** The beginning of every name that is put in. */
function unusedPrefix(code: string): string {
  let prefix = '$c_';
  while (code.includes(prefix)) prefix += '_';
  return prefix;
}

/** Where the program's own text begins: behind `#!` and directives, which must stay first. */
function behindDirectives(code: string, { root }: Tree): number {
  let at = 0;
  for (const statement of root['body'] as TreeNode[]) {
    if (statement['directive'] === undefined) break;
    at = statement.end;
  }
  return at === 0 && code.startsWith('#!') ? code.indexOf('\n') + 1 || code.length : at;
}
