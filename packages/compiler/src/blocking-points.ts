/**
 * Blocking points: where the functions of a source may give up the processor. Each gets a number that is the same in every run and every thread:
 * the nodes of the blocking graph are named by them. The source is not changed.
 *
 *   await, for await, yield, yield*, await using
 */
import { parse, type Node } from 'acorn';
import { stripTypeScriptTypes } from 'node:module';

export type SourceKind = 'module' | 'commonjs' | 'script';
export type BlockingForm = 'await' | 'for await' | 'yield' | 'yield*' | 'await using';

export interface BlockingPoint {
  /** 32 bits from file, function and the place among the function's own points: lines may move, the number stays. */
  readonly number: number;
  readonly form: BlockingForm;
  /** Name of the innermost function, `Class.method` for methods; '<top level>' outside of any. */
  readonly functionName: string;
  /** From 1. */
  readonly line: number;
  /** From 0, in UTF-16 units, as source maps count. */
  readonly column: number;
}

export interface SourceOptions {
  /** For numbers and messages: how the file is called, the same in every thread. */
  readonly file: string;
  readonly kind?: SourceKind;
  /** Default: by the ending of `file`. */
  readonly typescript?: boolean;
}

/** Parsing failed: the source is not JavaScript (nor TypeScript whose types can be stripped). */
export class SourceError extends SyntaxError {
  readonly line: number;
  readonly column: number;
  constructor(message: string, line: number, column: number, cause: unknown) {
    super(message, { cause });
    this.line = line;
    this.column = column;
  }
}

/** A node as a walk sees it. */
type AnyNode = Node & Record<string, unknown>;
interface Scope { readonly name: string; readonly className: string | undefined; readonly counter: { points: number } }

/**
 * Finds the blocking points of a source, in the order in which they stand.
 * Throws SourceError where Node would refuse the file, with its line and column.
 */
export function blockingPoints(source: string, { file, kind = 'module', typescript = /\.[cm]?tsx?$/.test(file) }: SourceOptions): BlockingPoint[] {
  const code = typescript ? strip(source, file) : source;
  const program = parseSource(code, file, kind);
  const points: BlockingPoint[] = [];
  walk(program as AnyNode, { name: '<top level>', className: undefined, counter: { points: 0 } }, undefined, (form, node, scope) => {
    const { line, column } = (node.loc as { start: { line: number; column: number } }).start;
    points.push({ number: numberOf(file, scope.name, scope.counter.points++), form, functionName: scope.name, line, column });
  });
  return points.toSorted((a, b) => a.line - b.line || a.column - b.column);
}

function strip(source: string, file: string): string {
  try {
    return stripTypeScriptTypes(source, { mode: 'strip' });
  } catch (error) {
    throw new SourceError(`${file}: ${(error as Error).message}`, 1, 0, error);
  }
}

function parseSource(code: string, file: string, kind: SourceKind): Node {
  try {
    return parse(code, { ecmaVersion: 'latest', sourceType: kind, locations: true, allowHashBang: true });
  } catch (error) {
    const { loc, message } = error as { loc?: { line: number; column: number }; message: string };
    throw new SourceError(`${file}: ${message}`, loc?.line ?? 1, loc?.column ?? 0, error);
  }
}

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);

/** Depth first, on a stack of its own: sources nest deeper than JavaScript's stack is long. */
function walk(root: AnyNode, top: Scope, rootName: string | undefined, found: (form: BlockingForm, node: AnyNode, scope: Scope) => void): void {
  const stack: { node: AnyNode; scope: Scope; name: string | undefined }[] = [{ node: root, scope: top, name: rootName }];
  for (let entry = stack.pop(); entry !== undefined; entry = stack.pop()) {
    const { node, name } = entry;
    const scope = scopeOf(node, entry.scope, name);
    const form = formOf(node);
    if (form !== undefined) found(form, node, scope);
    const children: { node: AnyNode; scope: Scope; name: string | undefined }[] = [];
    for (const [key, value] of Object.entries(node)) {
      for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) children.push({ node: child, scope, name: nameFor(node, key, name) });
    }
    stack.push(...children.toReversed());
  }
}

const isNode = (value: unknown): value is AnyNode => typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';

function scopeOf(node: AnyNode, outer: Scope, name: string | undefined): Scope {
  if (node.type === 'ClassDeclaration' || node.type === 'ClassExpression') return { ...outer, className: nameOfId(node) ?? name ?? '<class>' };
  if (!FUNCTIONS.has(node.type)) return outer;
  const own = nameOfId(node) ?? name ?? '<anonymous>';
  return { name: outer.className === undefined ? own : `${outer.className}.${own}`, className: undefined, counter: { points: 0 } };
}

const nameOfId = (node: AnyNode): string | undefined => (node['id'] as { name?: string } | null | undefined)?.name;

/** The name that a function gets from where it stands: a variable, a property, a method. */
function nameFor(parent: AnyNode, key: string, inherited: string | undefined): string | undefined {
  const textOf = (node: unknown): string | undefined => {
    const { name, value } = (node ?? {}) as { name?: string; value?: unknown };
    return name ?? (value === undefined ? undefined : String(value));
  };
  switch (parent.type) {
    case 'VariableDeclarator': return key === 'init' ? textOf(parent['id']) : undefined;
    case 'AssignmentExpression': case 'AssignmentPattern': return key === 'right' ? textOf(parent['left']) : undefined;
    case 'Property': case 'PropertyDefinition': case 'MethodDefinition': return key === 'value' && parent['computed'] !== true ? textOf(parent['key']) : undefined;
    case 'ExportDefaultDeclaration': return 'default';
    case 'ParenthesizedExpression': return inherited;
    default: return undefined;
  }
}

function formOf(node: AnyNode): BlockingForm | undefined {
  switch (node.type) {
    case 'AwaitExpression': return 'await';
    case 'ForOfStatement': return node['await'] === true ? 'for await' : undefined;
    case 'YieldExpression': return node['delegate'] === true ? 'yield*' : 'yield';
    case 'VariableDeclaration': return node['kind'] === 'await using' ? 'await using' : undefined;
    default: return undefined;
  }
}

/** FNV-1a, 32 bits: stable, and close enough to unique for names in one program. */
function numberOf(file: string, functionName: string, place: number): number {
  let hash = 0x811c9dc5;
  for (const char of `${file}\n${functionName}\n${place}`) hash = Math.imul(hash ^ (char.codePointAt(0) as number), 0x01000193);
  return hash >>> 0;
}
