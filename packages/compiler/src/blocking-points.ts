/**
 * Blocking points: where the functions of a source may give up the processor. Each gets a number that is the same in every run and every thread:
 * the nodes of the blocking graph are named by them. The source is not changed.
 *
 *   await, for await, yield, yield*, await using
 */
import { forEachChild } from './nodes.ts';
import { isFunction, parseSource, type AnyNode, type SourceOptions } from './parse.ts';
import { Lines, type Position } from './lines.ts';
import { originalOf } from './segments.ts';

export type BlockingForm = 'await' | 'for await' | 'yield' | 'yield*' | 'await using';

export interface BlockingPoint {
  /** 32 bits from file, function (of equal names also which), and the place among the function's own points: lines may move, the number stays. */
  readonly number: number;
  readonly form: BlockingForm;
  /** Name of the innermost function, `Class.method` for methods; '<top level>' outside of any. */
  readonly functionName: string;
  /** From 1. */
  readonly line: number;
  /** From 0, in UTF-16 units, as source maps count. */
  readonly column: number;
}

/**
 * Finds the blocking points of a source, in the order in which they stand.
 * Throws SourceError where Node would refuse the file, with its line and column.
 */
export function blockingPoints(source: string, options: SourceOptions): BlockingPoint[] {
  const { pass, program } = parseSource(source, options);
  const lines = new Lines(source);
  const place = (node: AnyNode): Position => lines.positionOf(Math.max(0, originalOf(pass.segments, node.start)));
  return pointsOf(program as unknown as AnyNode, options.file, place).map(({ point }) => point);
}

/** A blocking point and the node of the tree that it is. */
interface PointOfNode { readonly point: BlockingPoint; readonly node: AnyNode }

/** The blocking points of a tree, in the order in which they stand. @param place  where a node stands in the text that was given */
export function pointsOf(program: AnyNode, file: string, place: (node: AnyNode) => Position): PointOfNode[] { return numberPoints(blockingNodes(program), file, place); }

/** Depth first, on a stack of its own: sources nest deeper than JavaScript's stack is long. */
function blockingNodes(program: AnyNode): AnyNode[] {
  const found: AnyNode[] = [];
  const nodes: AnyNode[] = [program];
  let around = program;
  const push = (child: AnyNode): void => { child.up = around; nodes.push(child); };
  program.up = undefined;
  for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
    if (formOf(node) !== undefined) found.push(node);
    const first = nodes.length;
    around = node;
    forEachChild(node, push);
    for (let low = first, high = nodes.length - 1; low < high; low++, high--) [nodes[low], nodes[high]] = [nodes[high] as AnyNode, nodes[low] as AnyNode];   // the first child is looked at first
  }
  return found;
}

/** A function that has points, or the top level. */
interface Scope { readonly name: string; points: number; /** Of what stands before the place in the text that a number is made of. */ readonly hash: number }

/** @param nodes  all that are blocking points, parents first, each with what is around it in `up` @param place  where a node stands in the text that was given */
export function numberPoints(nodes: readonly AnyNode[], file: string, place: (node: AnyNode) => Position): PointOfNode[] {
  const points: PointOfNode[] = [];
  const counts = new Map<string, number>();                              // among the functions of a name
  const scopes = new Map<AnyNode | undefined, Scope>();
  const ofFile = hashed(`${file}\n`, HASH_OF_NOTHING);
  for (const node of nodes) {
    let fn = node.up;
    while (fn !== undefined && !isFunction(fn)) fn = fn.up;
    let scope = scopes.get(fn);
    if (scope === undefined) {
      const name = fn === undefined ? '<top level>' : nameOfFunction(fn);
      const which = counts.get(name) ?? 0;
      counts.set(name, which + 1);
      scopes.set(fn, scope = { name, points: 0, hash: hashed(which === 0 ? `${name}\n` : `${name}#${which}\n`, ofFile) });
    }
    points.push({ node, point: { number: hashed(String(scope.points++), scope.hash) >>> 0, form: formOf(node) as BlockingForm, functionName: scope.name, ...place(node) } });
  }
  return points.toSorted((a, b) => a.node.start - b.node.start);
}

/** `Class.method` where it stands in a class and in no other function. */
function nameOfFunction(fn: AnyNode): string {
  const own = nameOfId(fn) ?? nameGiven(fn) ?? '<anonymous>';
  let outer = fn.up;
  while (outer !== undefined && !isFunction(outer) && outer.type !== 'ClassDeclaration' && outer.type !== 'ClassExpression') outer = outer.up;
  return outer === undefined || isFunction(outer) ? own : `${nameOfId(outer) ?? nameGiven(outer) ?? '<class>'}.${own}`;
}

const nameOfId = (node: AnyNode): string | undefined => (node['id'] as { name?: string } | null | undefined)?.name;

/** The name that a function or class gets from where it stands: a variable, a property, a method. */
function nameGiven(node: AnyNode): string | undefined {
  const textOf = (named: unknown): string | undefined => {
    const { name, value } = (named ?? {}) as { name?: string; value?: unknown };
    return name ?? (value === undefined ? undefined : String(value));
  };
  const parent = node.up as AnyNode;
  switch (parent.type) {
    case 'VariableDeclarator': return parent['init'] === node ? textOf(parent['id']) : undefined;
    case 'AssignmentExpression': case 'AssignmentPattern': return parent['right'] === node ? textOf(parent['left']) : undefined;
    case 'Property': case 'PropertyDefinition': case 'MethodDefinition': return parent['value'] === node && parent['computed'] !== true ? textOf(parent['key']) : undefined;
    case 'ExportDefaultDeclaration': return 'default';
    case 'ParenthesizedExpression': return nameGiven(parent);
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

const HASH_OF_NOTHING = 0x811c9dc5;
/** FNV-1a, 32 bits, gone on with: stable, and close enough to unique for names in one program. */
function hashed(text: string, before: number): number {
  let hash = before;
  for (let k = 0; k < text.length; k++) {
    const point = text.codePointAt(k) as number;
    if (point > 0xffff) k++;
    hash = Math.imul(hash ^ point, 0x01000193);
  }
  return hash;
}
