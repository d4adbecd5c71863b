/**
 * Which variables and expressions are primitive for certain, and which objects nobody else has. Types do not depend on the order of statements: the
 * greatest solution over all that is assigned. Parameters are taken to be primitive: whoever relies on that has to see to it (checker.ts).
 */
import type { AnyNode } from '../parse.ts';
import type { Binding, FunctionInfo, Scopes } from '../stacks/scopes.ts';
import { unwrap, type Values } from './marks.ts';
import { FRESH_METHODS, PURE_GLOBALS, PURE_METHODS, isConstant, isFreshExpression, isPureFunction } from './pure-builtins.ts';
import type { Uses } from './uses.ts';

/** What is known of a function, whoever calls it. */
export interface Summary {
  /** Why it is not proved; undefined: it touches nothing. */
  readonly reason: string | undefined;
  /** Parameters that must be primitive, by place. */
  readonly needs: ReadonlySet<number>;
  /** What it returns is primitive. */
  readonly isPrimitive: boolean;
}

export class Types {
  readonly scopes: Scopes;
  readonly #values: Values;
  readonly #uses: Uses;
  readonly #summaryOf: (info: FunctionInfo) => Summary;
  readonly #types = new Map<FunctionInfo, Map<Binding, boolean>>();

  /** @param summaryOf  what is known, or assumed, of a function */
  constructor(scopes: Scopes, values: Values, uses: Uses, summaryOf: (info: FunctionInfo) => Summary) {
    this.scopes = scopes;
    this.#values = values;
    this.#uses = uses;
    this.#summaryOf = summaryOf;
  }

  summaryOf(info: FunctionInfo): Summary { return this.#summaryOf(info); }
  /** What was assumed of functions has changed. */
  forget(): void { this.#types.clear(); }

  assignedTo(binding: Binding): readonly (AnyNode | undefined)[] { return this.#uses.assigned.get(binding) ?? []; }
  calleeOf(node: AnyNode): FunctionInfo | undefined {
    const callee = unwrap(node);
    const binding = callee.type === 'Identifier' ? this.scopes.references.get(callee) : undefined;
    return binding === undefined ? undefined : this.#values.functionOf(binding);
  }

  /** Whether all that a function's variable is given is primitive, taking for granted that parameters are. */
  isPrimitive(binding: Binding, info: FunctionInfo): boolean {
    let types = this.#types.get(info);
    if (types === undefined) this.#types.set(info, types = this.#solve(info));
    return types.get(binding) === true;
  }

  #solve(info: FunctionInfo): Map<Binding, boolean> {
    const types = new Map<Binding, boolean>();
    for (const [binding] of this.#uses.sites) if (binding.owner === info) types.set(binding, binding.kind === 'let' || binding.kind === 'const' || binding.kind === 'var' || binding.kind === 'param');
    this.#types.set(info, types);
    for (let hasChanged = true; hasChanged;) {
      hasChanged = false;
      for (const [binding, isSo] of types) {
        if (!isSo || this.assignedTo(binding).every((value) => value !== undefined && this.gives(value, info))) continue;
        types.set(binding, false);
        hasChanged = true;
      }
    }
    return types;
  }

  /** Whether an expression of a function gives a primitive value for certain, or throws. */
  gives(expression: AnyNode, info: FunctionInfo): boolean {
    const node = unwrap(expression);
    switch (node.type) {
      case 'Literal': return node['regex'] === undefined;
      case 'TemplateLiteral': case 'UnaryExpression': case 'UpdateExpression': case 'BinaryExpression': return true;
      case 'AssignmentExpression': return /^(?:=|&&=|\|\|=|\?\?=)$/.test(String(node['operator'])) ? this.gives(node['right'] as AnyNode, info) && (node['operator'] === '=' || this.gives(node['left'] as AnyNode, info)) : true;
      case 'ConditionalExpression': return this.gives(node['consequent'] as AnyNode, info) && this.gives(node['alternate'] as AnyNode, info);
      case 'LogicalExpression': return this.gives(node['left'] as AnyNode, info) && this.gives(node['right'] as AnyNode, info);
      case 'SequenceExpression': return this.gives((node['expressions'] as AnyNode[]).at(-1) as AnyNode, info);
      case 'Identifier': return this.#givesName(node, info);
      case 'MemberExpression': return this.#givesMember(node, info);
      case 'CallExpression': return this.#givesCall(node, info);
      default: return false;
    }
  }

  #givesName(node: AnyNode, info: FunctionInfo): boolean {
    const binding = this.scopes.references.get(node);
    if (binding === undefined) return /^(?:undefined|NaN|Infinity)$/.test(node['name'] as string);
    if (binding.owner === info) return this.isPrimitive(binding, info);
    const init = this.#values.initOf(binding);
    return init !== undefined && isPlainLiteral(init);
  }

  #givesMember(node: AnyNode, info: FunctionInfo): boolean {
    const object = unwrap(node['object'] as AnyNode);
    if (object.type !== 'Identifier') return false;
    const binding = this.scopes.references.get(object);
    if (binding === undefined) return isConstant(node, this.scopes);
    if (!this.isFresh(binding, info)) return false;
    return (node['computed'] !== true && (node['property'] as AnyNode)['name'] === 'length') || this.holdsPrimitives(binding, info);
  }

  #givesCall(node: AnyNode, info: FunctionInfo): boolean {
    const callee = unwrap(node['callee'] as AnyNode);
    const called = this.calleeOf(callee);
    if (called !== undefined) { const summary = this.summaryOf(called); return summary.reason === undefined && summary.isPrimitive; }
    if (callee.type === 'Identifier') return !this.scopes.references.has(callee) && PURE_GLOBALS.has(callee['name'] as string);
    if (callee.type !== 'MemberExpression' || callee['computed'] === true) return false;
    const object = unwrap(callee['object'] as AnyNode);
    const name = (callee['property'] as AnyNode)['name'] as string;
    const binding = object.type === 'Identifier' ? this.scopes.references.get(object) : undefined;
    if (object.type === 'Identifier' && binding === undefined) return isPureFunction(object['name'] as string, name);
    if (binding !== undefined && this.isFresh(binding, info)) { const gives = FRESH_METHODS.get(name); return gives === 'primitive' || (gives === 'element' && this.holdsPrimitives(binding, info)); }
    return PURE_METHODS.has(name) && this.gives(object, info);
  }

  /** An array, map, set or object that was made here, is in no other place, and will be in none before the function has returned it. */
  isFresh(binding: Binding, info: FunctionInfo): boolean {
    if (binding.owner !== info || binding.writes > 0 || !/^(?:const|let)$/.test(binding.kind) || binding.isCaptured) return false;
    const [made, ...more] = this.assignedTo(binding);
    if (made === undefined || more.length > 0 || !isFreshExpression(made, this.scopes)) return false;
    return (this.#uses.sites.get(binding) ?? []).every((site) => this.#staysHere(site));
  }

  #staysHere({ id, up }: { id: AnyNode; up: AnyNode }): boolean {
    switch (up.type) {
      case 'VariableDeclarator': return up['id'] === id;
      case 'MemberExpression': {
        if (up['object'] !== id || up['optional'] === true) return false;
        const outer = up.up as AnyNode;
        const isCalled = outer.type === 'CallExpression' && outer['callee'] === up;
        return !isCalled || (up['computed'] !== true && FRESH_METHODS.has((up['property'] as AnyNode)['name'] as string));
      }
      case 'ForOfStatement': return up['right'] === id && up['await'] !== true;
      case 'ReturnStatement': return true;
      default: return false;
    }
  }

  /** All that is put into a fresh object is primitive. */
  holdsPrimitives(binding: Binding, info: FunctionInfo): boolean {
    const [made] = this.assignedTo(binding) as [AnyNode];
    if (!elementsOf(unwrap(made)).every((element) => this.gives(element, info))) return false;
    return (this.#uses.sites.get(binding) ?? []).every(({ up }) => {
      if (up.type !== 'MemberExpression') return true;
      const outer = up.up as AnyNode;
      if (outer.type === 'AssignmentExpression' && outer['left'] === up) return this.gives(outer, info);
      return outer.type !== 'CallExpression' || outer['callee'] !== up || (outer['arguments'] as AnyNode[]).every((argument) => this.gives(argument, info));
    });
  }
}

/** What is in an object from its beginning. */
export function elementsOf(made: AnyNode): AnyNode[] {
  if (made.type === 'ArrayExpression') return made['elements'] as AnyNode[];
  return made.type === 'ObjectExpression' ? (made['properties'] as AnyNode[]).map((property) => property['value'] as AnyNode) : [];
}

function isPlainLiteral(node: AnyNode): boolean {
  if (node.type === 'UnaryExpression') return isPlainLiteral(unwrap(node['argument'] as AnyNode)) && node['operator'] !== 'delete';
  if (node.type === 'BinaryExpression') return isPlainLiteral(unwrap(node['left'] as AnyNode)) && isPlainLiteral(unwrap(node['right'] as AnyNode));
  return node.type === 'Literal' && node['regex'] === undefined;
}
