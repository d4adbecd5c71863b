/**
 * From a tree to text on one line, without comments. What stands beside a function (its twin) must not move the lines below it, so the text of the
 * source cannot be used: its line ends and its left-out semicolons belong together. Parentheses are put around every operand that is not closed
 * in itself; a statement is closed by a semicolon or a brace.
 * `places` leads parts of the text back to the source, for stack traces. twin-printer.ts overrides how calls and functions are printed.
 */
import { isNode, type AnyNode } from '../parse.ts';

/** Thrown where a tree cannot be put on one line: its function stays native. */
export class Unprintable extends Error {}

type Child = AnyNode | null | undefined;

/** Closed in itself: needs no parentheses as an operand. */
const CLOSED = new Set(['Identifier', 'Literal', 'ThisExpression', 'Super', 'TemplateLiteral', 'ArrayExpression', 'MemberExpression', 'CallExpression', 'ParenthesizedExpression', 'MetaProperty', 'PrivateIdentifier', 'ImportExpression', 'TaggedTemplateExpression', 'ObjectPattern', 'ArrayPattern']);
const LINE_END = /[\n\r\u2028\u2029]/;
const LINE_ENDS = /\r\n|[\n\r\u2028\u2029]/g;

export class Printer {
  text = '';
  /** Ascending by `at`. */
  readonly places: { at: number; original: number }[] = [];

  put(text: string): this { this.text += text; return this; }
  /** What follows stands for `offset` of the source. */
  place(offset: number): void { this.places.push({ at: this.text.length, original: offset }); }

  join(nodes: readonly Child[], separator: string, print: (node: AnyNode) => void): void {
    nodes.forEach((node, k) => { if (k > 0) this.put(separator); if (node !== null && node !== undefined) print(node); });
  }

  /* ---- statements ---- */

  block(statements: readonly AnyNode[]): void { this.put('{'); for (const one of statements) this.statement(one); this.put('}'); }

  statement(node: AnyNode): void {
    this.place(node.start);
    switch (node.type) {
      case 'ExpressionStatement':
        if (typeof node['directive'] === 'string') { this.literal(node['expression'] as AnyNode); this.put(';'); return; }
        this.put('('); this.expression(node['expression'] as AnyNode); this.put(');'); return;
      case 'BlockStatement': return this.block(node['body'] as AnyNode[]);
      case 'EmptyStatement': this.put(';'); return;
      case 'DebuggerStatement': this.put('debugger;'); return;
      case 'ReturnStatement': this.put('return'); this.#optional(node['argument'] as Child); this.put(';'); return;
      case 'ThrowStatement': this.put('throw '); this.expression(node['argument'] as AnyNode); this.put(';'); return;
      case 'BreakStatement': case 'ContinueStatement': this.put(node.type === 'BreakStatement' ? 'break' : 'continue'); this.#optional(node['label'] as Child); this.put(';'); return;
      case 'LabeledStatement': this.expression(node['label'] as AnyNode); this.put(':'); return this.statement(node['body'] as AnyNode);
      case 'IfStatement': return this.#if(node);
      case 'SwitchStatement': return this.#switch(node);
      case 'TryStatement': return this.#try(node);
      case 'WhileStatement': case 'WithStatement': this.put(node.type === 'WhileStatement' ? 'while(' : 'with('); this.expression((node['test'] ?? node['object']) as AnyNode); this.put(')'); return this.statement(node['body'] as AnyNode);
      case 'DoWhileStatement': this.put('do '); this.statement(node['body'] as AnyNode); this.put('while('); this.expression(node['test'] as AnyNode); this.put(');'); return;
      case 'ForStatement': return this.#for(node);
      case 'ForInStatement': case 'ForOfStatement': return this.#forEach(node);
      case 'VariableDeclaration': this.declaration(node); this.put(';'); return;
      case 'FunctionDeclaration': return this.function(node);
      case 'ClassDeclaration': return this.class(node);
      default: throw new Unprintable(`${node.type} is not known`);
    }
  }

  #optional(node: Child): void { if (isNode(node)) { this.put(' '); this.expression(node); } }

  #if(node: AnyNode): void {
    this.put('if('); this.expression(node['test'] as AnyNode); this.put(')');
    const alternate = node['alternate'] as Child;
    if (!isNode(alternate)) return this.statement(node['consequent'] as AnyNode);
    this.put('{'); this.statement(node['consequent'] as AnyNode); this.put('}else '); this.statement(alternate);
  }

  #switch(node: AnyNode): void {
    this.put('switch('); this.expression(node['discriminant'] as AnyNode); this.put('){');
    for (const one of node['cases'] as AnyNode[]) {
      if (isNode(one['test'])) { this.put('case '); this.expression(one['test']); this.put(':'); } else this.put('default:');
      for (const statement of one['consequent'] as AnyNode[]) this.statement(statement);
    }
    this.put('}');
  }

  #try(node: AnyNode): void {
    this.put('try'); this.statement(node['block'] as AnyNode);
    const handler = node['handler'] as Child;
    if (isNode(handler)) {
      this.put('catch');
      if (isNode(handler['param'])) { this.put('('); this.expression(handler['param']); this.put(')'); }
      this.statement(handler['body'] as AnyNode);
    }
    if (isNode(node['finalizer'])) { this.put('finally'); this.statement(node['finalizer']); }
  }

  #for(node: AnyNode): void {
    this.put('for(');
    const init = node['init'] as Child;
    if (isNode(init)) { if (init.type === 'VariableDeclaration') this.declaration(init, true); else { this.put('('); this.expression(init); this.put(')'); } }
    this.put(';'); if (isNode(node['test'])) this.expression(node['test']);
    this.put(';'); if (isNode(node['update'])) this.expression(node['update']);
    this.put(')'); this.statement(node['body'] as AnyNode);
  }

  #forEach(node: AnyNode): void {
    this.put(node['await'] === true ? 'for await(' : 'for(');
    const left = node['left'] as AnyNode;
    if (left.type === 'VariableDeclaration') this.declaration(left, true); else if (left.type === 'Identifier') { this.put('('); this.expression(left); this.put(')'); } else this.expression(left);
    this.put(node.type === 'ForInStatement' ? ' in ' : ' of '); this.operand(node['right'] as AnyNode);
    this.put(')'); this.statement(node['body'] as AnyNode);
  }

  declaration(node: AnyNode, inHead = false): void {
    this.put(`${String(node['kind'])} `);
    this.join(node['declarations'] as AnyNode[], ',', (declarator) => {
      this.expression(declarator['id'] as AnyNode);
      const init = declarator['init'] as Child;
      if (!isNode(init)) return;
      this.put('=');
      if (inHead) this.operand(init); else this.argument(init);
    });
  }

  /* ---- expressions ---- */

  /** As an operand: in parentheses unless closed in itself. */
  operand(node: AnyNode): void {
    if (CLOSED.has(node.type)) return this.expression(node);
    this.put('('); this.expression(node); this.put(')');
  }

  /** Between commas. */
  argument(node: AnyNode): void { if (node.type === 'SequenceExpression') this.operand(node); else this.expression(node); }

  /** What a member is taken of: `1 .x` is a number's. */
  object(node: AnyNode): void { if (node.type === 'Literal' && typeof node['value'] === 'number') { this.put('('); this.literal(node); this.put(')'); } else this.operand(node); }

  expression(node: AnyNode): void {
    switch (node.type) {
      case 'Identifier': this.put(node['name'] as string); return;
      case 'PrivateIdentifier': this.put(`#${String(node['name'])}`); return;
      case 'Literal': return this.literal(node);
      case 'ThisExpression': this.put('this'); return;
      case 'Super': this.put('super'); return;
      case 'MetaProperty': this.put(`${String((node['meta'] as AnyNode)['name'])}.${String((node['property'] as AnyNode)['name'])}`); return;
      case 'ParenthesizedExpression': this.put('('); this.expression(node['expression'] as AnyNode); this.put(')'); return;
      case 'SequenceExpression': return this.join(node['expressions'] as AnyNode[], ',', (one) => this.argument(one));
      case 'UnaryExpression': this.put(`${String(node['operator'])} `); return this.operand(node['argument'] as AnyNode);
      case 'UpdateExpression': if (node['prefix'] === true) { this.put(node['operator'] as string); this.operand(node['argument'] as AnyNode); } else { this.operand(node['argument'] as AnyNode); this.put(node['operator'] as string); } return;
      case 'BinaryExpression': case 'LogicalExpression': this.operand(node['left'] as AnyNode); this.put(` ${String(node['operator'])} `); return this.operand(node['right'] as AnyNode);
      case 'ConditionalExpression': this.operand(node['test'] as AnyNode); this.put('?'); this.operand(node['consequent'] as AnyNode); this.put(':'); return this.operand(node['alternate'] as AnyNode);
      case 'AssignmentExpression': this.operand(node['left'] as AnyNode); this.put(node['operator'] as string); return this.argument(node['right'] as AnyNode);
      case 'AssignmentPattern': this.expression(node['left'] as AnyNode); this.put('='); return this.argument(node['right'] as AnyNode);
      case 'SpreadElement': case 'RestElement': this.put('...'); return this.argument(node['argument'] as AnyNode);
      case 'AwaitExpression': this.put('await '); return this.operand(node['argument'] as AnyNode);
      case 'YieldExpression': this.put(node['delegate'] === true ? 'yield*' : 'yield'); if (isNode(node['argument'])) { this.put(' '); this.operand(node['argument']); } return;
      case 'ArrayExpression': case 'ArrayPattern': return this.#array(node['elements'] as Child[]);
      case 'ObjectExpression': case 'ObjectPattern': this.put('{'); this.join(node['properties'] as AnyNode[], ',', (one) => this.property(one)); this.put('}'); return;
      case 'MemberExpression': this.object(node['object'] as AnyNode); return this.member(node);
      case 'CallExpression': return this.call(node);
      case 'ChainExpression': return this.chain(node);
      case 'NewExpression': return this.new(node);
      case 'ImportExpression': this.put('import('); this.argument(node['source'] as AnyNode); if (isNode(node['options'])) { this.put(','); this.argument(node['options']); } this.put(')'); return;
      case 'TemplateLiteral': return this.template(node, false);
      case 'TaggedTemplateExpression': return this.tagged(node);
      case 'FunctionExpression': case 'ArrowFunctionExpression': return this.function(node);
      case 'ClassExpression': return this.class(node);
      default: throw new Unprintable(`${node.type} is not known`);
    }
  }

  call(node: AnyNode): void {
    this.place(node.start);
    this.object(node['callee'] as AnyNode);
    this.put(node['optional'] === true ? '?.(' : '('); this.arguments(node); this.put(')');
  }
  arguments(node: AnyNode): void { this.join(node['arguments'] as AnyNode[], ',', (one) => this.argument(one)); }
  chain(node: AnyNode): void { this.expression(node['expression'] as AnyNode); }
  new(node: AnyNode): void { this.place(node.start); this.put('new ('); this.expression(node['callee'] as AnyNode); this.put(')('); this.arguments(node); this.put(')'); }
  tagged(node: AnyNode): void { this.place(node.start); this.operand(node['tag'] as AnyNode); this.template(node['quasi'] as AnyNode, true); }

  /** `.name`, `[key]` or `?.name` after an object. */
  member(node: AnyNode): void {
    const property = node['property'] as AnyNode;
    if (node['computed'] === true) { this.put(node['optional'] === true ? '?.[' : '['); this.expression(property); this.put(']'); } else { this.put(node['optional'] === true ? '?.' : '.'); this.expression(property); }
  }

  literal(node: AnyNode): void {
    const raw = node['raw'] as string;
    if (typeof node['value'] === 'string' && LINE_END.test(raw)) this.put(JSON.stringify(node['value']).replace(LINE_ENDS, (end) => `\\u${end.charCodeAt(0).toString(16).padStart(4, '0')}`));
    else this.put(raw);
  }

  template(node: AnyNode, isTagged: boolean): void {
    const quasis = node['quasis'] as AnyNode[];
    this.put('`');
    quasis.forEach((quasi, k) => {
      const { raw } = quasi['value'] as { raw: string };
      if (isTagged && LINE_END.test(raw)) throw new Unprintable('a tagged template that spans lines');
      // A line end after an odd number of backslashes is a continuation: nothing.
      this.put(raw.replace(/(\\*)(\r\n|[\n\r\u2028\u2029])/g, (_, slashes: string, end: string) => (slashes.length % 2 === 1 ? slashes.slice(1) : `${slashes}\\u${end === '\r\n' ? '000a' : end.charCodeAt(0).toString(16).padStart(4, '0')}`)));
      if (k < quasis.length - 1) { this.put('${'); this.expression((node['expressions'] as AnyNode[])[k] as AnyNode); this.put('}'); }
    });
    this.put('`');
  }

  #array(elements: Child[]): void {
    this.put('[');
    elements.forEach((element, k) => { if (isNode(element)) this.argument(element); if (k < elements.length - 1 || !isNode(element)) this.put(','); });   // a hole at the end needs its comma
    this.put(']');
  }

  /* ---- functions, classes, objects ---- */

  key(node: AnyNode): void {
    const key = node['key'] as AnyNode;
    if (node['computed'] === true) { this.put('['); this.argument(key); this.put(']'); } else this.expression(key);
  }

  property(node: AnyNode): void {
    if (node.type !== 'Property') return this.expression(node);
    const value = node['value'] as AnyNode;
    if (node['shorthand'] === true) return this.expression(value);
    if (node['method'] === true || node['kind'] !== 'init') return this.method(node, value, node['kind'] as string);
    this.key(node); this.put(':'); this.argument(value);
  }

  method(node: AnyNode, value: AnyNode, kind: string): void {
    this.put(`${node['static'] === true ? 'static ' : ''}${kind === 'get' || kind === 'set' ? `${kind} ` : ''}${value['async'] === true ? 'async ' : ''}${value['generator'] === true ? '*' : ''}`);
    this.key(node);
    this.parameters(value); this.body(value);
  }

  parameters(node: AnyNode): void { this.put('('); this.join(node['params'] as AnyNode[], ',', (one) => this.expression(one)); this.put(')'); }

  /** The braces of a function and what is between. */
  body(node: AnyNode): void {
    const body = node['body'] as AnyNode;
    if (body.type === 'BlockStatement') return this.block(body['body'] as AnyNode[]);
    this.put('{return '); this.expression(body); this.put('}');
  }

  function(node: AnyNode): void {
    const isArrow = node.type === 'ArrowFunctionExpression';
    this.put(`${node['async'] === true ? 'async ' : ''}${isArrow ? '' : node['generator'] === true ? 'function*' : 'function'}`);
    if (isNode(node['id'])) this.put(` ${String(node['id']['name'])}`);
    this.parameters(node); if (isArrow) this.put('=>'); this.body(node);
  }

  class(node: AnyNode): void {
    this.put('class');
    if (isNode(node['id'])) this.put(` ${String(node['id']['name'])}`);
    if (isNode(node['superClass'])) { this.put(' extends '); this.operand(node['superClass']); }
    this.classBody(node['body'] as AnyNode);
  }

  classBody(body: AnyNode): void {
    this.put('{');
    for (const member of body['body'] as AnyNode[]) this.#member(member);
    this.put('}');
  }

  #member(node: AnyNode): void {
    if (node.type === 'StaticBlock') { this.put('static'); this.block(node['body'] as AnyNode[]); return; }
    if (node.type === 'MethodDefinition') return this.method(node, node['value'] as AnyNode, node['kind'] as string);
    this.put(node['static'] === true ? 'static ' : ''); this.key(node);
    if (isNode(node['value'])) { this.put('='); this.argument(node['value']); }
    this.put(';');
  }
}
