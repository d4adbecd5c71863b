/** Names and lengths of functions, as the language gives them. */
import type { TreeNode } from './tree.ts';

/** The node itself, or the parentheses around it. */
export function outermost(node: TreeNode): TreeNode {
  let at = node;
  while (at.up?.type === 'ParenthesizedExpression') at = at.up;
  return at;
}

/** The text of a property's key that is not computed. */
export function keyName(key: TreeNode): string {
  if (key.type === 'Identifier') return key['name'] as string;
  return key.type === 'PrivateIdentifier' ? `#${key['name'] as string}` : String(key['value']);
}

const NAMING = new Set(['=', '&&=', '||=', '??=']);

/** What a function's `name` will be; undefined where a computed key decides. */
export function nameOf(fn: TreeNode): string | undefined {
  const id = fn['id'] as TreeNode | null | undefined;
  if (id !== null && id !== undefined) return id['name'] as string;
  const node = outermost(fn);
  const up = node.up as TreeNode;
  const nameOfTarget = (target: unknown): string => ((target as TreeNode).type === 'Identifier' ? (target as TreeNode)['name'] as string : '');
  switch (up.type) {
    case 'VariableDeclarator': return nameOfTarget(up['id']);
    case 'AssignmentExpression': return up['right'] === node && NAMING.has(up['operator'] as string) ? nameOfTarget(up['left']) : '';
    case 'AssignmentPattern': return up['right'] === node ? nameOfTarget(up['left']) : '';
    case 'Property': case 'PropertyDefinition': case 'MethodDefinition':
      if (up['value'] !== node) return '';
      return up['computed'] === true ? undefined : keyName(up['key'] as TreeNode);
    case 'ExportDefaultDeclaration': return 'default';
    default: return '';
  }
}

/** What a function's `length` will be. */
export function lengthOf(fn: TreeNode): number {
  const params = fn['params'] as TreeNode[];
  const end = params.findIndex(({ type }) => type === 'AssignmentPattern' || type === 'RestElement');
  return end < 0 ? params.length : end;
}

/** Its parameters are names and nothing else, so its arguments can be passed on one by one. */
export const hasPlainParameters = (fn: TreeNode): boolean => (fn['params'] as TreeNode[]).every(({ type }) => type === 'Identifier');

/** An identifier that stands for a variable, not for a property. */
export function isReference(node: TreeNode): boolean {
  const up = node.up as TreeNode;
  return up['computed'] === true || (up['property'] !== node && (up['key'] !== node || up['shorthand'] === true));
}
