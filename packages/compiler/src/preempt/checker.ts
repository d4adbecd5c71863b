/** Walks statements and expressions of one function that are to touch nothing (proof.ts), and throws at the first that may. */
import type { AnyNode } from '../parse.ts';
import type { Binding, FunctionInfo } from '../stacks/scopes.ts';
import { unwrap } from './marks.ts';
import { PURE_GLOBALS, PURE_METHODS, isConstant, isPureFunction } from './pure-builtins.ts';
import { elementsOf, type Types } from './types.ts';
import { isExchange } from './uses.ts';

/** Thrown where code touches, or may touch, what is shared: often, so it is no Error, which would look at the stack. */
export class Touches {
  readonly message: string;
  readonly node: AnyNode;
  constructor(message: string, node: AnyNode) { this.message = message; this.node = node; }
}

export class Checker {
  readonly needs: Set<Binding> = new Set<Binding>();
  /** All that has been returned so far was primitive. */
  get returnsPrimitive(): boolean { return this.#returned.every((node) => this.isPrimitive(node)); }
  readonly #returned: AnyNode[] = [];
  readonly #types: Types;
  readonly #info: FunctionInfo;
  readonly #mayNeed: (binding: Binding) => boolean;

  /** @param mayNeed  whether it can be seen, when it counts, that a variable is primitive */
  constructor(types: Types, info: FunctionInfo, mayNeed: (binding: Binding) => boolean) { this.#types = types; this.#info = info; this.#mayNeed = mayNeed; }

  #binding(node: AnyNode): Binding | undefined { return node.type === 'Identifier' ? this.#types.scopes.references.get(node) : undefined; }

  /** Primitive for certain, or if what is needed is. */
  isPrimitive(expression: AnyNode): boolean {
    return this.#types.gives(expression, this.#info) && this.#sourcesOf(expression).every((binding) => this.needs.has(binding));
  }

  /** Parameters whose values an expression may give, by way of variables too. */
  #sourcesOf(expression: AnyNode, seen: Set<Binding> = new Set()): Binding[] {
    return namesGiven(expression).flatMap((name) => {
      const binding = this.#binding(name);
      if (binding === undefined || binding.owner !== this.#info || seen.has(binding)) return [];
      seen.add(binding);
      const further = this.#types.assignedTo(binding).flatMap((value) => (value === undefined ? [] : this.#sourcesOf(value, seen)));
      return binding.kind === 'param' ? [binding, ...further] : further;
    });
  }

  #no(message: string, node: AnyNode): never { throw new Touches(message, node); }

  /* ---- statements ---- */

  statement(node: AnyNode): void {
    switch (node.type) {
      case 'EmptyStatement': case 'BreakStatement': case 'ContinueStatement': case 'FunctionDeclaration': return;
      case 'ExpressionStatement': this.any(node['expression'] as AnyNode); return;
      case 'VariableDeclaration': return this.#declaration(node);
      case 'BlockStatement': for (const one of node['body'] as AnyNode[]) this.statement(one); return;
      case 'LabeledStatement': return this.statement(node['body'] as AnyNode);
      case 'IfStatement': this.any(node['test'] as AnyNode); this.statement(node['consequent'] as AnyNode); if (node['alternate'] !== null) this.statement(node['alternate'] as AnyNode); return;
      case 'ForStatement': return this.#for(node);
      case 'WhileStatement': case 'DoWhileStatement': this.any(node['test'] as AnyNode); return this.statement(node['body'] as AnyNode);
      case 'ForOfStatement': return this.#forOf(node);
      case 'ReturnStatement': if (node['argument'] !== null) { this.returned(node['argument'] as AnyNode); this.#returned.push(node['argument'] as AnyNode); } return;
      case 'SwitchStatement': return this.#switch(node);
      case 'TryStatement': return this.#try(node);
      case 'ThrowStatement': return this.#throw(node['argument'] as AnyNode);
      default: this.#no(`it holds a ${node.type}`, node);
    }
  }

  #declaration(node: AnyNode): void {
    if (node['kind'] === 'using' || node['kind'] === 'await using') this.#no('it disposes of something', node);
    for (const declarator of node['declarations'] as AnyNode[]) {
      const id = declarator['id'] as AnyNode;
      const init = declarator['init'] as AnyNode | null;
      if (id.type !== 'Identifier') { this.#pattern(id, init, node); continue; }
      const binding = this.#own(id);
      if (init === null) continue;
      if (this.#types.isFresh(binding, this.#info)) this.#made(init); else this.any(init);
    }
  }

  /** What makes a fresh object. */
  #made(expression: AnyNode): void {
    const node = unwrap(expression);
    for (const one of elementsOf(node)) this.operand(one);
    if (node.type === 'NewExpression') for (const argument of node['arguments'] as AnyNode[]) this.operand(argument);
  }

  /** `[a, b] = [b, a]`. */
  #pattern(pattern: AnyNode, value: AnyNode | null, node: AnyNode): void {
    const from = value === null ? undefined : unwrap(value);
    if (!isExchange(pattern, from)) this.#no('it takes an object apart', node);
    for (const element of (from as AnyNode)['elements'] as AnyNode[]) this.any(element);
    for (const target of pattern['elements'] as AnyNode[]) this.#own(target);
  }

  #for(node: AnyNode): void {
    const init = node['init'] as AnyNode | null;
    if (init?.type === 'VariableDeclaration') this.#declaration(init); else if (init !== null && init !== undefined) this.any(init);
    for (const key of ['test', 'update']) if (node[key] !== null) this.any(node[key] as AnyNode);
    this.statement(node['body'] as AnyNode);
  }

  #forOf(node: AnyNode): void {
    const right = unwrap(node['right'] as AnyNode);
    const binding = this.#binding(right);
    const left = node['left'] as AnyNode;
    if (binding === undefined || node['await'] === true || !this.#types.isFresh(binding, this.#info)) this.#no('it iterates over an object that others may share', node);
    if (left.type !== 'VariableDeclaration' || ((left['declarations'] as AnyNode[])[0] as AnyNode)['id'] === undefined) this.#no('its loop variable is none of its own', node);
    this.#own(((left['declarations'] as AnyNode[])[0] as AnyNode)['id'] as AnyNode);
    this.statement(node['body'] as AnyNode);
  }

  #switch(node: AnyNode): void {
    this.any(node['discriminant'] as AnyNode);
    for (const one of node['cases'] as AnyNode[]) {
      if (one['test'] !== null) this.any(one['test'] as AnyNode);
      for (const statement of one['consequent'] as AnyNode[]) this.statement(statement);
    }
  }

  #try(node: AnyNode): void {
    this.statement(node['block'] as AnyNode);
    const handler = node['handler'] as AnyNode | null;
    if (handler !== null) this.statement(handler['body'] as AnyNode);
    if (node['finalizer'] !== null) this.statement(node['finalizer'] as AnyNode);
  }

  #throw(argument: AnyNode): void {
    const node = unwrap(argument);
    const callee = node.type === 'NewExpression' ? node['callee'] as AnyNode : undefined;
    if (callee !== undefined && callee.type === 'Identifier' && /^(?:Range|Type|Syntax|Eval|Reference)?Error$/.test(callee['name'] as string) && this.#binding(callee) === undefined) {
      for (const one of node['arguments'] as AnyNode[]) this.operand(one);
    } else this.any(node);
  }

  /** What a function returns may be an object that it has made: it has ended. */
  returned(expression: AnyNode): void {
    const binding = this.#binding(unwrap(expression));
    if (binding === undefined || !this.#types.isFresh(binding, this.#info)) this.any(expression);
  }

  /* ---- expressions ---- */

  /** An operand: it must be primitive, for else an operator calls its methods. */
  operand(expression: AnyNode): void {
    this.any(expression);
    const node = unwrap(expression);
    if (node.type === 'ConditionalExpression') { this.operand(node['consequent'] as AnyNode); this.operand(node['alternate'] as AnyNode); return; }
    if (node.type === 'LogicalExpression') { this.operand(node['left'] as AnyNode); this.operand(node['right'] as AnyNode); return; }
    if (node.type === 'SequenceExpression') { this.operand((node['expressions'] as AnyNode[]).at(-1) as AnyNode); return; }
    const binding = this.#binding(node);
    if (binding !== undefined && binding.owner === this.#info) { this.#need(binding, node); return; }
    if (!this.#types.gives(node, this.#info)) this.#no('an operand may be an object', node);
    for (const source of this.#sourcesOf(node)) this.#needParameter(source, node);
  }

  /** The variable must be primitive: it is given nothing else, or that can be seen. */
  #need(binding: Binding, node: AnyNode): void {
    if (this.needs.has(binding)) return;
    if (this.#types.isPrimitive(binding, this.#info)) { for (const source of this.#sourcesOf(node)) this.#needParameter(source, node); return; }
    if (binding.writes > 0 || !this.#mayNeed(binding)) this.#no(`${binding.name} may be an object`, node);
    this.needs.add(binding);
  }
  #needParameter(binding: Binding, node: AnyNode): void {
    if (this.needs.has(binding)) return;
    if (!this.#mayNeed(binding)) this.#no(`${binding.name} may be an object`, node);
    this.needs.add(binding);
  }

  /** A variable of the function that no closure shares. */
  #own(node: AnyNode): Binding {
    const binding = this.#binding(node);
    if (binding === undefined || binding.owner !== this.#info) this.#no('it assigns to a variable of others', node);
    if (binding.isCaptured) this.#no(`${binding.name} is shared with a closure`, node);
    return binding;
  }

  any(expression: AnyNode): void {
    const node = unwrap(expression);
    switch (node.type) {
      case 'Literal': if (node['regex'] !== undefined) this.#no('it uses a regular expression', node); return;
      case 'Identifier': return this.#read(node);
      case 'TemplateLiteral': for (const one of node['expressions'] as AnyNode[]) this.operand(one); return;
      case 'UnaryExpression': return this.#unary(node);
      case 'BinaryExpression': return this.#binary(node);
      case 'LogicalExpression': this.any(node['left'] as AnyNode); this.any(node['right'] as AnyNode); return;
      case 'ConditionalExpression': this.any(node['test'] as AnyNode); this.any(node['consequent'] as AnyNode); this.any(node['alternate'] as AnyNode); return;
      case 'SequenceExpression': for (const one of node['expressions'] as AnyNode[]) this.any(one); return;
      case 'UpdateExpression': return this.#update(unwrap(node['argument'] as AnyNode));
      case 'AssignmentExpression': return this.#assignment(node);
      case 'MemberExpression': return this.#member(node);
      case 'CallExpression': return this.#call(node);
      case 'AwaitExpression': return this.any(node['argument'] as AnyNode);
      case 'FunctionExpression': case 'ArrowFunctionExpression': return;
      default: this.#no(`it holds a ${node.type}`, node);
    }
  }

  #read(node: AnyNode): void {
    const binding = this.#binding(node);
    if (binding === undefined) { if (!/^(?:undefined|NaN|Infinity)$/.test(node['name'] as string)) this.#no(`it uses ${String(node['name'])}`, node); return; }
    if (binding.kind === 'import' || ((binding.owner !== this.#info || binding.isCaptured) && (binding.writes > 0 || /^(?:let|var)$/.test(binding.kind)))) this.#no(`${binding.name} is shared`, node);
    if (this.#types.isFresh(binding, this.#info)) this.#no(`${binding.name} leaves the function`, node);
  }

  #unary(node: AnyNode): void {
    const argument = node['argument'] as AnyNode;
    switch (node['operator']) {
      case 'typeof': case '!': case 'void': return this.any(argument);
      case 'delete': return this.#no('it deletes a property', node);
      default: this.operand(argument);
    }
  }

  #binary(node: AnyNode): void {
    const operator = String(node['operator']);
    const sides = [node['left'] as AnyNode, node['right'] as AnyNode];
    if (operator === 'in' || operator === 'instanceof' || sides[0]?.type === 'PrivateIdentifier') this.#no(`it uses ${operator}`, node);
    for (const side of sides) if (operator === '===' || operator === '!==') this.any(side); else this.operand(side);
  }

  #update(target: AnyNode): void {
    if (target.type === 'MemberExpression') { this.#element(target); this.operand(target); return; }
    this.#need(this.#own(target), target);
  }

  #assignment(node: AnyNode): void {
    const left = unwrap(node['left'] as AnyNode);
    const right = node['right'] as AnyNode;
    const operator = String(node['operator']);
    const isPlain = /^(?:=|&&=|\|\|=|\?\?=)$/.test(operator);
    if (left.type.endsWith('Pattern')) { this.#pattern(left, right, node); return; }
    if (left.type === 'MemberExpression') {
      this.#element(left);
      this.operand(right);                                               // an object under the name `__proto__` would bring its setters
      if (!isPlain) this.operand(left);
      return;
    }
    const binding = this.#own(left);
    if (isPlain) this.any(right);
    else { this.#need(binding, left); this.operand(right); }
  }

  #member(node: AnyNode): void { if (!isConstant(node, this.#types.scopes)) this.#element(node); }

  /** A property of a fresh object. */
  #element(node: AnyNode): void {
    const object = unwrap(node['object'] as AnyNode);
    const binding = this.#binding(object);
    if (binding === undefined || !this.#types.isFresh(binding, this.#info)) this.#no(`it uses a property of ${object.type === 'Identifier' ? String(object['name']) : object.type === 'ThisExpression' ? 'this' : 'an object'}`, node);
    if (node['computed'] === true) this.operand(node['property'] as AnyNode);
  }

  #call(node: AnyNode): void {
    if (node['optional'] === true) this.#no('an optional call', node);
    const callee = unwrap(node['callee'] as AnyNode);
    const args = node['arguments'] as AnyNode[];
    if (args.some(({ type }) => type === 'SpreadElement')) this.#no('it spreads an object', node);
    const called = this.#types.calleeOf(callee);
    if (called !== undefined) return this.#callOf(called, args, node);
    if (callee.type === 'Identifier') {
      if (this.#binding(callee) !== undefined || !PURE_GLOBALS.has(callee['name'] as string)) this.#no(`it calls ${String(callee['name'])}`, node);
      for (const argument of args) this.operand(argument);
      return;
    }
    if (callee.type !== 'MemberExpression' || callee['computed'] === true || callee['optional'] === true) this.#no('it calls a value', node);
    this.#methodCall(callee, args, node);
  }

  #methodCall(callee: AnyNode, args: readonly AnyNode[], node: AnyNode): void {
    const object = unwrap(callee['object'] as AnyNode);
    const name = (callee['property'] as AnyNode)['name'] as string;
    const binding = this.#binding(object);
    const isFresh = binding !== undefined && this.#types.isFresh(binding, this.#info);
    if (object.type === 'Identifier' && binding === undefined) {
      if (!isPureFunction(object['name'] as string, name)) this.#no(`it calls ${String(object['name'])}.${name}`, node);
      for (const argument of args) this.operand(argument);
    } else if (isFresh) {
      for (const argument of args) this.operand(argument);               // what is put in is primitive, and so is what is taken out
    } else {
      if (!PURE_METHODS.has(name)) this.#no(`it calls .${name}()`, node);
      this.operand(object);
      for (const argument of args) this.operand(argument);
    }
  }

  #callOf(called: FunctionInfo, args: readonly AnyNode[], node: AnyNode): void {
    const { reason, needs } = this.#types.summaryOf(called);
    if (reason !== undefined) this.#no(`it calls ${called.name}: ${reason}`, node);
    args.forEach((argument, k) => { if (needs.has(k)) this.operand(argument); else this.any(argument); });
  }
}

/** Names whose values an expression may give. */
function namesGiven(expression: AnyNode): AnyNode[] {
  const node = unwrap(expression);
  switch (node.type) {
    case 'Identifier': return [node];
    case 'ConditionalExpression': return [...namesGiven(node['consequent'] as AnyNode), ...namesGiven(node['alternate'] as AnyNode)];
    case 'LogicalExpression': return [...namesGiven(node['left'] as AnyNode), ...namesGiven(node['right'] as AnyNode)];
    case 'SequenceExpression': return namesGiven((node['expressions'] as AnyNode[]).at(-1) as AnyNode);
    case 'AssignmentExpression': return namesGiven(node['right'] as AnyNode);
    default: return [];
  }
}
