/** What every rule of the printer works with. The rules are in files of their own, and come back to the printer only through here. */
import type { AnyNode } from '../parse.ts';
import type { Preemption } from '../preempt/preemption.ts';
import { slice, type Rope } from './rope.ts';
import type { Plan } from './plan.ts';
import type { Tree, TreeNode } from './tree.ts';

/** Names that a compiled function declares at its beginning: a result, the object of a method call, turns of loops, and after how many to look at the clock. */
export type Register = 'r' | 'o' | 'c' | 'k';

export interface Context {
  readonly code: string;
  readonly tree: Tree;
  readonly plan: Plan;
  /** Occurs nowhere in the code. */
  readonly prefix: string;
  /** A node as it is in the generated text. */
  readonly print: (node: TreeNode) => Rope;
  /** A helper of the runtime, by the name that it gets in this file. */
  readonly helper: (name: string) => string;
  /** The text for the index of a blocking point. @param callee  what is called there, '' for nothing */
  readonly point: (node: AnyNode, callee: string) => string;
  /** The same for a place that is no blocking point. */
  readonly spot: (node: AnyNode, functionName: string, callee: string) => string;
  readonly preemption: Preemption;
  /** The compiled function around a node that is its own, undefined in any other. */
  readonly compiledOwner: (node: TreeNode) => TreeNode | undefined;
  /** The function needs a register. */
  readonly need: (fn: TreeNode, register: Register) => string;
  /** What is put at the beginning of a compiled function's body. Asked after the body has been printed. */
  readonly prologue: (fn: TreeNode) => string;
  /** The name of a declaration: a default export may have none of its own. */
  readonly nameOf: (declaration: TreeNode) => string;
  /** The name of a function's twin. */
  readonly twinOf: (fn: TreeNode) => string;
  /** A name that nothing else has. */
  readonly fresh: (hint: string) => string;
}

/** Source from `start` to `end`, with these nodes of it printed. */
export function range(context: Context, start: number, end: number, nodes: readonly TreeNode[]): Rope {
  const ropes: Rope[] = [];
  let at = start;
  for (const node of nodes) {
    if (node.start < at || node.isHot !== true) continue;
    ropes.push(slice(at, node.start), context.print(node));
    at = node.end;
  }
  ropes.push(slice(at, end));
  return ropes;
}

/** The line ends of a stretch of source that is dropped: what follows keeps its line. */
export const lineEnds = ({ code }: Context, start: number, end: number): string => code.slice(start, end).replace(/[^\n]/g, '');

/** The next offset that is neither white space nor comment. */
export function skipBlanks(code: string, from: number): number {
  const blanks = /(?:\s+|\/\/[^\n\r\u2028\u2029]*|\/\*[^]*?\*\/)*/y;
  blanks.lastIndex = from;
  blanks.test(code);
  return blanks.lastIndex;
}

/** `this`, `arguments` and `new.target` in an arrow function that is compiled are those that its wrapper has captured. */
export function capturedIn({ plan }: Context, node: TreeNode): TreeNode | undefined {
  for (let fn = node.owner; fn?.type === 'ArrowFunctionExpression'; fn = fn.owner) if (plan.forms.has(fn)) return fn;
  return undefined;
}
