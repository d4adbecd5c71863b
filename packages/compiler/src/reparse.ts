/**
 * The tree of a text that a pass has put something into: only that is parsed, and what it stands in. A statement that was copied as it was keeps its
 * nodes, moved to where they are now, and the parser goes on behind it. It was parsed before, so what acorn checks beyond its grammar holds already.
 */
import { tokTypes, type Options } from 'acorn';
import { SourceNode, forEachChild, type AnyNode } from './nodes.ts';
import { SourceParser } from './parser.ts';
import type { Pass, Segment, Segments } from './segments.ts';
import type { ClosedBody } from './stacks/edits.ts';

/** What a pass has made, and which bodies in it are not to be looked into: they get no nodes but one that yields, where something does. */
export interface Made extends Pass { readonly closed?: readonly ClosedBody[] }

/** @param program  of the text before the pass: its nodes become those of the new tree @param made  what was made of it */
export function reparse(program: AnyNode, { code, segments, closed = [] }: Made, options: Options): AnyNode {
  return new Reparser(options, code, keptStatements(program, segments, code.length), new Map(closed.map((body) => [body.start, body]))).parse() as AnyNode;
}

class Reparser extends SourceParser {
  readonly #kept: ReadonlyMap<number, AnyNode>;
  readonly #closed: ReadonlyMap<number, ClosedBody>;
  #depth = 0;

  constructor(options: Options, code: string, kept: ReadonlyMap<number, AnyNode>, closed: ReadonlyMap<number, ClosedBody>) {
    super(options, code);
    this.#kept = kept;
    this.#closed = closed;
  }

  override nextToken(): void {
    this.#depth = this.context.length;                                   // the first token of a statement may have changed it
    super.nextToken();
  }

  override parseStatement(context: unknown, isTop?: boolean, exports?: unknown): AnyNode {
    const node = this.#kept.get(this.start);
    if (node === undefined) return super.parseStatement(context, isTop, exports);
    move(node, this.start - node.start);
    this.pos = this.end = node.end;
    this.context.length = this.#depth;
    this.type = tokTypes.semi;
    this.containsEsc = false;
    this.exprAllowed = true;
    this.next();
    return node;
  }

  override parseFunctionBody(node: AnyNode, isArrow: boolean, isMethod: boolean, forInit: unknown): void {
    const closed = this.#closed.get(this.start);
    if (closed === undefined) { super.parseFunctionBody(node, isArrow, isMethod, forInit); return; }
    const { start, end, hasYield } = closed;
    node['body'] = nodeAt('BlockStatement', start, end, { body: hasYield ? [nodeAt('ExpressionStatement', start + 1, end - 1, { expression: nodeAt('YieldExpression', start + 1, end - 1, { delegate: false, argument: null }) })] : [] });
    node['expression'] = false;
    this.pos = end - 1;                                                  // at its brace: as if nothing stood before it
    this.next();
    this.next();
    this.exitScope();
  }

  /** What it exports is declared in a statement that was not parsed again, perhaps. */
  override checkLocalExport(): void { /* it was found the first time */ }
}

const nodeAt = (type: string, start: number, end: number, fields: Record<string, unknown>): AnyNode => Object.assign(new SourceNode(start), { type, end, ...fields }) as unknown as AnyNode;

/** Statements that stand in the new text as they were, by where they begin there. The outermost, but not what stands where only one statement may be. */
function keptStatements(program: AnyNode, segments: Segments, length: number): Map<number, AnyNode> {
  const runs: { start: number; end: number; moved: number }[] = [];
  segments.forEach(({ at, original, isCopied }, k) => { if (isCopied) runs.push({ start: original, end: original + ((segments[k + 1] as Segment | undefined)?.at ?? length) - at, moved: at - original }); });
  const kept = new Map<number, AnyNode>();
  const keep = (statement: AnyNode): boolean => {
    let low = 0;
    for (let high = runs.length; high - low > 1;) { const middle = (low + high) >>> 1; if ((runs[middle] as { start: number }).start <= statement.start) low = middle; else high = middle; }
    const run = runs[low];
    if (run === undefined || statement.start < run.start || statement.end > run.end) return false;
    if (statement.end === run.end && statement['directive'] !== undefined) return false;   // what follows may begin with its semicolon
    kept.set(statement.start + run.moved, statement);
    return true;
  };
  const pending: AnyNode[] = [program];
  let isList = false;
  const push = (child: AnyNode): void => { if (!isList || !keep(child)) pending.push(child); };
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    isList = node.type === 'Program' || node.type === 'BlockStatement' || node.type === 'StaticBlock';
    forEachChild(node, push);
  }
  return kept;
}

function move(root: AnyNode, by: number): void {
  const pending: AnyNode[] = [root];
  let last: AnyNode | undefined;
  const push = (child: AnyNode): void => { if (child !== last) pending.push(child); last = child; };   // `export { name }`: one node, twice
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    node.start += by;
    node.end += by;
    forEachChild(node, push);
  }
}
