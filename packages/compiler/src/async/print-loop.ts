/** Loops of compiled functions in which a thread may be preempted (preempt/loops.ts), and calls in them of functions that have twins. Every line stays in place. */
import { inlineText, listTexts, textsOf, type LoopNames, type LoopPlan, type Rule } from '../preempt/loops.ts';
import { Printer } from '../stacks/printer.ts';
import { lineEnds, range, skipBlanks, type Context } from './context.ts';
import { nameOf } from './names.ts';
import { slice, standing, standingFor, type Rope } from './rope.ts';
import type { TreeNode } from './tree.ts';

export function printLoop(context: Context, node: TreeNode, labels: string, fn: TreeNode, plan: LoopPlan): Rope {
  const names = namesFor(context, node, fn, plan.rule);
  const body = node['body'] as TreeNode;
  if (plan.form === 'inline') return [labels, range(context, node.start, body.start, node.kids.filter((kid) => kid !== body)), '{', inlineText(names), context.print(body), '}'];
  if (plan.form === 'of') return printForOf(context, node, labels, plan, names);
  if (node.type === 'DoWhileStatement') return printDo(context, node, labels, plan, names);
  const { open, condition, close } = textsOf(plan, false, names);
  const { head, end } = headOf(context, node);
  const test = node['test'] as TreeNode | null;
  const update = node['update'] as TreeNode | null | undefined;
  const tested: Rope = test === null ? [] : plan.form === 'bounded' ? [lineEnds(context, end, test.end)] : ['&&(', lineEnds(context, end, test.start), context.print(test), ')'];
  const at = test?.end ?? end;
  return ['{', head, open, labels, 'for(;', condition, tested, ';', update === null || update === undefined ? '' : [lineEnds(context, at, update.start), context.print(update)], ')', lineEnds(context, update?.end ?? at, body.start), context.print(body), close, '}'];
}

/** What a loop begins with, as a statement. @returns also the offset up to which it goes */
function headOf(context: Context, node: TreeNode): { head: Rope; end: number } {
  const init = node['init'] as TreeNode | null | undefined;
  if (init === null || init === undefined) return { head: [], end: node.start };
  const text = context.print(init);
  return { head: [lineEnds(context, node.start, init.start), init.type === 'VariableDeclaration' ? [text, ';'] : ['(', text, ');']], end: init.end };
}

function printDo(context: Context, node: TreeNode, labels: string, plan: LoopPlan, names: LoopNames): Rope {
  const { open, condition, close } = textsOf(plan, true, names);
  const body = node['body'] as TreeNode;
  const test = node['test'] as TreeNode;
  return [open, labels, 'do{', lineEnds(context, node.start, body.start), context.print(body), '}while((', lineEnds(context, body.end, test.start), context.print(test), ')', condition, ')', lineEnds(context, test.end, node.end), close];
}

function printForOf(context: Context, node: TreeNode, labels: string, plan: LoopPlan, names: LoopNames): Rope {
  const { open, condition, close } = textsOf(plan, false, names);
  const [left, right, body] = [node['left'], node['right'], node['body']] as [TreeNode, TreeNode, TreeNode];
  return [
    `{const ${names.iterator}=${names.strips}(`, lineEnds(context, node.start, left.start), lineEnds(context, left.end, right.start), context.print(right), ');', plan.isTwice === true ? printList(node, labels, names) : '', open, labels,
    'for(', context.print(left), ` of ${names.iterator}.values){`, lineEnds(context, right.end, body.start), context.print(body), condition, '}', close, '}',
  ];
}

/** The loop once more, for arrays, on one line. */
function printList(node: TreeNode, labels: string, names: LoopNames): Rope {
  const { open, condition, next, close } = listTexts(names);
  const [left, body] = [node['left'], node['body']] as [TreeNode, TreeNode];
  const printer = new Printer();
  if (left.type === 'VariableDeclaration') { printer.declaration(left, true); printer.put(`=${next};`); } else { printer.put('('); printer.expression(left); printer.put(`=${next});`); }
  printer.statement(body);
  return [open, labels, condition, standingFor(printer), close];
}

function namesFor(context: Context, node: TreeNode, fn: TreeNode, { isMarked, needs }: Rule): LoopNames {
  const turns = context.need(fn, 'k');
  const may = isMarked || needs.length === 0 ? 'true' : `${context.helper('primitives')}(${needs.join()})`;
  return {
    count: context.need(fn, 'c'), turns, done: context.fresh('n'), end: context.fresh('e'), iterator: context.fresh('i'),
    look: `${context.helper(isMarked ? 'lookAsWait' : 'look')}(${turns},${context.spot(node, nameOf(fn) ?? '', '')},${may})`,
    suspended: context.helper('SUSPENDED'), strips: context.helper('strips'),
  };
}

/** `f(x)` in such a place: f may have a twin. */
export function printPlainCall(context: Context, node: TreeNode, fn: TreeNode, { needs }: Rule): Rope {
  const callee = node['callee'] as TreeNode;
  const args = node['arguments'] as TreeNode[];
  const paren = skipBlanks(context.code, callee.end);
  const r = context.need(fn, 'r');
  const suspended = context.helper('SUSPENDED');
  const depth = needs.length === 0 ? '0' : `${context.helper('primitives')}(${needs.join()})?0:Infinity`;
  return [
    `((${r}=`, standing(`${context.helper('plain')}(${context.spot(node, nameOf(fn) ?? '', context.code.slice(callee.start, callee.end))},${depth},`, callee.start), context.print(callee),
    slice(callee.end, paren), args.length > 0 ? ',' : '', range(context, paren + 1, node.end - 1, args), `))===${suspended}?yield ${suspended}:${r})`,
  ];
}
