/** What the variables of a file are given, and who uses them: one walk over its tree. */
import type { AnyNode } from '../parse.ts';
import { forEachChild } from '../nodes.ts';
import type { Binding, Scopes } from '../stacks/scopes.ts';
import { unwrap } from './marks.ts';

/** Everything about the variables of a file that a proof asks for. */
export interface Uses {
  /** Expressions that are assigned; undefined among them: a value that is not written out. */
  readonly assigned: ReadonlyMap<Binding, readonly (AnyNode | undefined)[]>;
  /** Identifiers, with the node around each. */
  readonly sites: ReadonlyMap<Binding, readonly { readonly id: AnyNode; readonly up: AnyNode }[]>;
}

export function usesOf(scopes: Scopes): Uses {
  const assigned = new Map<Binding, (AnyNode | undefined)[]>();
  const sites = new Map<Binding, { id: AnyNode; up: AnyNode }[]>();
  const give = (target: AnyNode, value: AnyNode | undefined): void => {
    if (target.type === 'Identifier') { const binding = scopes.references.get(target); if (binding !== undefined) listOf(assigned, binding).push(value); return; }
    forEachChild(target, (inner) => { if (inner.type === 'Property' || inner.type.endsWith('Pattern') || inner.type === 'RestElement' || inner.type === 'Identifier') give(inner, undefined); });
  };
  const assign = (target: AnyNode, value: AnyNode | undefined): void => {
    const from = value === undefined ? undefined : unwrap(value);
    if (isExchange(target, from)) (target['elements'] as AnyNode[]).forEach((one, k) => give(one, ((from as AnyNode)['elements'] as AnyNode[])[k]));
    else give(unwrap(target), value);
  };
  let around: AnyNode;
  const see = (id: AnyNode): void => {
    const { binding } = id;
    if (binding !== undefined && id.type === 'Identifier' && !(around.type === 'Property' && around['key'] === id && around['value'] !== id)) listOf(sites, binding).push({ id, up: around });
  };
  for (const node of scopes.order.nodes) {
    switch (node.type) {
      case 'VariableDeclarator': {
        const { up } = node;
        const loop = (up as AnyNode).up as AnyNode;
        if (isOver(loop) && loop['left'] === up) assign(node['id'] as AnyNode, undefined); else if (node['init'] !== null) assign(node['id'] as AnyNode, node['init'] as AnyNode);
        break;
      }
      case 'AssignmentExpression': assign(node['left'] as AnyNode, node['operator'] === '=' ? node['right'] as AnyNode : node); break;
      case 'ForInStatement': case 'ForOfStatement': if ((node['left'] as AnyNode).type !== 'VariableDeclaration') assign(node['left'] as AnyNode, undefined); break;
      default:
    }
    around = node;
    forEachChild(node, see);
  }
  return { assigned, sites };
}

/** `for … in` and `for … of`. */
const isOver = ({ type }: AnyNode): boolean => type === 'ForInStatement' || type === 'ForOfStatement';

function listOf<K, T>(lists: Map<K, T[]>, key: K): T[] {
  let list = lists.get(key);
  if (list === undefined) lists.set(key, list = []);
  return list;
}

/** `[a, b] = [b, a]`: each name is given one value. */
export function isExchange(pattern: AnyNode, from: AnyNode | undefined): boolean {
  if (pattern.type !== 'ArrayPattern' || from?.type !== 'ArrayExpression') return false;
  const targets = pattern['elements'] as (AnyNode | null)[];
  const values = from['elements'] as (AnyNode | null)[];
  return targets.length === values.length && targets.every((one) => one?.type === 'Identifier') && values.every((one) => one !== null && one.type !== 'SpreadElement');
}

