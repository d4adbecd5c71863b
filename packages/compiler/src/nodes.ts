/**
 * The nodes of a tree. The parser makes them (parser.ts), and every pass of the compiler writes what it has found into fields that are there from the beginning: a
 * look-up by node is a load. Nodes below a node are visited by its kind, since `for … in` over nodes of many kinds costs more than all that is done with them.
 */
import type { Node } from 'acorn';
import type { Facts } from './async/tree.ts';
import type { Binding, FunctionInfo } from './stacks/scopes.ts';
import type { Vertex } from './stacks/vertex.ts';

/** A node as a walk sees it: its fields by name. */
export type AnyNode = SourceNode & Record<string, unknown>;

export class SourceNode implements Node {
  type = '';
  start: number;
  end = 0;
  /** The node around it: by orderOf, or by the asynchronous pass of the tree that it works on. */
  up: AnyNode | undefined = undefined;
  /** The innermost function around it. */
  owner: AnyNode | undefined = undefined;
  /** Of an identifier that stands for a variable of the program. */
  binding: Binding | undefined = undefined;
  /** Of a function. */
  info: FunctionInfo | undefined = undefined;
  /** Where the value of an expression is held. */
  vertex: Vertex | undefined = undefined;
  /** Below it, in the order of the text: made when they are asked for. */
  list: AnyNode[] | undefined = undefined;
  /** Something in it is rewritten: the printer must go down. */
  isHot = false;
  /** Inside of a class's fields or static blocks, or of a loop, outside of any function: evaluated many times, perhaps. */
  isRepeated = false;
  /** Of functions. */
  facts: Facts | undefined = undefined;

  constructor(start: number) { this.start = start; }

  get kids(): AnyNode[] { return this.list ??= kidsOf(this as unknown as AnyNode); }
}

type Visit = (child: AnyNode) => void;
type Children = (node: AnyNode, visit: Visit) => void;

function each(list: unknown, visit: Visit): void {
  const nodes = list as readonly (AnyNode | null)[];
  for (let k = 0; k < nodes.length; k++) { const node = nodes[k]; if (node !== null && node !== undefined) visit(node); }
}
function one(value: unknown, visit: Visit): void { if (value !== null && value !== undefined) visit(value as AnyNode); }

const none: Children = () => { /* a leaf */ };
const argument: Children = (node, visit) => { one(node['argument'], visit); };
const expression: Children = (node, visit) => { visit(node['expression'] as AnyNode); };
const sides: Children = (node, visit) => { visit(node['left'] as AnyNode); visit(node['right'] as AnyNode); };
const body: Children = (node, visit) => { each(node['body'], visit); };
const elements: Children = (node, visit) => { each(node['elements'], visit); };
const properties: Children = (node, visit) => { each(node['properties'], visit); };
const label: Children = (node, visit) => { one(node['label'], visit); };
const local: Children = (node, visit) => { visit(node['local'] as AnyNode); };
const keyAndValue: Children = (node, visit) => { visit(node['key'] as AnyNode); one(node['value'], visit); };
const branches: Children = (node, visit) => { visit(node['test'] as AnyNode); visit(node['consequent'] as AnyNode); one(node['alternate'], visit); };
const functionParts: Children = (node, visit) => { one(node['id'], visit); each(node['params'], visit); visit(node['body'] as AnyNode); };
const classParts: Children = (node, visit) => { one(node['id'], visit); one(node['superClass'], visit); visit(node['body'] as AnyNode); };
const loopOver: Children = (node, visit) => { visit(node['left'] as AnyNode); visit(node['right'] as AnyNode); visit(node['body'] as AnyNode); };
const call: Children = (node, visit) => { visit(node['callee'] as AnyNode); each(node['arguments'], visit); };

/** By the kind of a node, in the order in which the parser fills its fields: that of the text, but for a few. */
const CHILDREN: ReadonlyMap<string, Children> = new Map(Object.entries<Children>({
  Identifier: none, Literal: none, ThisExpression: none, TemplateElement: none, PrivateIdentifier: none, Super: none, EmptyStatement: none, DebuggerStatement: none,
  MemberExpression: (node, visit) => { visit(node['object'] as AnyNode); visit(node['property'] as AnyNode); },
  CallExpression: call, NewExpression: call,
  ExpressionStatement: expression, ParenthesizedExpression: expression, ChainExpression: expression,
  BlockStatement: body, StaticBlock: body, ClassBody: body, Program: body,
  VariableDeclaration: (node, visit) => { each(node['declarations'], visit); },
  VariableDeclarator: (node, visit) => { visit(node['id'] as AnyNode); one(node['init'], visit); },
  BinaryExpression: sides, LogicalExpression: sides, AssignmentExpression: sides, AssignmentPattern: sides,
  Property: keyAndValue, PropertyDefinition: keyAndValue, MethodDefinition: keyAndValue, ImportAttribute: keyAndValue,
  UnaryExpression: argument, UpdateExpression: argument, AwaitExpression: argument, YieldExpression: argument, ReturnStatement: argument, ThrowStatement: argument, SpreadElement: argument, RestElement: argument,
  ArrayExpression: elements, ArrayPattern: elements, ObjectExpression: properties, ObjectPattern: properties,
  IfStatement: branches, ConditionalExpression: branches,
  ArrowFunctionExpression: functionParts, FunctionExpression: functionParts, FunctionDeclaration: functionParts,
  ClassDeclaration: classParts, ClassExpression: classParts,
  TemplateLiteral: (node, visit) => { each(node['expressions'], visit); each(node['quasis'], visit); },
  TaggedTemplateExpression: (node, visit) => { visit(node['tag'] as AnyNode); visit(node['quasi'] as AnyNode); },
  SequenceExpression: (node, visit) => { each(node['expressions'], visit); },
  MetaProperty: (node, visit) => { visit(node['meta'] as AnyNode); visit(node['property'] as AnyNode); },
  ImportExpression: (node, visit) => { visit(node['source'] as AnyNode); one(node['options'], visit); },
  ForStatement: (node, visit) => { one(node['init'], visit); one(node['test'], visit); one(node['update'], visit); visit(node['body'] as AnyNode); },
  ForInStatement: loopOver, ForOfStatement: loopOver,
  WhileStatement: (node, visit) => { visit(node['test'] as AnyNode); visit(node['body'] as AnyNode); },
  DoWhileStatement: (node, visit) => { visit(node['body'] as AnyNode); visit(node['test'] as AnyNode); },
  WithStatement: (node, visit) => { visit(node['object'] as AnyNode); visit(node['body'] as AnyNode); },
  SwitchStatement: (node, visit) => { visit(node['discriminant'] as AnyNode); each(node['cases'], visit); },
  SwitchCase: (node, visit) => { each(node['consequent'], visit); one(node['test'], visit); },
  TryStatement: (node, visit) => { visit(node['block'] as AnyNode); one(node['handler'], visit); one(node['finalizer'], visit); },
  CatchClause: (node, visit) => { one(node['param'], visit); visit(node['body'] as AnyNode); },
  BreakStatement: label, ContinueStatement: label,
  LabeledStatement: (node, visit) => { visit(node['body'] as AnyNode); visit(node['label'] as AnyNode); },
  ImportDeclaration: (node, visit) => { each(node['specifiers'], visit); visit(node['source'] as AnyNode); each(node['attributes'], visit); },
  ImportSpecifier: (node, visit) => { visit(node['imported'] as AnyNode); visit(node['local'] as AnyNode); },
  ImportDefaultSpecifier: local, ImportNamespaceSpecifier: local,
  ExportSpecifier: (node, visit) => { visit(node['local'] as AnyNode); visit(node['exported'] as AnyNode); },
  ExportNamedDeclaration: (node, visit) => { one(node['declaration'], visit); each(node['specifiers'], visit); one(node['source'], visit); each(node['attributes'], visit); },
  ExportDefaultDeclaration: (node, visit) => { visit(node['declaration'] as AnyNode); },
  ExportAllDeclaration: (node, visit) => { one(node['exported'], visit); visit(node['source'] as AnyNode); each(node['attributes'], visit); },
}));

/** Calls `visit` for each child. */
export function forEachChild(node: AnyNode, visit: (child: AnyNode) => void): void {
  const children = CHILDREN.get(node.type);
  if (children === undefined) throw new TypeError(`${node.type} is not known`);
  children(node, visit);
}

const NO_NODES: AnyNode[] = [];

/** The children that stand in the text, in its order: a shorthand is one, and the names of specifiers are none. */
function kidsOf(node: AnyNode): AnyNode[] {
  const { type } = node;
  if (type === 'Property' && node['shorthand'] === true) return [node['value'] as AnyNode];
  if (type === 'ImportSpecifier' || type === 'ExportSpecifier') return NO_NODES;
  let kids = NO_NODES;
  let isAscending = true;
  forEachChild(node, (child) => {
    if (kids === NO_NODES) kids = [child];
    else { if ((kids[kids.length - 1] as AnyNode).start > child.start) isAscending = false; kids.push(child); }
  });
  return isAscending ? kids : kids.toSorted((a, b) => a.start - b.start);
}

/** A tree once more, as a list. */
export interface Order {
  /** Every node that has others below it, or could: parents first, and of its children the last one first. */
  readonly nodes: readonly AnyNode[];
  /** Some variable is declared by `var`. */
  readonly hasVar: boolean;
}

const ordered = new WeakSet<AnyNode>();

/** Says of every node what is around it. On a stack of its own: sources nest deeper than JavaScript's stack is long. */
export function orderOf(program: AnyNode): Order {
  const isAnew = ordered.has(program);
  ordered.add(program);
  const nodes: AnyNode[] = [];
  const pending: AnyNode[] = [program];
  let hasVar = false;
  let around = program;
  let owner: AnyNode | undefined;
  const visit = (child: AnyNode): void => {
    child.up = around;
    child.owner = owner;
    if (isAnew) child.binding = child.info = child.vertex = undefined;
    pending.push(child);
  };
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    const { type } = node;
    const children = CHILDREN.get(type);
    if (children === none) continue;
    if (children === undefined) throw new TypeError(`${type} is not known`);
    nodes.push(node);
    if (type === 'VariableDeclaration' && node['kind'] === 'var') hasVar = true;
    around = node;
    owner = children === functionParts ? node : node.owner;
    children(node, visit);
  }
  return { nodes, hasVar };
}
