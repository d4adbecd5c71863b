/**
 * Names of a program: every identifier that stands for a variable is led to its binding, and every function is found with what it uses of its
 * surroundings. The call graph (flow.ts) and the twins (twin-printer.ts) are built on it.
 */
import type { Program } from 'acorn';
import { isFunction, isNode, type AnyNode } from '../parse.ts';
import { forEachChild } from './children.ts';

export interface Binding {
  readonly name: string;
  readonly kind: 'var' | 'let' | 'const' | 'function' | 'class' | 'param' | 'import' | 'catch' | 'self';
  /** Of the function in whose body it is declared; undefined at the top level. */
  readonly owner: FunctionInfo | undefined;
  /** Assignments, beside the declaration's own. */
  writes: number;
  /** Function declarations that give it its value. */
  readonly functions: FunctionInfo[];
  /** 'import': the specifier of the module. */
  readonly from?: string;
  /** 'import': the exported name, '*' for the namespace. */
  readonly imported?: string;
}

export interface FunctionInfo {
  readonly index: number;
  readonly node: AnyNode;
  /** `Class.method` for methods. */
  readonly name: string;
  readonly form: 'declaration' | 'expression' | 'arrow' | 'method' | 'getter' | 'setter' | 'constructor';
  /** The MethodDefinition or Property of a method. */
  readonly holder: AnyNode | undefined;
  /** The class of a method. */
  readonly classNode: AnyNode | undefined;
  readonly parent: FunctionInfo | undefined;
  readonly isStrict: boolean;
  readonly isDerived: boolean;
  usesThis: boolean;
  usesArguments: boolean;
  usesSuper: boolean;
  /** `super(…)`. */
  callsSuper: boolean;
  usesNewTarget: boolean;
  /** `arguments.callee`. */
  usesCallee: boolean;
  /** Direct eval, or a `with` around or inside. */
  usesDynamicScope: boolean;
  /** A function declaration that is the body of an `if` or a label: nothing may stand beside it. */
  isBare: boolean;
  /** Names that its body declares, parameters apart. */
  readonly bodyNames: Set<string>;
}

export interface Scopes {
  readonly functions: readonly FunctionInfo[];
  readonly byNode: ReadonlyMap<AnyNode, FunctionInfo>;
  /** Identifier → binding; without an entry: a global. */
  readonly references: ReadonlyMap<AnyNode, Binding>;
  /** The function around a node that calls; undefined: the top level. Kept for calls, members and templates. */
  readonly within: ReadonlyMap<AnyNode, FunctionInfo | undefined>;
  /** All names that occur, so that new ones can be chosen. */
  readonly names: ReadonlySet<string>;
}

interface Scope { readonly outer: Scope | undefined; readonly bindings: Map<string, Binding>; readonly owner: FunctionInfo | undefined; readonly isFunctionScope: boolean }
interface Place { readonly scope: Scope; readonly owner: FunctionInfo | undefined; readonly strict: boolean; readonly className: string | undefined; readonly classNode: AnyNode | undefined; readonly isDerived: boolean; readonly inWith: boolean }

const list = (value: unknown): AnyNode[] => (value as (AnyNode | null)[] | undefined ?? []).filter((item): item is AnyNode => item !== null);
const child = (node: AnyNode, key: string): AnyNode | undefined => { const value = node[key]; return isNode(value) ? value : undefined; };

/** Names that a pattern binds. */
export function namesOfPattern(pattern: AnyNode): AnyNode[] {
  switch (pattern.type) {
    case 'Identifier': return [pattern];
    case 'ObjectPattern': return list(pattern['properties']).flatMap((property) => namesOfPattern((child(property, 'value') ?? child(property, 'argument')) as AnyNode));
    case 'ArrayPattern': return list(pattern['elements']).flatMap(namesOfPattern);
    case 'AssignmentPattern': return namesOfPattern(child(pattern, 'left') as AnyNode);
    case 'RestElement': return namesOfPattern(child(pattern, 'argument') as AnyNode);
    default: return [];
  }
}

const HOLDS_STATEMENTS = /Statement|Declaration|Program|Clause|Case/;

const directivesOf = (body: AnyNode[]): string[] => body.filter((statement) => typeof statement['directive'] === 'string').map((statement) => statement['directive'] as string);
const nameOf = (node: AnyNode | undefined): string => (node === undefined ? '' : node.type === 'PrivateIdentifier' ? `#${String(node['name'])}` : String(node['name'] ?? node['value'] ?? ''));

/** Throws RangeError on a tree that nests deeper than the native stack. */
export function scopesOf(program: Program, strict: boolean): Scopes { return new Resolver().run(program as unknown as AnyNode, strict); }

class Resolver {
  readonly functions: FunctionInfo[] = [];
  readonly byNode = new Map<AnyNode, FunctionInfo>();
  readonly references = new Map<AnyNode, Binding>();
  readonly within = new Map<AnyNode, FunctionInfo | undefined>();
  readonly names = new Set<string>();

  run(program: AnyNode, strict: boolean): Scopes {
    const scope: Scope = { outer: undefined, bindings: new Map(), owner: undefined, isFunctionScope: true };
    const body = list(program['body']);
    const place: Place = { scope, owner: undefined, strict: strict || directivesOf(body).includes('use strict'), className: undefined, classNode: undefined, isDerived: false, inWith: false };
    this.#hoist(body, scope, undefined, true);
    for (const statement of body) this.#visit(statement, place, undefined);
    return this;
  }

  #declare(scope: Scope, node: AnyNode, kind: Binding['kind'], more: { from?: string; imported?: string } = {}): Binding {
    const name = node['name'] as string;
    this.names.add(name);
    const known = scope.bindings.get(name);
    const binding = known ?? { name, kind, owner: scope.owner, writes: 0, functions: [], ...more };
    if (known !== undefined && kind !== 'function') known.writes += kind === 'var' ? 0 : 1;
    scope.bindings.set(name, binding);
    this.references.set(node, binding);
    if (kind !== 'param' && kind !== 'self' && scope.isFunctionScope) scope.owner?.bodyNames.add(name);
    return binding;
  }

  /** Declares what a list of statements declares: lexical names for its own scope, `var` for the function's. */
  #hoist(body: AnyNode[], scope: Scope, owner: FunctionInfo | undefined, isFunctionLevel: boolean): void {
    for (const outer of body) {
      const statement = child(outer, 'declaration') ?? outer;
      if (statement.type === 'ImportDeclaration') this.#import(statement, scope);
      else if (statement.type === 'ClassDeclaration' && child(statement, 'id') !== undefined) this.#declare(scope, child(statement, 'id') as AnyNode, 'class');
      else if (statement.type === 'VariableDeclaration' && statement['kind'] !== 'var') this.#declarators(statement, scope);
      else if (statement.type === 'FunctionDeclaration' && child(statement, 'id') !== undefined) this.#declare(scope, child(statement, 'id') as AnyNode, 'function');
    }
    if (isFunctionLevel) this.#hoistVars(body, scope);
  }

  #declarators(statement: AnyNode, scope: Scope): void {
    const kind = statement['kind'] === 'var' || statement['kind'] === 'let' ? statement['kind'] : 'const';
    for (const declarator of list(statement['declarations'])) for (const name of namesOfPattern(child(declarator, 'id') as AnyNode)) this.#declare(scope, name, kind);
  }

  #import(statement: AnyNode, scope: Scope): void {
    const from = String((child(statement, 'source') as AnyNode)['value']);
    for (const specifier of list(statement['specifiers'])) {
      const imported = specifier.type === 'ImportSpecifier' ? nameOf(child(specifier, 'imported')) : specifier.type === 'ImportDefaultSpecifier' ? 'default' : '*';
      this.#declare(scope, child(specifier, 'local') as AnyNode, 'import', { from, imported });
    }
  }

  #hoistVars(body: AnyNode[], scope: Scope): void {
    const pending = [...body];
    for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
      if (isFunction(node) || node.type === 'ClassDeclaration' || node.type === 'ClassExpression') continue;
      if (node.type === 'VariableDeclaration' && node['kind'] === 'var') this.#declarators(node, scope);
      if (HOLDS_STATEMENTS.test(node.type)) forEachChild(node, (inner) => { pending.push(inner); });
    }
  }

  #lookup(scope: Scope | undefined, name: string): Binding | undefined {
    for (let at = scope; at !== undefined; at = at.outer) { const found = at.bindings.get(name); if (found !== undefined) return found; }
    return undefined;
  }

  #refer(node: AnyNode, place: Place): void {
    const name = node['name'] as string;
    this.names.add(name);
    if (name === 'arguments' && place.owner !== undefined) { for (let f: FunctionInfo | undefined = place.owner; f !== undefined; f = f.form === 'arrow' ? f.parent : undefined) f.usesArguments = true; }
    const found = this.#lookup(place.scope, name);
    if (found !== undefined) this.references.set(node, found);
  }

  /** `this`, `super` and `new.target` of an arrow are those of the function around it. */
  #uses(what: 'usesThis' | 'usesSuper' | 'usesNewTarget', place: Place): void {
    for (let f = place.owner; f !== undefined; f = f.form === 'arrow' ? f.parent : undefined) f[what] = true;
  }

  #block(body: AnyNode[], place: Place): void {
    const scope: Scope = { outer: place.scope, bindings: new Map(), owner: place.owner, isFunctionScope: false };
    this.#hoist(body, scope, place.owner, false);
    for (const statement of body) this.#visit(statement, { ...place, scope }, undefined);
  }

  #write(pattern: AnyNode, place: Place): void {
    if (pattern.type === 'Identifier') {
      const binding = this.#lookup(place.scope, pattern['name'] as string);
      if (binding !== undefined) binding.writes += 1;
    } else for (const name of namesOfPattern(pattern)) this.#write(name, place);
  }

  // eslint-disable-next-line max-lines-per-function -- one case a kind of node
  #visit(node: AnyNode, place: Place, name: string | undefined): void {
    switch (node.type) {
      case 'Identifier': return this.#refer(node, place);
      case 'FunctionDeclaration': case 'FunctionExpression': case 'ArrowFunctionExpression': return this.#function(node, place, name, undefined);
      case 'ClassDeclaration': case 'ClassExpression': return this.#class(node, place, name);
      case 'ThisExpression': return this.#uses('usesThis', place);
      case 'Super': this.#uses('usesSuper', place); return this.#uses('usesThis', place);
      case 'MetaProperty': if (nameOf(child(node, 'meta')) === 'new') this.#uses('usesNewTarget', place); return;
      case 'BlockStatement': case 'StaticBlock': return this.#block(list(node['body']), place);
      case 'SwitchStatement': {
        this.#visit(child(node, 'discriminant') as AnyNode, place, undefined);
        const scope: Scope = { outer: place.scope, bindings: new Map(), owner: place.owner, isFunctionScope: false };
        const cases = list(node['cases']);
        this.#hoist(cases.flatMap((one) => list(one['consequent'])), scope, place.owner, false);
        for (const one of cases) forEachChild(one, (part) => { this.#visit(part, { ...place, scope }, undefined); });
        return;
      }
      case 'ForStatement': case 'ForInStatement': case 'ForOfStatement': {
        const scope: Scope = { outer: place.scope, bindings: new Map(), owner: place.owner, isFunctionScope: false };
        const head = child(node, 'init') ?? child(node, 'left');
        if (head?.type === 'VariableDeclaration' && head['kind'] !== 'var') this.#hoist([head], scope, place.owner, false);
        if (node.type !== 'ForStatement' && head !== undefined) this.#write(head.type === 'VariableDeclaration' ? child(list(head['declarations'])[0] as AnyNode, 'id') as AnyNode : head, { ...place, scope });
        forEachChild(node, (part) => { this.#visit(part, { ...place, scope }, undefined); });
        return;
      }
      case 'CatchClause': {
        const scope: Scope = { outer: place.scope, bindings: new Map(), owner: place.owner, isFunctionScope: false };
        const param = child(node, 'param');
        if (param !== undefined) { for (const bound of namesOfPattern(param)) this.#declare(scope, bound, 'catch'); this.#visit(param, { ...place, scope }, undefined); }
        return this.#visit(child(node, 'body') as AnyNode, { ...place, scope }, undefined);
      }
      case 'WithStatement': {
        for (let f = place.owner; f !== undefined; f = f.parent) f.usesDynamicScope = true;
        forEachChild(node, (part) => { this.#visit(part, { ...place, inWith: true }, undefined); });
        return;
      }
      case 'IfStatement': case 'LabeledStatement': {
        for (const [key, value] of Object.entries(node)) if (isNode(value) && key !== 'label') { this.#visit(value, place, undefined); if (value.type === 'FunctionDeclaration') (this.byNode.get(value) as FunctionInfo).isBare = true; }
        return;
      }
      case 'BreakStatement': case 'ContinueStatement': case 'ImportDeclaration': return;
      case 'VariableDeclarator': {
        const id = child(node, 'id') as AnyNode;
        this.#visit(id, place, undefined);
        const init = child(node, 'init');
        if (init !== undefined) for (const bound of namesOfPattern(id)) { const binding = this.references.get(bound); if (binding?.kind === 'function') binding.writes += 1; }
        if (init !== undefined) this.#visit(init, place, id.type === 'Identifier' ? nameOf(id) : undefined);
        return;
      }
      case 'AssignmentExpression': case 'AssignmentPattern': {
        const left = child(node, 'left') as AnyNode;
        if (node.type === 'AssignmentExpression') this.#write(left, place);
        this.#visit(left, place, undefined);
        return this.#visit(child(node, 'right') as AnyNode, place, left.type === 'MemberExpression' ? nameOf(child(left, 'property')) : nameOf(left));
      }
      case 'UpdateExpression': this.#write(child(node, 'argument') as AnyNode, place); return this.#visit(child(node, 'argument') as AnyNode, place, undefined);
      case 'MemberExpression': {
        this.within.set(node, place.owner);
        if (nameOf(child(node, 'property')) === 'callee' && nameOf(child(node, 'object')) === 'arguments') for (let f = place.owner; f !== undefined; f = f.form === 'arrow' ? f.parent : undefined) f.usesCallee = true;
        this.#visit(child(node, 'object') as AnyNode, place, undefined);
        if (node['computed'] === true) this.#visit(child(node, 'property') as AnyNode, place, undefined);
        return;
      }
      case 'Property': {
        if (node['computed'] === true) this.#visit(child(node, 'key') as AnyNode, place, undefined);
        const value = child(node, 'value') as AnyNode;
        if (isFunction(value) && (node['method'] === true || node['kind'] !== 'init')) return this.#function(value, place, nameOf(child(node, 'key')), node);
        return this.#visit(value, place, nameOf(child(node, 'key')));
      }
      case 'ExportSpecifier': return this.#visit(child(node, 'local') as AnyNode, place, undefined);
      case 'ExportNamedDeclaration': if (child(node, 'source') !== undefined) return; break;
      case 'ExportAllDeclaration': return;
      case 'ExportDefaultDeclaration': return this.#visit(child(node, 'declaration') as AnyNode, place, 'default');
      case 'CallExpression': {
        this.within.set(node, place.owner);
        const callee = child(node, 'callee') as AnyNode;
        if (callee.type === 'Super') for (let f = place.owner; f !== undefined; f = f.form === 'arrow' ? f.parent : undefined) f.callsSuper = true;
        if (callee.type === 'Identifier' && callee['name'] === 'eval') for (let f = place.owner; f !== undefined; f = f.parent) f.usesDynamicScope = true;
        break;
      }
      case 'NewExpression': case 'TaggedTemplateExpression': this.within.set(node, place.owner); break;
      case 'ParenthesizedExpression': return this.#visit(child(node, 'expression') as AnyNode, place, name);
      default:
    }
    forEachChild(node, (part) => { this.#visit(part, place, undefined); });
  }

  #class(node: AnyNode, place: Place, name: string | undefined): void {
    const id = child(node, 'id');
    const own = nameOf(id) || name || '<class>';
    const scope: Scope = { outer: place.scope, bindings: new Map(), owner: place.owner, isFunctionScope: false };
    if (id !== undefined && node.type === 'ClassExpression') this.#declare(scope, id, 'const');
    const inside: Place = { ...place, scope, strict: true, className: own, classNode: node, isDerived: child(node, 'superClass') !== undefined };
    if (child(node, 'superClass') !== undefined) this.#visit(child(node, 'superClass') as AnyNode, inside, undefined);
    for (const member of list((child(node, 'body') as AnyNode)['body'])) {
      if (member.type === 'StaticBlock') { this.#block(list(member['body']), { ...inside, owner: place.owner }); continue; }
      if (member['computed'] === true) this.#visit(child(member, 'key') as AnyNode, inside, undefined);
      const value = child(member, 'value');
      if (value === undefined) continue;
      if (member.type === 'MethodDefinition') this.#function(value, inside, nameOf(child(member, 'key')), member);
      else this.#visit(value, inside, nameOf(child(member, 'key')));
    }
  }

  #function(node: AnyNode, place: Place, given: string | undefined, holder: AnyNode | undefined): void {
    const id = child(node, 'id');
    const body = child(node, 'body') as AnyNode;
    const statements = body.type === 'BlockStatement' ? list(body['body']) : [];
    const own = nameOf(id) || given || '<anonymous>';
    const kind = holder?.['kind'];
    const info: FunctionInfo = {
      index: this.functions.length, node, holder, parent: place.owner, classNode: holder?.type === 'MethodDefinition' ? place.classNode : undefined,
      name: holder?.type === 'MethodDefinition' && place.className !== undefined ? `${place.className}.${own}` : own,
      form: holder !== undefined ? kind === 'get' ? 'getter' : kind === 'set' ? 'setter' : kind === 'constructor' ? 'constructor' : 'method'
        : node.type === 'FunctionDeclaration' ? 'declaration' : node.type === 'ArrowFunctionExpression' ? 'arrow' : 'expression',
      isStrict: place.strict || directivesOf(statements).includes('use strict'), isDerived: place.isDerived,
      usesThis: false, usesArguments: false, usesSuper: false, callsSuper: false, usesNewTarget: false, usesCallee: false, usesDynamicScope: place.inWith, isBare: false, bodyNames: new Set(),
    };
    this.functions.push(info);
    this.byNode.set(node, info);
    if (node.type === 'FunctionDeclaration' && id !== undefined) this.references.get(id)?.functions.push(info);
    let outer = place.scope;
    if (node.type === 'FunctionExpression' && id !== undefined) {
      outer = { outer, bindings: new Map(), owner: place.owner, isFunctionScope: false };
      this.#declare(outer, id, 'self').functions.push(info);
    }
    const scope: Scope = { outer, bindings: new Map(), owner: info, isFunctionScope: true };
    const inside: Place = { ...place, scope, owner: info, strict: info.isStrict, className: undefined };
    const params = list(node['params']);
    for (const param of params) for (const name of namesOfPattern(param)) this.#declare(scope, name, 'param');
    this.#hoist(statements, scope, info, true);
    for (const param of params) this.#visit(param, inside, undefined);
    if (body.type === 'BlockStatement') for (const statement of statements) this.#visit(statement, inside, undefined);
    else this.#visit(body, inside, undefined);
  }
}
