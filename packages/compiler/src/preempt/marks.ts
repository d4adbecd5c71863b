/**
 * What a program says of its functions by `annotate` (capriccio/thread), read from its text: the call itself does nothing. Found are imports of it under
 * any name, namespaces, `require`, and constants that stand for it; what is annotated is a function that is written there, or one that a name stands for.
 */
import { isFunction, type AnyNode } from '../parse.ts';
import { forEachChild } from '../nodes.ts';
import type { Binding, FunctionInfo, Scopes } from '../stacks/scopes.ts';

export interface Marks {
  /** Functions that may be preempted in every loop. */
  readonly preemptible: ReadonlySet<FunctionInfo>;
  /** So says the whole module: `annotate(import.meta, …)`, `annotate(module, …)`. */
  readonly isModulePreemptible: boolean;
  /** Bytes of native stack that a function of elsewhere takes with all that it calls. */
  readonly stackBounds: ReadonlyMap<Binding, number>;
  /** Functions that may block the core. */
  readonly blocking: ReadonlySet<Binding>;
}

const SOURCES = new Set(['capriccio/thread', '@capriccio/worker/thread']);
const NAME = 'annotate';

/** The functions that bindings stand for, and the values that constants were given. */
export interface Values {
  /** What a constant was given; undefined: it is none, or was given nothing that is written out. */
  initOf(binding: Binding): AnyNode | undefined;
  /** The property that a constant was taken from: `const { key: name } = from`. */
  takenFrom(binding: Binding): { readonly from: AnyNode; readonly key: string } | undefined;
  /** The function that a name always stands for. */
  functionOf(binding: Binding): FunctionInfo | undefined;
}

export function valuesOf(scopes: Scopes): Values {
  let found: ReturnType<typeof constantsOf> | undefined;                 // most files are never asked
  const constants = (): ReturnType<typeof constantsOf> => (found ??= constantsOf(scopes));
  const initOf = (binding: Binding): AnyNode | undefined => constants().inits.get(binding);
  return {
    initOf,
    takenFrom: (binding) => constants().taken.get(binding),
    functionOf(binding) {
      if (binding.kind === 'function' || binding.kind === 'self') return binding.writes === 0 && binding.functions.length === 1 ? binding.functions[0] : undefined;
      const init = binding.kind === 'const' ? initOf(binding) : undefined;
      return init !== undefined && isFunction(init) ? scopes.byNode.get(init) : undefined;
    },
  };
}

/** What constants are given, and what they are taken from. */
function constantsOf(scopes: Scopes): { inits: Map<Binding, AnyNode>; taken: Map<Binding, { from: AnyNode; key: string }> } {
  const inits = new Map<Binding, AnyNode>();
  const taken = new Map<Binding, { from: AnyNode; key: string }>();
  const constant = (id: AnyNode): Binding | undefined => {
    const binding = id.type === 'Identifier' ? scopes.references.get(id) : undefined;
    return binding?.kind === 'const' && binding.writes === 0 ? binding : undefined;
  };
  for (const node of scopes.order.nodes) {
    if (node.type !== 'VariableDeclarator' || node['init'] === null) continue;
    const id = node['id'] as AnyNode;
    const init = unwrap(node['init'] as AnyNode);
    const binding = constant(id);
    if (binding !== undefined) inits.set(binding, init);
    if (id.type !== 'ObjectPattern') continue;
    for (const property of id['properties'] as AnyNode[]) {
      const key = property.type === 'Property' ? keyOf(property) : undefined;
      const bound = key === undefined ? undefined : constant(property['value'] as AnyNode);
      if (bound !== undefined) taken.set(bound, { from: init, key: key as string });
    }
  }
  return { inits, taken };
}

/** @param code  what `program` was parsed from */
export function marksOf(program: AnyNode, code: string, scopes: Scopes, values: Values): Marks {
  const preemptible = new Set<FunctionInfo>();
  const stackBounds = new Map<Binding, number>();
  const blocking = new Set<Binding>();
  let isModulePreemptible = false;
  if (!/capriccio\/(?:worker\/)?thread/.test(code)) return { preemptible, isModulePreemptible, stackBounds, blocking };
  walk(program, (node) => {
    if (node.type !== 'CallExpression' || !isAnnotate(node['callee'] as AnyNode, scopes, values, 0)) return;
    const [target, notes] = node['arguments'] as AnyNode[];
    if (target === undefined || notes?.type !== 'ObjectExpression') return;
    const said = new Map((notes['properties'] as AnyNode[]).map((property) => [keyOf(property), (property['value'] as AnyNode | undefined)?.['value']]));
    const what = unwrap(target);
    const binding = what.type === 'Identifier' ? scopes.references.get(what) : undefined;
    const info = binding === undefined ? scopes.byNode.get(what) : values.functionOf(binding);
    if (said.get('preemptible') === true) {
      if (info !== undefined) preemptible.add(info);
      else if (isThisModule(what, binding)) isModulePreemptible = true;
    }
    const bytes = said.get('stackBound');
    if (binding !== undefined && typeof bytes === 'number') stackBounds.set(binding, bytes);
    if (binding !== undefined && said.get('blocking') === true) blocking.add(binding);
  });
  return { preemptible, isModulePreemptible, stackBounds, blocking };
}

const isThisModule = (node: AnyNode, binding: Binding | undefined): boolean =>
  (node.type === 'MetaProperty' && (node['meta'] as AnyNode)['name'] === 'import') || (node.type === 'Identifier' && node['name'] === 'module' && binding === undefined);

/** Constants that stand for constants: more are not followed. */
const ALIASES_MAX = 8;

function isAnnotate(node: AnyNode, scopes: Scopes, values: Values, depth: number): boolean {
  const callee = unwrap(node);
  if (depth > ALIASES_MAX) return false;
  if (callee.type === 'MemberExpression') return callee['computed'] !== true && (callee['property'] as AnyNode)['name'] === NAME && isSource(callee['object'] as AnyNode, scopes, values);
  const binding = callee.type === 'Identifier' ? scopes.references.get(callee) : undefined;
  if (binding === undefined) return false;
  if (binding.kind === 'import') return SOURCES.has(binding.from as string) && binding.imported === NAME;
  const init = values.initOf(binding);
  if (init !== undefined) return isAnnotate(init, scopes, values, depth + 1);
  const taken = values.takenFrom(binding);
  return taken?.key === NAME && isRequire(taken.from);
}

/** The whole of `capriccio/thread`. */
function isSource(node: AnyNode, scopes: Scopes, values: Values): boolean {
  const object = unwrap(node);
  if (object.type === 'CallExpression') return isRequire(object);
  const binding = object.type === 'Identifier' ? scopes.references.get(object) : undefined;
  if (binding?.kind === 'import') return SOURCES.has(binding.from as string) && binding.imported === '*';
  const init = binding === undefined ? undefined : values.initOf(binding);
  return init !== undefined && isRequire(init);
}

function isRequire(node: AnyNode): boolean {
  const [argument] = (node['arguments'] ?? []) as AnyNode[];
  return node.type === 'CallExpression' && (node['callee'] as AnyNode)['name'] === 'require' && SOURCES.has(argument?.['value'] as string);
}

const keyOf = (property: AnyNode): string | undefined => {
  const key = property['key'] as AnyNode | undefined;
  return key === undefined || property['computed'] === true ? undefined : String(key['name'] ?? key['value']);
};

export function unwrap(node: AnyNode): AnyNode { let at = node; while (at.type === 'ParenthesizedExpression') at = at['expression'] as AnyNode; return at; }

/** Every node, parents first. On a stack of its own. */
export function walk(root: AnyNode, visit: (node: AnyNode) => void): void {
  const pending = [root];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    visit(node);
    forEachChild(node, (inner) => { pending.push(inner); });
  }
}
