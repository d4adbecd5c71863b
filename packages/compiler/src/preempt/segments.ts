/**
 * What else runs in the synchronous segment of a statement: between the last point before it at which the function waits for certain, and the next.
 * A loop that touches nothing may be preempted where nothing after it in its segment touches anything either: others run then as if the segment had
 * ended earlier. Or where nothing before it does, from an `await` on: as if the thread had gone on later (Lipton, Reduction: a method of proving
 * properties of parallel programs, CACM 18(12), 1975: what touches nothing moves both ways). The beginning of the function is not the beginning of a
 * segment, since a caller's code stands before it; its end is the end of one, for whoever awaits it waits.
 *
 * Jumps are not followed: of a loop, `try`, `switch` or label around the statement, all is taken to run before and after it.
 */
import type { AnyNode } from '../parse.ts';
import { LOOPS } from './loops.ts';
import { unwrap } from './marks.ts';

export interface Surroundings {
  /** Statements and expressions that may run before it, and after it. */
  readonly before: readonly AnyNode[];
  readonly after: readonly AnyNode[];
  /** What is before it begins with an `await`. */
  readonly beginsWithAwait: boolean;
}

const JUMPS = new Set([...LOOPS, 'TryStatement', 'SwitchStatement', 'LabeledStatement']);

/** @param isOwn  whether a name is a variable of the function that no closure shares */
export function surroundingsOf(statement: AnyNode, body: AnyNode, isOwn: (id: AnyNode) => boolean): Surroundings {
  const before: AnyNode[] = [];
  const after: AnyNode[] = [];
  let isOpenBefore = true;
  let isOpenAfter = true;
  for (let child = statement; child !== body;) {
    const parent = child.up as AnyNode;
    if (parent.type === 'BlockStatement') {
      const list = parent['body'] as AnyNode[];
      const at = list.indexOf(child);
      for (let k = at - 1; k >= 0 && isOpenBefore; k--) {
        const one = list[k] as AnyNode;
        if (endsInAwait(one, isOwn)) isOpenBefore = false; else before.push(one);
      }
      for (let k = at + 1; k < list.length && isOpenAfter; k++) {
        const one = list[k] as AnyNode;
        const argument = firstAwaited(one);
        if (argument === undefined) { after.push(one); if (one.type === 'ReturnStatement') isOpenAfter = false; } else { after.push(argument); isOpenAfter = false; }
      }
    } else if (parent.type === 'IfStatement') {
      if (isOpenBefore) before.push(parent['test'] as AnyNode);
    } else if (JUMPS.has(parent.type) || parent.type === 'SwitchCase' || parent.type === 'CatchClause') {
      if (JUMPS.has(parent.type)) { before.push(parent); after.push(parent); isOpenBefore = isOpenAfter = true; }
    } else { before.push(parent); after.push(parent); isOpenBefore = isOpenAfter = true; }
    child = parent;
  }
  return { before, after, beginsWithAwait: !isOpenBefore };
}

/** `await e;`, `const x = await e;`, `x = await e;`: nothing more that others could see happens in the statement. */
function endsInAwait(statement: AnyNode, isOwn: (id: AnyNode) => boolean): boolean {
  if (statement.type === 'VariableDeclaration') {
    const last = (statement['declarations'] as AnyNode[]).at(-1) as AnyNode;
    return last['init'] !== null && unwrap(last['init'] as AnyNode).type === 'AwaitExpression' && isOwn(last['id'] as AnyNode);
  }
  if (statement.type !== 'ExpressionStatement') return false;
  const expression = unwrap(statement['expression'] as AnyNode);
  if (expression.type === 'AwaitExpression') return true;
  return expression.type === 'AssignmentExpression' && expression['operator'] === '=' && unwrap(expression['right'] as AnyNode).type === 'AwaitExpression' && isOwn(expression['left'] as AnyNode);
}

/** What a statement awaits before it does anything else. */
function firstAwaited(statement: AnyNode): AnyNode | undefined {
  const expression = statement.type === 'VariableDeclaration' ? ((statement['declarations'] as AnyNode[])[0] as AnyNode)['init'] : statement['expression'] ?? (statement.type === 'ReturnStatement' ? statement['argument'] : undefined);
  if (expression === null || expression === undefined) return undefined;
  let node = unwrap(expression as AnyNode);
  if (node.type === 'AssignmentExpression' && node['operator'] === '=' && (node['left'] as AnyNode).type === 'Identifier') node = unwrap(node['right'] as AnyNode);
  return node.type === 'AwaitExpression' ? node['argument'] as AnyNode : undefined;
}
