/** Blocks: the twins' names are given to their functions at the beginning of the block that hoists them, and compiled bodies declare their registers. */
import { range, type Context } from './context.ts';
import { keyName } from './names.ts';
import { slice, type Rope } from './rope.ts';
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
  const body = range(context, at, block.end, statements.filter(({ start }) => start >= at));
  const text = lead();
  return [slice(block.start, at), text !== '' && at !== first && code[at - 1] !== ';' ? ';' : '', text, body];
}

/** A class whose methods have twins in their places: its first static block wraps them. */
export function printClassBody(context: Context, body: TreeNode): Rope {
  const names = (isStatic: boolean): string => (body['body'] as TreeNode[])
    .filter((member) => member.type === 'MethodDefinition' && member['static'] === isStatic && context.plan.forms.get(member['value'] as TreeNode) === 'method')
    .map((member) => JSON.stringify(keyName(member['key'] as TreeNode))).join();
  const [own, statics] = [names(false), names(true)];
  const printed = range(context, body.start + 1, body.end, body.kids);
  if (own === '' && statics === '') return [slice(body.start, body.start + 1), printed];
  const wrapMethods = context.helper('wrapMethods');
  return [
    slice(body.start, body.start + 1),
    `static{${own === '' ? '' : `${wrapMethods}(this.prototype,${own});`}${statics === '' ? '' : `${wrapMethods}(this,${statics});`}}`, printed,
  ];
}
