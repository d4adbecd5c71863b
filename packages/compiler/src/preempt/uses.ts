/** What the variables of a file are given, and who uses them: one walk over its tree. */
import { isFunction, type AnyNode } from '../parse.ts';
import { forEachChild } from '../stacks/children.ts';
import type { Binding, FunctionInfo, Scopes } from '../stacks/scopes.ts';
import { unwrap } from './marks.ts';

/** Everything about the variables of a file that a proof asks for. */
export interface Uses {
  /** Expressions that are assigned; undefined among them: a value that is not written out. */
  readonly assigned: ReadonlyMap<Binding, readonly (AnyNode | undefined)[]>;
  /** Used by a function other than its own. */
  readonly captured: ReadonlySet<Binding>;
  /** Identifiers, with the node around each. */
  readonly sites: ReadonlyMap<Binding, readonly { readonly id: AnyNode; readonly up: AnyNode }[]>;
}

export function usesOf(program: AnyNode, scopes: Scopes, parents: ReadonlyMap<AnyNode, AnyNode>): Uses {
  const assigned = new Map<Binding, (AnyNode | undefined)[]>();
  const captured = new Set<Binding>();
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
  const pending: { node: AnyNode; within: FunctionInfo | undefined }[] = [{ node: program, within: undefined }];
  for (let entry = pending.pop(); entry !== undefined; entry = pending.pop()) {
    const { node } = entry;
    const within = isFunction(node) ? scopes.byNode.get(node) : entry.within;
    const up = parents.get(node);
    if (node.type === 'VariableDeclarator') {
      const loop = parents.get(up as AnyNode);
      const isHead = /^For(?:In|Of)Statement$/.test(loop?.type ?? '') && (loop as AnyNode)['left'] === up;
      if (isHead) assign(node['id'] as AnyNode, undefined); else if (node['init'] !== null) assign(node['id'] as AnyNode, node['init'] as AnyNode);
    } else if (node.type === 'AssignmentExpression') assign(node['left'] as AnyNode, node['operator'] === '=' ? node['right'] as AnyNode : node);
    else if (/^For(?:In|Of)Statement$/.test(node.type) && (node['left'] as AnyNode).type !== 'VariableDeclaration') assign(node['left'] as AnyNode, undefined);
    const binding = node.type === 'Identifier' ? scopes.references.get(node) : undefined;
    if (binding !== undefined && up !== undefined && !(up.type === 'Property' && up['key'] === node && up['value'] !== node)) {
      if (binding.owner !== within && !(isFunction(up) && up['id'] === node)) captured.add(binding);
      listOf(sites, binding).push({ id: node, up });
    }
    forEachChild(node, (inner) => { pending.push({ node: inner, within }); });
  }
  return { assigned, captured, sites };
}

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

