/** Blocks: the twins' names are given to their functions at the beginning of the block that hoists them, and compiled bodies declare their registers. */
import { range, type Context } from './context.ts';
import { classNameOf } from './head.ts';
import { keyName, nameOf } from './names.ts';
import { slice, standing, type Rope } from './rope.ts';
import { scopeOf } from './plan.ts';
import type { TreeNode } from './tree.ts';

/** Statements that brand the declarations of each block, by block. */
export function brandsOf(context: Context): Map<TreeNode, string> {
  const brands = new Map<TreeNode, string>();
  for (const [fn, form] of context.plan.forms) {
    const scope = scopeOf(fn);
    if (form !== 'declaration' || scope.type === 'SwitchStatement') continue;   // a switch has no place for it: such a function goes unbranded
    brands.set(scope, `${brands.get(scope) ?? ''}${context.helper('brand')}(${context.nameOf(fn)},${context.twinOf(fn)}${fn['id'] === null ? ',"default"' : ''});`);
  }
  return brands;
}

/** @param lead  text for the beginning, after directives; made after the body, which decides what is needed */
export function printBlock(context: Context, block: TreeNode, lead: () => string): Rope {
  const { code } = context;
  const statements = block['body'] as TreeNode[];
  const first = block.type === 'StaticBlock' ? code.indexOf('{', block.start) + 1 : block.start + 1;
  let at = first;
  for (const statement of statements) {
    if (statement['directive'] === undefined) break;
    at = statement.end;
  }
  const head = context.plan.heads.get(block.up as TreeNode);
  if (typeof head === 'number' && (block.up as TreeNode)['body'] === block) return printWithHead(context, block, head, lead);
  const body = range(context, at, block.end, statements.filter(({ start }) => start >= at));
  const text = lead();
  return [slice(block.start, at), text !== '' && at !== first && code[at - 1] !== ';' ? ';' : '', text, body];
}

/** The body of a function whose first statements run without a frame: what follows is a generator beside it, with the same parameters. */
function printWithHead(context: Context, block: TreeNode, guards: number, lead: () => string): Rope {
  const fn = block.up as TreeNode;
  const statements = block['body'] as TreeNode[];
  const at = (statements[guards - 1] as TreeNode).end;
  const params = (fn['params'] as TreeNode[]).map((param) => param['name'] as string);
  const isMethod = context.plan.forms.get(fn) === 'method';
  const rest = isMethod ? `#${context.fresh(`$$${nameOf(fn) ?? ''}`)}` : context.fresh(nameOf(fn) ?? '');
  const called = `${isMethod ? `${classNameOf(fn) as string}.` : ''}${rest}.call(${['this', ...params].join()})`;
  const before = range(context, block.start, at, statements.slice(0, guards));
  const after = range(context, at, block.end, statements.slice(guards));
  return [before, standing(`;return ${context.helper('began')}(${called})}${isMethod ? ' static *' : ' function*'}${rest}(${params.join()}){`, fn.start), lead(), after];
}

/** A class whose methods have twins: its first static block wraps those that stand in their places, and takes those off that stand beside. */
export function printClassBody(context: Context, body: TreeNode): Rope {
  const { doubled, forms } = context.plan;
  const printed = range(context, body.start + 1, body.end, body.kids);  // decides what is doubled
  const methods = (body['body'] as TreeNode[]).filter((member) => member.type === 'MethodDefinition' && forms.get(member['value'] as TreeNode) === 'method');
  const nameIn = (member: TreeNode): string => JSON.stringify(keyName(member['key'] as TreeNode));
  const wrapped = (isStatic: boolean): string => {
    const names = methods.filter((member) => member['static'] === isStatic && !doubled.has(member['value'] as TreeNode)).map(nameIn);
    return names.length === 0 ? '' : `${context.helper('wrapMethods')}(this${isStatic ? '' : '.prototype'},${names.join()});`;
  };
  const pairs = methods.filter((member) => doubled.has(member['value'] as TreeNode)).map((member) => `${nameIn(member)},"${context.twinOf(member['value'] as TreeNode)}"`);
  const text = `${wrapped(false)}${pairs.length === 0 ? '' : `${context.helper('brandMethods')}(this.prototype,${pairs.join()});`}${wrapped(true)}`;
  return [slice(body.start, body.start + 1), text === '' ? '' : `static{${text}}`, printed];
}
