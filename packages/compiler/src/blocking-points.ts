/**
 * Blocking points: where the functions of a source may give up the processor. Each gets a number that is the same in every run and every thread:
 * the nodes of the blocking graph are named by them. The source is not changed.
 *
 *   await, for await, yield, yield*, await using
 */
import { isFunction, isNode, parseSource, type AnyNode, type SourceOptions } from './parse.ts';
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

interface Scope { readonly name: string; readonly className: string | undefined; readonly counter: { points: number } }

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
export function pointsOf(program: AnyNode, file: string, place: (node: AnyNode) => Position): PointOfNode[] {
  const points: PointOfNode[] = [];
  const counts = new Map<string, number>();
  const places = new Map<Scope['counter'], number>();                    // among the functions of its name
  walk(program, { name: '<top level>', className: undefined, counter: { points: 0 } }, (form, node, scope) => {
    let which = places.get(scope.counter);
    if (which === undefined) {
      which = counts.get(scope.name) ?? 0;
      counts.set(scope.name, which + 1);
      places.set(scope.counter, which);
    }
    points.push({ node, point: { number: numberOf(file, which === 0 ? scope.name : `${scope.name}#${which}`, scope.counter.points++), form, functionName: scope.name, ...place(node) } });
  });
  return points.toSorted((a, b) => a.node.start - b.node.start);
}

/** Depth first, on a stack of its own, in three columns: sources nest deeper than JavaScript's stack is long, and have many nodes. */
function walk(root: AnyNode, top: Scope, found: (form: BlockingForm, node: AnyNode, scope: Scope) => void): void {
  const nodes: AnyNode[] = [root];
  const scopes: Scope[] = [top];
  const names: (string | undefined)[] = [undefined];
  for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
    const name = names.pop();
    const scope = scopeOf(node, scopes.pop() as Scope, name);
    const form = formOf(node);
    if (form !== undefined) found(form, node, scope);
    const first = nodes.length;
    for (const key in node) {
      const value = node[key];
      if (typeof value !== 'object' || value === null) continue;
      if (Array.isArray(value)) {
        for (const child of value as unknown[]) if (isNode(child)) { nodes.push(child); names.push(nameFor(node, key, name)); scopes.push(scope); }
      } else if (isNode(value)) { nodes.push(value); names.push(nameFor(node, key, name)); scopes.push(scope); }
    }
    for (let low = first, high = nodes.length - 1; low < high; low++, high--) {   // the first child is looked at first
      [nodes[low], nodes[high]] = [nodes[high] as AnyNode, nodes[low] as AnyNode];
      [names[low], names[high]] = [names[high], names[low]];
    }
  }
}

function scopeOf(node: AnyNode, outer: Scope, name: string | undefined): Scope {
  if (node.type === 'ClassDeclaration' || node.type === 'ClassExpression') return { ...outer, className: nameOfId(node) ?? name ?? '<class>' };
  if (!isFunction(node)) return outer;
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
