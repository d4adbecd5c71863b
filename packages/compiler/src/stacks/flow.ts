/**
 * Which functions a call may reach. Values are followed through variables, parameters, results and properties; a property is one place for all objects of the
 * program (field-based), and the order of statements does not count (flow-insensitive).
 *
 *   x = e      value(e) ⊆ var(x)           o.p = e, { p: e }, methods      value(e) ⊆ property(p)
 *   f(a)       for each g in value(f):  value(a) ⊆ parameter(g), result(g) ⊆ value(f(a))
 *
 * What comes from outside (imports, globals, parameters of what is given away, properties that nothing here sets) is UNKNOWN; to call it may call back
 * any function that has been given away. What could not be resolved is counted and listed, call by call.
 * Source: Feldthaus, Schäfer, Sridharan, Dolby and Tip, Efficient Construction of Approximate Call Graphs for JavaScript IDE Services, ICSE 2013 (field-
 * based flow); Andersen, DIKU 1994 (inclusion). Unlike there, unresolved calls are kept as such instead of being left out.
 */
import { isFunction, type AnyNode } from '../parse.ts';
import { knownGlobal, knownMethod } from './builtins.ts';
import type { Binding, FunctionInfo, Scopes } from './scopes.ts';
import { Vertex, type Watcher } from './vertex.ts';

export interface CallSite {
  readonly node: AnyNode;
  readonly form: 'call' | 'new' | 'tag' | 'getter' | 'callback';
  /** Undefined: the top level. */
  readonly caller: FunctionInfo | undefined;
  readonly callees: ReadonlySet<FunctionInfo>;
  /** May call something that this program does not show. */
  readonly isUnknown: boolean;
  /** A built-in function stands between. */
  readonly isThroughBuiltin: boolean;
  /** Import that is called: specifier and name. */
  readonly imported: { readonly from: string; readonly name: string } | undefined;
  /** The property that is called, if it is one. */
  readonly property: string | undefined;
}

export interface Flow {
  readonly sites: readonly CallSite[];
  /** Functions that code elsewhere may call. */
  readonly escaping: ReadonlySet<FunctionInfo>;
  /** Exported name → functions. */
  readonly exports: ReadonlyMap<string, ReadonlySet<FunctionInfo>>;
}

const list = (value: unknown): readonly AnyNode[] => value as readonly AnyNode[] | undefined ?? [];
const child = (node: AnyNode, key: string): AnyNode | undefined => node[key] as AnyNode | null | undefined ?? undefined;
const unwrap = (node: AnyNode): AnyNode => { let at = node; while (at.type === 'ParenthesizedExpression' || at.type === 'ChainExpression') at = at['expression'] as AnyNode; return at; };

/** The name of a property that is written out; undefined: computed. */
function propertyName(node: AnyNode, key: 'key' | 'property'): string | undefined {
  const name = node[key] as AnyNode;
  if (name.type === 'PrivateIdentifier') return `#${String(name['name'])}`;
  if (node['computed'] !== true) return String(name['name'] ?? name['value']);
  return name.type === 'Literal' ? String(name['value']) : undefined;
}

/**
 * To where so many functions come, others are not followed: they are taken to be given away, and what is there to be unknown. So the work grows with the
 * text and not with its square; a bundle of 38,000 lines was analysed for half a minute.
 */
const HELD_MAX = 64;

/** Expressions that never give a function. */
const PLAIN = new Set(['Literal', 'TemplateLiteral', 'BinaryExpression', 'UnaryExpression', 'UpdateExpression', 'ThisExpression', 'MetaProperty']);

const ASSIGNS = new Set(['=', '||=', '&&=', '??=']);

export function flowOf(program: AnyNode, scopes: Scopes): Flow { return new Solver(scopes).run(program); }

/** The innermost function around a node. */
const ownerOf = ({ owner }: AnyNode): FunctionInfo | undefined => owner?.info;

interface Open { readonly node: AnyNode; readonly form: CallSite['form']; readonly caller: FunctionInfo | undefined; readonly callees: Set<FunctionInfo>; isUnknown: boolean; isThroughBuiltin: boolean; imported: { from: string; name: string } | undefined; property: string | undefined }

class Solver {
  readonly #scopes: Scopes;
  readonly #variables = new Map<Binding, Vertex>();
  readonly #properties = new Map<string, Vertex>();
  readonly #written = new Set<string>();
  readonly #results = new Map<FunctionInfo, Vertex>();
  readonly #parameters = new Map<FunctionInfo, Vertex[]>();
  readonly #unknown = new Vertex();
  readonly #given = new Vertex();
  /** Of what never gives a function, and of what nobody asks for: holds nothing, and leads nowhere. */
  readonly #nothing = new Vertex();
  /** What has come to a place, and is to go on from there: in two columns. */
  readonly #pending: Vertex[] = [];
  readonly #arrived: (FunctionInfo | undefined)[] = [];
  readonly #sites: Open[] = [];
  /** Places that are full, and of which nobody has been told yet; and the calls of what comes to a place. */
  readonly #full: Vertex[] = [];
  readonly #calls = new Map<Vertex, { site: Open; values: readonly Vertex[] }[]>();
  readonly #getters = new Map<string, FunctionInfo[]>();
  readonly #exports = new Map<string, Vertex>();
  readonly #requires = new Map<Vertex, string>();
  /** `const { name } = require(from)` */
  readonly #required = new Map<Binding, { from: string; name: string }>();

  constructor(scopes: Scopes) { this.#scopes = scopes; }

  run(program: AnyNode): Flow {
    this.#unknown.isUnknown = true;
    this.#given.watch((arrived) => { if (arrived !== undefined) for (const parameter of this.#parameters.get(arrived) ?? []) this.#add(parameter, undefined); if (arrived !== undefined) this.#flow(this.#resultOf(arrived), this.#given); });
    for (const info of this.#scopes.functions) this.#prepare(info);
    // Calls are looked at in no order: what is required at the top must be known before.
    for (const statement of list(program['body'])) if (statement.type === 'VariableDeclaration') for (const declarator of list(statement['declarations'])) { const init = child(declarator, 'init'); if (init !== undefined) this.#noteRequire(child(declarator, 'id') as AnyNode, init); }
    this.#statements();
    this.#resolveProperties();
    this.#solve();
    this.#openFull();
    for (const { site, own } of this.#maybeUnknown) if (own === undefined || own.functions.length === 0) site.isUnknown = true;
    return {
      sites: this.#sites,
      escaping: new Set(this.#given.functions),
      exports: new Map([...this.#exports].map(([name, vertex]) => [name, new Set(vertex.functions)])),
    };
  }

  /* ---- the graph of places ---- */

  #add(vertex: Vertex, value: FunctionInfo | undefined): void {
    if (vertex === this.#nothing) return;
    if (value !== undefined && vertex.functions.length >= HELD_MAX && vertex !== this.#given) {
      if (!vertex.isFull) { vertex.isFull = true; this.#full.push(vertex); }
      this.#add(this.#given, value);
      this.#add(vertex, undefined);
      return;
    }
    if (value === undefined) { if (vertex.isUnknown) return; vertex.isUnknown = true; } else if (!vertex.hold(value)) return;
    this.#pending.push(vertex);
    this.#arrived.push(value);
  }

  #flow(from: Vertex, to: Vertex): void {
    if (from === to || from === this.#nothing || to === this.#nothing || !from.lead(to)) return;
    for (const value of from.functions) this.#add(to, value);
    if (from.isUnknown) this.#add(to, undefined);
  }

  #watch(vertex: Vertex, watcher: Watcher): void {
    if (vertex === this.#nothing) return;
    vertex.watch(watcher);
    for (const value of vertex.functions) watcher(value);
    if (vertex.isUnknown) watcher(undefined);
  }

  #solve(): void {
    for (let vertex = this.#pending.pop(); vertex !== undefined; vertex = this.#pending.pop()) {
      const value = this.#arrived.pop();
      for (const next of vertex.next) this.#add(next, value);
      for (const watcher of vertex.watchers) watcher(value);
    }
  }

  /** What is called where more come than are followed may be any function that has been given away, also where a property's own functions would be meant. */
  #openFull(): void {
    for (let vertex = this.#full.pop(); vertex !== undefined; vertex = this.#full.pop()) {
      for (const next of vertex.next) if (!next.isFull && next !== this.#given) { next.isFull = true; this.#full.push(next); }
      for (const { site, values } of this.#calls.get(vertex) ?? []) {
        site.isUnknown = true;
        for (const value of values) this.#flow(value, this.#given);
      }
      this.#solve();
    }
  }

  #of<K>(map: Map<K, Vertex>, key: K): Vertex {
    let vertex = map.get(key);
    if (vertex === undefined) { vertex = new Vertex(); map.set(key, vertex); }
    return vertex;
  }
  #variable(binding: Binding): Vertex { return this.#of(this.#variables, binding); }
  #property(name: string): Vertex { return this.#of(this.#properties, name); }
  #resultOf(info: FunctionInfo): Vertex { return this.#of(this.#results, info); }

  /** A write of a property: whoever has the object has the function. */
  #writeProperty(name: string | undefined, from: Vertex): void {
    if (name === undefined) { this.#flow(from, this.#given); return; }
    this.#written.add(name);
    this.#flow(from, this.#property(name));
    if (!name.startsWith('#')) this.#flow(from, this.#given);
  }

  #resolveProperties(): void {
    for (const [name, vertex] of this.#properties) if (!this.#written.has(name) && knownMethod(name) === undefined) this.#add(vertex, undefined);
  }

  #prepare(info: FunctionInfo): void {
    const parameters = list(info.node['params']).map((param) => { const vertex = new Vertex(); this.#bind(param, vertex); return vertex; });
    this.#parameters.set(info, parameters);
    if (info.form === 'getter') { const name = propertyName(info.holder as AnyNode, 'key'); if (name !== undefined) this.#getters.set(name, [...this.#getters.get(name) ?? [], info]); }
  }

  /** Leads a value into the names of a pattern. */
  #bind(pattern: AnyNode, from: Vertex): void {
    switch (pattern.type) {
      case 'Identifier': { const binding = pattern.binding; if (binding !== undefined) this.#flow(from, this.#variable(binding)); else this.#flow(from, this.#given); return; }
      case 'MemberExpression': return this.#writeProperty(propertyName(pattern, 'property'), from);
      case 'AssignmentPattern': this.#bind(child(pattern, 'left') as AnyNode, from); return this.#bind(child(pattern, 'left') as AnyNode, this.#value(child(pattern, 'right') as AnyNode));
      case 'RestElement': return this.#bind(child(pattern, 'argument') as AnyNode, this.#unknown);
      case 'ArrayPattern': for (const element of pattern['elements'] as readonly (AnyNode | null)[]) if (element !== null) this.#bind(element, this.#unknown); return;
      case 'ParenthesizedExpression': return this.#bind(child(pattern, 'expression') as AnyNode, from);
      case 'ObjectPattern':
        for (const property of list(pattern['properties'])) {
          if (property.type === 'RestElement') { this.#bind(property, this.#unknown); continue; }
          const name = propertyName(property, 'key');
          this.#bind(child(property, 'value') as AnyNode, name === undefined ? this.#unknown : this.#property(name));
          if (from === this.#unknown || from.isUnknown) this.#bind(child(property, 'value') as AnyNode, this.#unknown);
        }
        return;
      default:
    }
  }

  /* ---- the program, statement by statement: every expression gets a place ---- */

  #statements(): void { for (const node of this.#scopes.order.nodes) this.#statement(node); }

  #statement(node: AnyNode): void {
    switch (node.type) {
      case 'MemberExpression': case 'CallExpression': case 'NewExpression': case 'TaggedTemplateExpression': case 'AssignmentExpression': case 'ObjectExpression': case 'ArrayExpression': case 'AwaitExpression': case 'YieldExpression':
        if (node.vertex === undefined) { node.vertex = this.#nothing; this.#evaluate(node, this.#nothing); }   // what is around it has been here: nobody asks for its value
        return;
      case 'ClassExpression': this.#value(node); return;
      case 'ReturnStatement': { const argument = child(node, 'argument'); const owner = ownerOf(node); if (argument !== undefined && owner !== undefined) this.#flow(this.#value(argument), this.#resultOf(owner)); return; }
      case 'VariableDeclarator': { const init = child(node, 'init'); if (init !== undefined) { const from = this.#value(init); this.#bind(child(node, 'id') as AnyNode, from); this.#noteRequire(child(node, 'id') as AnyNode, init); } return; }
      case 'ForOfStatement': { const left = child(node, 'left') as AnyNode; this.#bind(left.type === 'VariableDeclaration' ? child(list(left['declarations'])[0] as AnyNode, 'id') as AnyNode : left, this.#unknown); return; }
      case 'FunctionDeclaration': { const info = node.info as FunctionInfo; const binding = child(node, 'id')?.binding; if (binding !== undefined) this.#add(this.#variable(binding), info); return; }
      case 'ClassDeclaration': { const binding = child(node, 'id')?.binding; if (binding !== undefined) this.#flow(this.#value(node), this.#variable(binding)); return; }
      case 'MethodDefinition': { const info = (child(node, 'value') as AnyNode).info as FunctionInfo; if (info.form === 'method' || info.form === 'setter') { const made = new Vertex(); this.#add(made, info); this.#writeProperty(propertyName(node, 'key'), made); } else if (info.form === 'getter') this.#add(this.#given, info); return; }
      case 'PropertyDefinition': { const value = child(node, 'value'); if (value !== undefined) this.#writeProperty(propertyName(node, 'key'), this.#value(value)); return; }
      case 'ExportDefaultDeclaration': return this.#export('default', this.#value(child(node, 'declaration') as AnyNode), child(node, 'declaration'));
      case 'ExportNamedDeclaration': return this.#exportNamed(node);
      case 'ThrowStatement': { this.#flow(this.#value(child(node, 'argument') as AnyNode), this.#given); return; }
      case 'ArrowFunctionExpression': { const body = child(node, 'body') as AnyNode; if (body.type !== 'BlockStatement') this.#flow(this.#value(body), this.#resultOf(node.info as FunctionInfo)); return; }
      default:
    }
  }

  #exportNamed(node: AnyNode): void {
    const declaration = child(node, 'declaration');
    if (declaration !== undefined) {
      for (const declarator of list(declaration['declarations'] ?? [declaration])) {
        const id = child(declarator, 'id') as AnyNode;
        const binding = id.binding;
        if (binding !== undefined) this.#export(binding.name, this.#variable(binding), undefined);
      }
    }
    if (child(node, 'source') !== undefined) return;
    for (const specifier of list(node['specifiers'])) {
      const binding = (child(specifier, 'local') as AnyNode).binding;
      const exported = child(specifier, 'exported') as AnyNode;
      if (binding !== undefined) this.#export(String(exported['name'] ?? exported['value']), this.#variable(binding), undefined);
    }
  }

  #export(name: string, from: Vertex, declared: AnyNode | undefined): void {
    if (declared?.type === 'FunctionDeclaration') this.#add(from, declared.info as FunctionInfo);
    this.#flow(from, this.#of(this.#exports, name));
    this.#flow(from, this.#given);
  }

  /** `const x = require('…')`: an import. */
  #noteRequire(id: AnyNode, init: AnyNode): void {
    const from = requireOf(unwrap(init));
    const binding = id.type === 'Identifier' ? id.binding : undefined;
    if (from !== undefined && binding !== undefined) this.#requires.set(this.#variable(binding), from);
    if (from === undefined || id.type !== 'ObjectPattern') return;
    for (const property of list(id['properties'])) {
      const value = child(property, 'value');
      const name = property.type === 'Property' ? propertyName(property, 'key') : undefined;
      const bound = value?.type === 'Identifier' ? value.binding : undefined;
      if (name !== undefined && bound !== undefined) this.#required.set(bound, { from, name });
    }
  }

  /** The place of what an expression gives. */
  #value(node: AnyNode): Vertex {
    const known = node.vertex;
    if (known !== undefined) {
      if (known === this.#nothing) throw new Error('a value is asked for that nobody was to ask for');
      return known;
    }
    if (node.type === 'Identifier' && node.binding !== undefined) return this.#named(node.binding);
    if (PLAIN.has(node.type)) return this.#nothing;
    const vertex = node.vertex = new Vertex();
    this.#evaluate(node, vertex);
    return vertex;
  }

  #named(binding: Binding): Vertex {
    const variable = this.#variable(binding);
    if (binding.kind === 'import') this.#add(variable, undefined);
    for (const info of binding.functions) this.#add(variable, info);
    return variable;
  }

  #evaluate(node: AnyNode, vertex: Vertex): void {
    switch (node.type) {
      case 'Identifier': return this.#add(vertex, undefined);
      case 'MemberExpression': return this.#read(node, vertex);
      case 'CallExpression': return this.#call(node, vertex, 'call');
      case 'FunctionExpression': case 'ArrowFunctionExpression': case 'FunctionDeclaration': return this.#add(vertex, node.info as FunctionInfo);
      case 'ClassDeclaration': return this.#class(node, vertex);
      case 'ClassExpression': { this.#class(node, vertex); const own = child(node, 'id')?.binding; if (own !== undefined) this.#flow(vertex, this.#variable(own)); return; }
      case 'AssignmentExpression': {
        const value = this.#value(child(node, 'right') as AnyNode);
        this.#flow(value, vertex);
        if (ASSIGNS.has(node['operator'] as string)) this.#assign(child(node, 'left') as AnyNode, value);
        return;
      }
      case 'ConditionalExpression': this.#flow(this.#value(node['consequent'] as AnyNode), vertex); return this.#flow(this.#value(node['alternate'] as AnyNode), vertex);
      case 'LogicalExpression': this.#flow(this.#value(node['left'] as AnyNode), vertex); return this.#flow(this.#value(node['right'] as AnyNode), vertex);
      case 'SequenceExpression': return this.#flow(this.#value(list(node['expressions']).at(-1) as AnyNode), vertex);
      case 'ParenthesizedExpression': case 'ChainExpression': return this.#flow(this.#value(node['expression'] as AnyNode), vertex);
      case 'AwaitExpression': case 'YieldExpression': { const inner = child(node, 'argument'); if (inner !== undefined) { const value = this.#value(inner); this.#flow(value, vertex); this.#flow(value, this.#given); } return this.#add(vertex, undefined); }
      case 'ObjectExpression': return this.#objectLiteral(node);
      case 'ArrayExpression': for (const element of node['elements'] as readonly (AnyNode | null)[]) if (element !== null) this.#flow(this.#value(element.type === 'SpreadElement' ? child(element, 'argument') as AnyNode : element), this.#given); return;
      case 'NewExpression': return this.#call(node, vertex, 'new');
      case 'TaggedTemplateExpression': return this.#call(node, vertex, 'tag');
      case 'ImportExpression': return this.#add(vertex, undefined);
      default:
    }
  }

  #assign(target: AnyNode, value: Vertex): void {
    const left = unwrap(target);
    if (left.type === 'MemberExpression') {
      const object = unwrap(child(left, 'object') as AnyNode);
      const name = propertyName(left, 'property');
      if (object.type === 'Identifier' && object['name'] === 'exports' && name !== undefined) this.#export(name, value, undefined);
      else if (object.type === 'Identifier' && object['name'] === 'module' && name === 'exports') this.#export('default', value, undefined);
    }
    this.#bind(left, value);
  }

  #class(node: AnyNode, vertex: Vertex): void {
    for (const member of list((child(node, 'body') as AnyNode)['body'])) if (member['kind'] === 'constructor') this.#add(vertex, (child(member, 'value') as AnyNode).info as FunctionInfo);
    const parent = child(node, 'superClass');
    if (parent !== undefined) this.#flow(this.#value(parent), vertex);
  }

  #objectLiteral(node: AnyNode): void {
    for (const property of list(node['properties'])) {
      if (property.type !== 'Property') continue;
      const value = child(property, 'value') as AnyNode;
      const info = isFunction(value) ? value.info : undefined;
      if (info?.form === 'getter') { this.#add(this.#given, info); continue; }
      const made = this.#value(value);
      this.#writeProperty(propertyName(property, 'key'), made);
    }
  }

  #read(node: AnyNode, vertex: Vertex): void {
    const name = propertyName(node, 'property');
    const object = unwrap(child(node, 'object') as AnyNode);
    if (name === undefined) { this.#add(vertex, undefined); return; }
    if (this.#isGlobal(object)) return;                                  // a built-in, not called here: it calls nothing of ours that it is not given
    this.#flow(this.#property(name), vertex);
    if (this.#isImport(object)) this.#add(vertex, undefined);
    const getters = this.#getters.get(name);
    if (getters !== undefined && object.type !== 'Super' && !name.startsWith('#')) this.#sites.push({ node, form: 'getter', caller: ownerOf(node), callees: new Set(getters), isUnknown: false, isThroughBuiltin: false, imported: undefined, property: name });
  }

  #isImport(object: AnyNode): boolean {
    if (object.type !== 'Identifier') return requireOf(object) !== undefined;
    const binding = object.binding;
    return binding !== undefined && (binding.kind === 'import' || this.#requires.has(this.#variable(binding)));
  }

  #importOf(callee: AnyNode): { from: string; name: string } | undefined {
    const object = callee.type === 'MemberExpression' ? unwrap(child(callee, 'object') as AnyNode) : callee;
    const name = callee.type === 'MemberExpression' ? propertyName(callee, 'property') ?? '*' : undefined;
    const binding = object.type === 'Identifier' ? object.binding : undefined;
    if (binding?.kind === 'import') return { from: binding.from as string, name: binding.imported === '*' || name !== undefined ? name ?? '*' : binding.imported as string };
    if (binding !== undefined && name === undefined && this.#required.has(binding)) return this.#required.get(binding);
    const required = binding === undefined ? requireOf(object) : this.#requires.get(this.#variable(binding));
    return required === undefined ? undefined : { from: required, name: name ?? 'default' };
  }

  /* ---- calls ---- */

  #call(node: AnyNode, result: Vertex, form: 'call' | 'new' | 'tag'): void {
    if (requireOf(node) !== undefined) { this.#add(result, undefined); return; }      // it runs a module once: no recursion
    const callee = unwrap((child(node, 'callee') ?? child(node, 'tag')) as AnyNode);
    const args = form === 'tag' ? list((child(node, 'quasi') as AnyNode)['expressions']) : list(node['arguments']);
    const site: Open = { node, form, caller: ownerOf(node), callees: new Set(), isUnknown: false, isThroughBuiltin: false, imported: this.#importOf(callee), property: callee.type === 'MemberExpression' ? propertyName(callee, 'property') : undefined };
    this.#sites.push(site);
    const values = args.map((arg) => this.#value(arg.type === 'SpreadElement' ? child(arg, 'argument') as AnyNode : arg));
    const shift = form === 'tag' ? 1 : 0;
    const object = callee.type === 'MemberExpression' ? unwrap(child(callee, 'object') as AnyNode) : undefined;
    const known = this.#knownOf(callee, site.property);
    if (callee.type === 'Super') { this.#superCall(site, values, result); return; }
    if (known === 'later') { for (const value of values) this.#flow(value, this.#later); this.#add(result, undefined); return; }
    const through = site.property === 'call' ? 1 : site.property === 'apply' || site.property === 'bind' ? Infinity : -1;
    if (through >= 0 && object !== undefined && !this.#written.has(site.property as string)) {
      const target = this.#value(object);
      if (site.property === 'bind') { this.#flow(target, result); for (const value of values) this.#flow(value, this.#given); this.#watch(target, (arrived) => { if (arrived !== undefined) for (const parameter of this.#parameters.get(arrived) ?? []) this.#add(parameter, undefined); }); return; }
      this.#connect(target, site, values, result, site.property === 'call' ? 1 : Infinity);
      return;
    }
    if (known !== undefined) {
      this.#add(result, undefined);
      const isOwn = callee.type !== 'Identifier' && !this.#isGlobal(object);
      this.#builtin(site, values, known, isOwn ? this.#property(site.property as string) : undefined);
      if (!isOwn) return;
    }
    this.#connect(this.#value(callee), site, values, result, -shift, known !== undefined || site.property !== undefined);
  }

  /** Functions that only an empty stack calls: their parameters are unknown, and no call leads to them. */
  readonly #later = (() => { const vertex = new Vertex(); vertex.watch((arrived) => { if (arrived !== undefined) for (const parameter of this.#parameters.get(arrived) ?? []) this.#add(parameter, undefined); }); return vertex; })();

  #knownOf(callee: AnyNode, property: string | undefined): ReturnType<typeof knownMethod> {
    if (callee.type === 'Identifier') return callee.binding !== undefined ? undefined : knownGlobal(String(callee['name']));
    if (callee.type !== 'MemberExpression' || property === undefined) return undefined;
    const object = unwrap(child(callee, 'object') as AnyNode);
    if (object.type === 'Identifier' && object.binding === undefined) { const known = knownGlobal(String(object['name']), property); if (known !== undefined) return known; }
    if (this.#isImport(object)) return undefined;
    return knownMethod(property);
  }

  /** `Math`, where nothing here is called so. */
  #isGlobal(object: AnyNode | undefined): boolean { return object?.type === 'Identifier' && object.binding === undefined && knownGlobal(String(object['name'])) !== undefined; }

  /** A built-in: it calls an argument, or keeps what it is given (push, set): then that is given away. @param own  functions of that name in the program */
  #builtin(site: Open, values: readonly Vertex[], known: number | 'pure', own: Vertex | undefined): void {
    values.forEach((value, place) => {
      if (known === 'pure') { this.#flow(value, this.#given); return; }
      this.#watch(value, (arrived) => {
        if (arrived === undefined) { if (place === known) this.#maybeUnknown.push({ site, own }); return; }
        site.isThroughBuiltin = true;
        site.callees.add(arrived);
        for (const parameter of this.#parameters.get(arrived) ?? []) this.#add(parameter, undefined);
      });
    });
  }
  /** Sites that are unknown unless, when all is known, functions of the program have that name. */
  readonly #maybeUnknown: { site: Open; own: Vertex | undefined }[] = [];

  /**
   * @param skip        arguments before the first parameter; Infinity: they come as a list
   * @param isProperty  what is called is a property: where functions of the program have that name, they are meant
   */
  #connect(target: Vertex, site: Open, values: readonly Vertex[], result: Vertex, skip: number, isProperty = false): void {
    const calls = this.#calls.get(target);
    if (calls === undefined) this.#calls.set(target, [{ site, values }]); else calls.push({ site, values });
    this.#watch(target, (arrived) => {
      if (arrived === undefined) {
        if (isProperty && site.imported === undefined) { if (site.property === undefined || knownMethod(site.property) === undefined) this.#maybeUnknown.push({ site, own: target }); } else site.isUnknown = true;
        // A package, or a method of an object that nothing here has made, calls what it is given, at once or later, and nothing else of ours.
        const isPackage = site.imported === undefined ? site.property !== undefined : !/^[./]/.test(site.imported.from);
        for (const value of values) {
          if (!isPackage) { this.#flow(value, this.#given); continue; }
          this.#flow(value, this.#later);
          this.#watch(value, (callback) => { if (callback !== undefined) site.callees.add(callback); });
        }
        this.#add(result, undefined);
        return;
      }
      site.callees.add(arrived);
      const parameters = this.#parameters.get(arrived) ?? [];
      parameters.forEach((parameter, k) => { const value = values[k + (Number.isFinite(skip) ? skip : 0)]; if (!Number.isFinite(skip) || skip < 0) this.#add(parameter, undefined); if (value !== undefined && Number.isFinite(skip)) this.#flow(value, parameter); });
      for (const value of values.slice(parameters.length + Math.max(0, Number.isFinite(skip) ? skip : 0))) this.#flow(value, this.#given);
      this.#flow(this.#resultOf(arrived), result);
    });
  }

  #superCall(site: Open, values: readonly Vertex[], result: Vertex): void {
    const classNode = site.caller?.classNode;
    const parent = classNode === undefined ? undefined : child(classNode, 'superClass');
    this.#connect(parent === undefined ? this.#unknown : this.#value(parent), site, values, result, 0);
  }
}

function requireOf(node: AnyNode): string | undefined {
  if (node.type !== 'CallExpression') return undefined;
  const callee = node['callee'] as AnyNode;
  const [argument] = node['arguments'] as AnyNode[];
  return callee.type === 'Identifier' && callee['name'] === 'require' && argument?.type === 'Literal' ? String(argument['value']) : undefined;
}
