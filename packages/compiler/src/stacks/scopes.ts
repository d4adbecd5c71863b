/**
 * Names of a program: every identifier that stands for a variable is led to its binding, and every function is found with what it uses of its
 * surroundings. The call graph (flow.ts) and the twins (twin-printer.ts) are built on it.
 */
import type { Program } from 'acorn';
import { forEachChild, orderOf, type Order } from '../nodes.ts';
import { isFunction, type AnyNode } from '../parse.ts';

export interface Binding {
  readonly name: string;
  readonly kind: 'var' | 'let' | 'const' | 'function' | 'class' | 'param' | 'import' | 'catch' | 'self';
  /** Of the function in whose body it is declared; undefined at the top level. */
  readonly owner: FunctionInfo | undefined;
  /** Number of the scope that declares it. */
  readonly scope: number;
  /** Assignments, beside the declaration's own. */
  writes: number;
  /** Used by a function other than its own. */
  isCaptured: boolean;
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

/** What is known of nodes: it is kept in them. */
interface OfNode<T> {
  get(node: AnyNode): T | undefined;
  has(node: AnyNode): boolean;
}
export type References = OfNode<Binding>;

export interface Scopes {
  /** All nodes. */
  readonly order: Order;
  readonly functions: readonly FunctionInfo[];
  readonly byNode: OfNode<FunctionInfo>;
  /** Identifier → binding; without an entry: a global. */
  readonly references: References;
  /** All names that occur, so that new ones can be chosen. */
  readonly names: ReadonlySet<string>;
}

interface Scope { readonly number: number; readonly owner: FunctionInfo | undefined; readonly isFunctionScope: boolean; /** Where its names begin in the list of what they hide. */ readonly from: number }
type Use = 'usesThis' | 'usesArguments' | 'usesSuper' | 'callsSuper' | 'usesNewTarget' | 'usesCallee';

const list = (value: unknown): readonly AnyNode[] => value as readonly AnyNode[] | undefined ?? [];
const child = (node: AnyNode, key: string): AnyNode | undefined => node[key] as AnyNode | null | undefined ?? undefined;

/** Names that a pattern binds. */
export function namesOfPattern(pattern: AnyNode): AnyNode[] {
  const names: AnyNode[] = [];
  collectNames(pattern, names);
  return names;
}

function collectNames(pattern: AnyNode, names: AnyNode[]): void {
  switch (pattern.type) {
    case 'Identifier': names.push(pattern); return;
    case 'ObjectPattern': for (const property of list(pattern['properties'])) collectNames((child(property, 'value') ?? child(property, 'argument')) as AnyNode, names); return;
    case 'ArrayPattern': for (const element of pattern['elements'] as readonly (AnyNode | null)[]) if (element !== null) collectNames(element, names); return;
    case 'AssignmentPattern': collectNames(pattern['left'] as AnyNode, names); return;
    case 'RestElement': collectNames(pattern['argument'] as AnyNode, names); return;
    default:
  }
}

/** Where declarations by `var` can stand. */
const HOLDS_STATEMENTS = new Set(['BlockStatement', 'IfStatement', 'ForStatement', 'ForInStatement', 'ForOfStatement', 'WhileStatement', 'DoWhileStatement', 'TryStatement', 'CatchClause', 'SwitchStatement', 'SwitchCase', 'LabeledStatement', 'WithStatement', 'ExportNamedDeclaration']);

function isStrictBody(body: readonly AnyNode[]): boolean {
  for (const statement of body) if (statement['directive'] === 'use strict') return true;
  return false;
}
const nameOf = (node: AnyNode | undefined): string => (node === undefined ? '' : node.type === 'Identifier' ? node['name'] as string : node.type === 'PrivateIdentifier' ? `#${String(node['name'])}` : String(node['name'] ?? node['value'] ?? ''));

const BINDING_OF: References = { get: (node) => node.binding, has: (node) => node.binding !== undefined };
const INFO_OF: OfNode<FunctionInfo> = { get: (node) => node.info, has: (node) => node.info !== undefined };

/** Throws RangeError on a tree that nests deeper than the native stack. */
export function scopesOf(program: Program, strict: boolean): Scopes { return new Resolver(program as unknown as AnyNode).run(strict); }

/** One walk. What holds where it is, is in its fields; each name leads to what it stands for there, and what a scope hides is put back behind it. */
class Resolver {
  readonly order: Order;
  readonly functions: FunctionInfo[] = [];
  readonly byNode: OfNode<FunctionInfo> = INFO_OF;
  readonly references: References = BINDING_OF;
  readonly names = new Set<string>();
  readonly #program: AnyNode;
  readonly #meanings = new Map<string, Binding | undefined>();
  readonly #hidden: { name: string; was: Binding | undefined }[] = [];
  #scopes = 0;
  #scope: Scope = { number: 0, owner: undefined, isFunctionScope: true, from: 0 };
  #owner: FunctionInfo | undefined = undefined;
  #isStrict = false;
  #className: string | undefined = undefined;
  #classNode: AnyNode | undefined = undefined;
  #isDerived = false;
  #inWith = false;

  constructor(program: AnyNode) {
    this.order = orderOf(program);
    this.#program = program;
  }

  run(isStrict: boolean): Scopes {
    const body = list(this.#program['body']);
    this.#isStrict = isStrict || isStrictBody(body);
    this.#hoist(body);
    this.#hoistVars(body);
    for (const statement of body) this.#visit(statement, undefined);
    return this;
  }

  /* ---- scopes ---- */

  #open(isFunctionScope = false): Scope {
    const outer = this.#scope;
    this.#scope = { number: ++this.#scopes, owner: this.#owner, isFunctionScope, from: this.#hidden.length };
    return outer;
  }
  #close(outer: Scope): void {
    for (const { from } = this.#scope; this.#hidden.length > from;) {
      const { name, was } = this.#hidden.pop() as { name: string; was: Binding | undefined };
      this.#meanings.set(name, was);
    }
    this.#scope = outer;
  }

  #declare(node: AnyNode, kind: Binding['kind'], from?: string, imported?: string): Binding {
    const scope = this.#scope;
    const name = node['name'] as string;
    const was = this.#meanings.get(name);
    let binding: Binding;
    if (was?.scope === scope.number) {
      binding = was;
      if (kind !== 'function' && kind !== 'var') binding.writes += 1;
    } else {
      binding = { name, kind, owner: scope.owner, scope: scope.number, writes: 0, isCaptured: false, functions: [], ...from === undefined ? {} : { from, imported: imported as string } };
      this.names.add(name);
      this.#hidden.push({ name, was });
      this.#meanings.set(name, binding);
    }
    node.binding = binding;
    if (kind !== 'param' && kind !== 'self' && scope.isFunctionScope) scope.owner?.bodyNames.add(name);
    return binding;
  }

  /** Declares what a list of statements declares for its own scope. */
  #hoist(body: readonly AnyNode[]): void {
    for (const outer of body) {
      const statement = outer.type.startsWith('Export') ? child(outer, 'declaration') ?? outer : outer;
      switch (statement.type) {
        case 'VariableDeclaration': if (statement['kind'] !== 'var') this.#declarators(statement); break;
        case 'FunctionDeclaration': if (statement['id'] !== null) this.#declare(statement['id'] as AnyNode, 'function'); break;
        case 'ClassDeclaration': if (statement['id'] !== null) this.#declare(statement['id'] as AnyNode, 'class'); break;
        case 'ImportDeclaration': this.#import(statement); break;
        default:
      }
    }
  }
  /** Whether there is anything for `#hoist`. */
  #declares(body: readonly AnyNode[]): boolean {
    for (const { type } of body) if (type === 'VariableDeclaration' || type === 'FunctionDeclaration' || type === 'ClassDeclaration') return true;
    return false;
  }

  #declarators(statement: AnyNode): void {
    const kind = statement['kind'] === 'var' || statement['kind'] === 'let' ? statement['kind'] : 'const';
    for (const declarator of list(statement['declarations'])) {
      const id = declarator['id'] as AnyNode;
      if (id.type === 'Identifier') this.#declare(id, kind);
      else for (const name of namesOfPattern(id)) this.#declare(name, kind);
    }
  }

  #import(statement: AnyNode): void {
    const from = String((statement['source'] as AnyNode)['value']);
    for (const specifier of list(statement['specifiers'])) {
      const imported = specifier.type === 'ImportSpecifier' ? nameOf(child(specifier, 'imported')) : specifier.type === 'ImportDefaultSpecifier' ? 'default' : '*';
      this.#declare(specifier['local'] as AnyNode, 'import', from, imported);
    }
  }

  #hoistVars(body: readonly AnyNode[]): void {
    if (!this.order.hasVar) return;
    const pending = [...body];
    const push = (inner: AnyNode): void => { pending.push(inner); };
    for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
      if (node.type === 'VariableDeclaration') { if (node['kind'] === 'var') this.#declarators(node); } else if (HOLDS_STATEMENTS.has(node.type)) forEachChild(node, push);
    }
  }

  /* ---- names ---- */

  #refer(node: AnyNode): void {
    const name = node['name'] as string;
    if (name === 'arguments' && this.#owner !== undefined) this.#uses('usesArguments');
    const found = this.#meanings.get(name);
    if (found === undefined) { this.names.add(name); return; }
    node.binding = found;
    if (found.owner !== this.#owner) found.isCaptured = true;
  }

  /** `this`, `super`, `arguments` and `new.target` of an arrow are those of the function around it. */
  #uses(what: Use): void {
    for (let f = this.#owner; f !== undefined; f = f.form === 'arrow' ? f.parent : undefined) f[what] = true;
  }
  #usesDynamicScope(): void { for (let f = this.#owner; f !== undefined; f = f.parent) f.usesDynamicScope = true; }

  #write(pattern: AnyNode): void {
    if (pattern.type === 'Identifier') {
      const binding = this.#meanings.get(pattern['name'] as string);
      if (binding !== undefined) binding.writes += 1;
    } else for (const name of namesOfPattern(pattern)) this.#write(name);
  }

  /* ---- the walk ---- */

  #visitAll(nodes: readonly AnyNode[]): void { for (const node of nodes) this.#visit(node, undefined); }
  readonly #visitOne = (node: AnyNode): void => { this.#visit(node, undefined); };

  #block(body: readonly AnyNode[]): void {
    if (!this.#declares(body)) { this.#visitAll(body); return; }
    const outer = this.#open();
    this.#hoist(body);
    this.#visitAll(body);
    this.#close(outer);
  }

  // eslint-disable-next-line max-lines-per-function -- one case a kind of node
  #visit(node: AnyNode, name: string | undefined): void {
    switch (node.type) {
      case 'Identifier': return this.#refer(node);
      case 'MemberExpression': {
        const property = node['property'] as AnyNode;
        if ((node['object'] as AnyNode)['name'] === 'arguments' && nameOf(property) === 'callee') this.#uses('usesCallee');
        this.#visit(node['object'] as AnyNode, undefined);
        if (node['computed'] === true) this.#visit(property, undefined);
        return;
      }
      case 'CallExpression': {
        const callee = node['callee'] as AnyNode;
        if (callee.type === 'Super') this.#uses('callsSuper');
        else if (callee.type === 'Identifier' && callee['name'] === 'eval') this.#usesDynamicScope();
        this.#visit(callee, undefined);
        return this.#visitAll(node['arguments'] as AnyNode[]);
      }
      case 'Literal': case 'TemplateElement': case 'PrivateIdentifier': case 'EmptyStatement': case 'DebuggerStatement': case 'BreakStatement': case 'ContinueStatement': case 'ImportDeclaration': case 'ExportAllDeclaration': return;
      case 'ThisExpression': return this.#uses('usesThis');
      case 'ExpressionStatement': return this.#visit(node['expression'] as AnyNode, undefined);
      case 'Property': {
        const key = node['key'] as AnyNode;
        if (node['computed'] === true) this.#visit(key, undefined);
        const value = node['value'] as AnyNode;
        if (isFunction(value) && (node['method'] === true || node['kind'] !== 'init')) return this.#function(value, nameOf(key), node);
        return this.#visit(value, nameOf(key));
      }
      case 'BinaryExpression': case 'LogicalExpression': this.#visit(node['left'] as AnyNode, undefined); return this.#visit(node['right'] as AnyNode, undefined);
      case 'VariableDeclaration': return this.#visitAll(node['declarations'] as AnyNode[]);
      case 'VariableDeclarator': {
        const id = node['id'] as AnyNode;
        this.#visit(id, undefined);
        const init = child(node, 'init');
        if (init === undefined) return;
        if (id.type === 'Identifier') { if (id.binding?.kind === 'function') id.binding.writes += 1; } else for (const { binding } of namesOfPattern(id)) if (binding?.kind === 'function') binding.writes += 1;
        return this.#visit(init, id.type === 'Identifier' ? id['name'] as string : undefined);
      }
      case 'BlockStatement': case 'StaticBlock': return this.#block(node['body'] as AnyNode[]);
      case 'FunctionDeclaration': case 'FunctionExpression': case 'ArrowFunctionExpression': return this.#function(node, name, undefined);
      case 'ParenthesizedExpression': return this.#visit(node['expression'] as AnyNode, name);
      case 'AssignmentExpression': case 'AssignmentPattern': {
        const left = node['left'] as AnyNode;
        if (node.type === 'AssignmentExpression') this.#write(left);
        this.#visit(left, undefined);
        return this.#visit(node['right'] as AnyNode, left.type === 'MemberExpression' ? nameOf(child(left, 'property')) : nameOf(left));
      }
      case 'IfStatement': case 'LabeledStatement': return forEachChild(node, (inner) => {
        if (inner === node['label']) return;
        this.#visit(inner, undefined);
        if (inner.type === 'FunctionDeclaration') (inner.info as FunctionInfo).isBare = true;
      });
      case 'UpdateExpression': this.#write(node['argument'] as AnyNode); return this.#visit(node['argument'] as AnyNode, undefined);
      case 'ClassDeclaration': case 'ClassExpression': return this.#class(node, name);
      case 'Super': this.#uses('usesSuper'); return this.#uses('usesThis');
      case 'MetaProperty': if ((node['meta'] as AnyNode)['name'] === 'new') this.#uses('usesNewTarget'); return;
      case 'ExportSpecifier': return this.#visit(node['local'] as AnyNode, undefined);
      case 'ExportNamedDeclaration': if (child(node, 'source') !== undefined) return; break;
      case 'ExportDefaultDeclaration': return this.#visit(node['declaration'] as AnyNode, 'default');
      case 'SwitchStatement': return this.#switch(node);
      case 'ForStatement': case 'ForInStatement': case 'ForOfStatement': return this.#for(node);
      case 'CatchClause': return this.#catch(node);
      case 'WithStatement': {
        this.#usesDynamicScope();
        const outer = this.#inWith;
        this.#inWith = true;
        forEachChild(node, this.#visitOne);
        this.#inWith = outer;
        return;
      }
      default:
    }
    forEachChild(node, this.#visitOne);
  }

  #switch(node: AnyNode): void {
    this.#visit(node['discriminant'] as AnyNode, undefined);
    const outer = this.#open();
    const cases = list(node['cases']);
    for (const one of cases) this.#hoist(list(one['consequent']));
    for (const one of cases) forEachChild(one, this.#visitOne);
    this.#close(outer);
  }

  #for(node: AnyNode): void {
    const outer = this.#open();
    const head = child(node, 'init') ?? child(node, 'left');
    if (head?.type === 'VariableDeclaration' && head['kind'] !== 'var') this.#declarators(head);
    if (node.type !== 'ForStatement' && head !== undefined) this.#write(head.type === 'VariableDeclaration' ? (list(head['declarations'])[0] as AnyNode)['id'] as AnyNode : head);
    forEachChild(node, this.#visitOne);
    this.#close(outer);
  }

  #catch(node: AnyNode): void {
    const outer = this.#open();
    const param = child(node, 'param');
    if (param !== undefined) { for (const bound of namesOfPattern(param)) this.#declare(bound, 'catch'); this.#visit(param, undefined); }
    this.#visit(node['body'] as AnyNode, undefined);
    this.#close(outer);
  }

  #class(node: AnyNode, name: string | undefined): void {
    const id = child(node, 'id');
    const superClass = child(node, 'superClass');
    const [className, classNode, isDerived, isStrict] = [this.#className, this.#classNode, this.#isDerived, this.#isStrict];
    const outer = this.#open();
    if (id !== undefined && node.type === 'ClassExpression') this.#declare(id, 'const');
    const inside = (): void => { this.#className = nameOf(id) || name || '<class>'; this.#classNode = node; this.#isDerived = superClass !== undefined; this.#isStrict = true; };
    inside();
    if (superClass !== undefined) this.#visit(superClass, undefined);
    for (const member of list((node['body'] as AnyNode)['body'])) {
      if (member.type === 'StaticBlock') { this.#block(list(member['body'])); continue; }
      if (member['computed'] === true) this.#visit(member['key'] as AnyNode, undefined);
      const value = child(member, 'value');
      if (value === undefined) continue;
      if (member.type === 'MethodDefinition') this.#function(value, nameOf(child(member, 'key')), member);
      else this.#visit(value, nameOf(child(member, 'key')));
    }
    this.#close(outer);
    this.#className = className; this.#classNode = classNode; this.#isDerived = isDerived; this.#isStrict = isStrict;
  }

  #function(node: AnyNode, given: string | undefined, holder: AnyNode | undefined): void {
    const id = child(node, 'id');
    const body = node['body'] as AnyNode;
    const isBlock = body.type === 'BlockStatement';
    const statements = isBlock ? list(body['body']) : [];
    const [parent, className, isStrict] = [this.#owner, this.#className, this.#isStrict];
    const own = nameOf(id) || given || '<anonymous>';
    const kind = holder?.['kind'];
    const isMethod = holder?.type === 'MethodDefinition';
    const info: FunctionInfo = {
      index: this.functions.length, node, holder, parent, classNode: isMethod ? this.#classNode : undefined,
      name: isMethod && className !== undefined ? `${className}.${own}` : own,
      form: holder !== undefined ? kind === 'get' ? 'getter' : kind === 'set' ? 'setter' : kind === 'constructor' ? 'constructor' : 'method'
        : node.type === 'FunctionDeclaration' ? 'declaration' : node.type === 'ArrowFunctionExpression' ? 'arrow' : 'expression',
      isStrict: isStrict || isStrictBody(statements), isDerived: this.#isDerived,
      usesThis: false, usesArguments: false, usesSuper: false, callsSuper: false, usesNewTarget: false, usesCallee: false, usesDynamicScope: this.#inWith, isBare: false, bodyNames: new Set(),
    };
    this.functions.push(info);
    node.info = info;
    if (node.type === 'FunctionDeclaration' && id !== undefined) id.binding?.functions.push(info);
    const isNamed = node.type === 'FunctionExpression' && id !== undefined;
    const outer = this.#scope;
    if (isNamed) { this.#open(); this.#declare(id, 'self').functions.push(info); }
    this.#owner = info; this.#className = undefined; this.#isStrict = info.isStrict;
    const around = this.#open(true);
    const params = node['params'] as AnyNode[];
    for (const param of params) if (param.type === 'Identifier') this.#declare(param, 'param'); else for (const name of namesOfPattern(param)) this.#declare(name, 'param');
    this.#hoist(statements);
    this.#hoistVars(statements);
    this.#visitAll(params);
    if (isBlock) this.#visitAll(statements); else this.#visit(body, undefined);
    this.#close(around);
    this.#owner = parent; this.#className = className; this.#isStrict = isStrict;
    if (isNamed) this.#close(outer);
  }
}
