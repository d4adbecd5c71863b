/**
 * Prints twins. A twin is a function's body as a generator: each call inside a cycle yields the callee's frame to the driver (stack-runtime.ts)
 * instead of standing on the native stack.
 *
 *   f(x)        f declared, has a twin        (yield f$twin(x))
 *   f(x)        any other value               (($r=$S.call(f,void 0,[x],"f"))===$S.linked?yield:$r)
 *   o.m(x)                                    the same with ($o=o).m,$o        callee, then arguments, then "is it callable": as in the language
 *   new C(x)                                  $S.construct(C,[x],"C")
 *   o.x         x has a getter in a cycle     $S.get(o,"x")
 *   tag`…`                                    $S.call(tag,void 0,$S.strings`…`,"tag")
 *   a?.b(x)     a chain with such a call      conditionals over temporaries
 *
 * Functions inside a twin are printed with their own checks and twins: they close over the twin's variables.
 */
import { isNode, type AnyNode } from '../parse.ts';
import type { ClosedBody } from './edits.ts';
import { namesOfPattern } from './scopes.ts';
import { Printer, Unprintable } from './printer.ts';
import type { LinkedFunction, StackPlan } from './plan.ts';

/** What a check names itself by, so that the runtime finds it: the distance from the function's first character. Always as long. NO_DISTANCE where another tool will print the text anew. */
const COUNTING = '.lowStack(';
const READING = '.fromTwin(';
export const MARK_LENGTH: number = COUNTING.length;
const DISTANCE_WIDTH = 7;
const NO_DISTANCE = -1;
export const distanceText = (distance: number): string => String(distance).padEnd(DISTANCE_WIDTH);

const isSuperMember = (node: AnyNode): boolean => node.type === 'MemberExpression' && (node['object'] as AnyNode).type === 'Super';

export class TwinPrinter extends Printer {
  readonly #plan: StackPlan;
  /** The function whose twin is being printed, as long as the text is its own and not that of a function inside. */
  #current: LinkedFunction | undefined;
  #temporaries = 0;
  /** Name of the function that reads `super` for the twin. */
  #superName: string | undefined;

  constructor(plan: StackPlan) { super(); this.#plan = plan; }

  /* ---- the check and the twin of a function ---- */

  /**
   * `if(credit is used up) return …`: what a function with a check begins with. One that does not count only learns that a twin has called it.
   * @param start  where the function's own text begins in this one; undefined: elsewhere, and the distance is filled in later
   * @returns where the mark stands in the text
   */
  check(linked: LinkedFunction, start?: number): number {
    const { stack, credit } = this.#plan.names;
    const isReading = linked.weight === 0;                             // shorter, so that V8 still inlines what is short
    this.put(isReading ? `if(${credit}[0]<0)return ${stack}` : `if((${credit}[0]-=${String(linked.weight)})<0&&${stack}`);
    const mark = this.text.length;
    const distance = distanceText(this.#plan.isAhead ? NO_DISTANCE : start === undefined ? 0 : mark - start);
    this.put(isReading ? `${READING}${distance},` : `${COUNTING}${distance}))return ${stack}.deep(`);
    if (linked.twin === undefined) this.#twinValue(linked); else this.put(linked.twin);
        // What may be called by `new` gives its object, whether it uses it or not.
    this.put(`,${linked.info.usesThis || /^(?:declaration|expression|constructor)$/.test(linked.info.form) ? 'this' : 'void 0'},${this.#given(linked)});`);
    return mark;
  }

  #given({ info, isLowered }: LinkedFunction): string {
    if (info.usesArguments && info.form !== 'arrow') return 'arguments';
    const names = (info.node['params'] as AnyNode[]).map((param, k) => {
      const rest = param.type === 'RestElement' ? '...' : '';
      return `${rest}${isLowered ? this.#parameter(k) : String(namesOfPattern(param)[0]?.['name'])}`;
    });
    return `[${names.join(',')}]`;
  }

  #parameter(k: number): string { return `${this.#plan.names.temporary}p${k}`; }

  /** The parameter list of a function whose parameters are bound in its body: text for each of them. */
  loweredParameters(linked: LinkedFunction): string[] {
    return (linked.info.node['params'] as AnyNode[]).map((param, k) =>
      (param.type === 'RestElement' ? `...${this.#parameter(k)}` : param.type === 'AssignmentPattern' ? `${this.#parameter(k)}=void 0` : this.#parameter(k)));
  }

  /** Binds them. */
  bindings(linked: LinkedFunction): void {
    const outer = this.#current;
    if (outer?.info !== linked.info) this.#current = undefined;
    (linked.info.node['params'] as AnyNode[]).forEach((param, k) => {
      const pattern = (param.type === 'AssignmentPattern' ? param['left'] : param.type === 'RestElement' ? param['argument'] : param) as AnyNode;
      this.place(param.start);
      this.put('let '); this.expression(pattern); this.put('=');
      if (param.type === 'AssignmentPattern') {
        this.put(`${this.#parameter(k)}===void 0?`);
        const value = param['right'] as AnyNode;
        const isUnnamed = pattern.type === 'Identifier' && !isNode(value['id']) && /^(?:Arrow)?FunctionExpression$|^ClassExpression$/.test(value.type);
        if (isUnnamed) { this.put(`{${String(pattern['name'])}:`); this.argument(value); this.put(`}.${String(pattern['name'])}`); } else this.operand(value);   // as the parameter would have named it
        this.put(`:${this.#parameter(k)};`);
      } else this.put(`${this.#parameter(k)};`);
    });
    this.#current = outer;
  }

  /** The generator function, as an expression that names nothing of the function around it. */
  #twinValue(linked: LinkedFunction): void {
    const { selfName, info } = linked;
    const superName = info.usesSuper ? `${this.#plan.names.temporary}u` : undefined;
    const passed = [selfName, superName].filter((name) => name !== undefined);
    if (passed.length > 0) this.put(`((${passed.join(',')})=>`);
    this.#twin(linked, 'function*', superName);
    if (passed.length > 0) this.put(`)(${[selfName, superName === undefined ? undefined : this.#superName ?? 'k=>super[k]'].filter((text) => text !== undefined).join(',')})`);
  }

  /** `function* name(…){…}`, beside a function declaration. */
  twinDeclaration(linked: LinkedFunction): void { this.#twin(linked, `function* ${String(linked.twin)}`, undefined); }

  #twin(linked: LinkedFunction, head: string, superName: string | undefined): void {
    const outer = { current: this.#current, temporaries: this.#temporaries, superName: this.#superName };
    this.#current = linked; this.#temporaries = 0; this.#superName = superName;
    const { temporary, stack } = this.#plan.names;
    const { node } = linked.info;
    this.put(head);
    this.#parametersOf(linked);
    const { directives, statements } = bodyOf(node);
    const [start, functions, yields] = [this.text.length, this.#functions, this.#yields];
    this.put('{');
    for (const directive of directives) this.statement(directive);
    this.place(node.start);
    this.put(`${stack}.at=${JSON.stringify(linked.label)};`);
    if (linked.isLowered) this.bindings(linked);
    if (statements === undefined) { this.put('return '); this.expression(node['body'] as AnyNode); this.put(';'); } else for (const one of statements) this.statement(one);
    const extra = Array.from({ length: this.#temporaries }, (_, k) => `,${temporary}${k}`).join('');
    this.put(`var ${temporary}r,${temporary}o${extra};}`);
    if (this.#functions === functions) this.closed.push({ start, end: this.text.length, hasYield: this.#yields > yields });
    this.#current = outer.current; this.#temporaries = outer.temporaries; this.#superName = outer.superName;
  }

  #parametersOf(linked: LinkedFunction): void {
    if (linked.isLowered) this.put(`(${this.loweredParameters(linked).join(',')})`);
    else super.parameters(linked.info.node);
  }

  /* ---- functions inside a twin ---- */

  /** Functions and classes, and calls that yield, that have been printed. */
  #functions = 0;
  #yields = 0;
  readonly closed: ClosedBody[] = [];

  override function(node: AnyNode): void {
    this.#functions += 1;
    const linked = this.#plan.functions.get(node);
    const start = this.text.length;
    if (linked === undefined) return this.#plain(() => super.function(node), node.type === 'ArrowFunctionExpression');
    const isArrow = node.type === 'ArrowFunctionExpression';
    this.put(isArrow ? '' : 'function');
    if (isNode(node['id'])) this.put(` ${String(node['id']['name'])}`);
    this.#checked(linked, start, isArrow);
    if (linked.twin !== undefined && node.type === 'FunctionDeclaration') this.twinDeclaration(linked);
  }

  override method(node: AnyNode, value: AnyNode, kind: string): void {
    this.#functions += 1;
    const linked = this.#plan.functions.get(value);
    if (linked === undefined) return this.#plain(() => super.method(node, value, kind), false);
    if (node['static'] === true) this.put('static ');
    const start = this.text.length;
    if (kind === 'get' || kind === 'set') this.put(`${kind} `);
    this.key(node);
    this.#checked(linked, start, false);
  }

  override class(node: AnyNode): void {
    this.#functions += 1;
    const outer = this.#classStart;
    this.#classStart = this.text.length;
    super.class(node);
    this.#classStart = outer;
  }
  #classStart = 0;

  /** Fields and static blocks are functions of their own. */
  override classBody(body: AnyNode): void {
    if (this.#superName !== undefined && (body['body'] as AnyNode[]).some((member) => member['computed'] === true)) throw new Unprintable('computed names of a class in a method that uses super');
    this.#plain(() => super.classBody(body), false);
  }

  /** Parameters and body, with the check where there is one. */
  #checked(linked: LinkedFunction, start: number, isArrow: boolean): void {
    const { node, form } = linked.info;
    const outer = { current: this.#current, superName: this.#superName };
    this.#current = undefined;
    if (!isArrow) this.#superName = undefined;
    this.#parametersOf(linked);
    if (isArrow) this.put('=>');
    const { directives, statements } = bodyOf(node);
    this.put('{');
    for (const directive of directives) this.statement(directive);
    if (linked.weight !== undefined) this.check(linked, form === 'constructor' ? this.#classStart : start);
    if (linked.isLowered) this.bindings(linked);
    if (statements === undefined) { this.put('return '); this.expression(node['body'] as AnyNode); this.put(';'); } else for (const one of statements) this.statement(one);
    this.put('}');
    this.#current = outer.current; this.#superName = outer.superName;
  }

  #plain(print: () => void, isArrow: boolean): void {
    const outer = { current: this.#current, superName: this.#superName };
    this.#current = undefined;
    if (!isArrow) this.#superName = undefined;
    print();
    this.#current = outer.current; this.#superName = outer.superName;
  }

  /* ---- calls ---- */

  #linkedCall(node: AnyNode) { return this.#current === undefined ? undefined : this.#plan.calls.get(node); }

  override call(node: AnyNode): void {
    const callee = node['callee'] as AnyNode;
    const linked = this.#linkedCall(node);
    if (linked?.to === 'twin') {
      this.#yields += 1;
      this.put('(yield '); this.place(node.start); this.put(`${String(this.#plan.functions.get(linked.callee.node)?.twin)}(`); this.arguments(node); this.put('))');
    } else if (linked !== undefined && callee.type !== 'Super') {
      this.#linked(node, 'call', () => { this.#calleeAndThis(callee); this.put(','); this.#list(node); this.put(`,${this.#named(callee)}`); });
    } else if (isSuperMember(callee) && this.#superName !== undefined) {
      this.place(node.start); this.put(`${this.#plan.names.stack}.apply(`); this.#superRead(callee); this.put(',this,'); this.#list(node); this.put(')');
    } else super.call(node);
  }

  #linked(node: AnyNode, what: string, print: () => void): void {
    const { stack, temporary } = this.#plan.names;
    this.#yields += 1;
    this.place(node.start);
    this.put(`((${temporary}r=${stack}.${what}(`); print(); this.put(`))===${stack}.linked?yield:${temporary}r)`);
  }

  #list(node: AnyNode): void { this.put('['); this.arguments(node); this.put(']'); }

  /** The text of a callee, as an error would give it; short ones only. */
  #named(callee: AnyNode): string {
    const text = callee.type === 'Literal' ? callee['raw'] as string : nameText(callee);
    return text !== undefined && text.length <= 60 && /^[\w$.#]+$/.test(text) ? `"${text}"` : '""';
  }

  #calleeAndThis(callee: AnyNode): void {
    const inner = unwrapped(callee);
    if (inner.type !== 'MemberExpression') { this.argument(callee); this.put(',void 0'); return; }
    const object = inner['object'] as AnyNode;
    if (object.type === 'Super') { this.#superRead(inner); this.put(',this'); return; }
    if (object.type === 'ThisExpression') { this.put('this'); this.member(inner); this.put(',this'); return; }
    // A key is evaluated between: what it calls must not take the place of the object.
    const held = `${this.#plan.names.temporary}${inner['computed'] === true ? String(this.#temporaries++) : 'o'}`;
    this.put(`(${held}=`); this.argument(object); this.put(')'); this.member(inner); this.put(`,${held}`);
  }

  override new(node: AnyNode): void {
    if (this.#linkedCall(node) === undefined) return super.new(node);
    const callee = node['callee'] as AnyNode;
    this.#linked(node, 'construct', () => { this.argument(callee); this.put(','); this.#list(node); this.put(`,${this.#named(callee)}`); });
  }

  override tagged(node: AnyNode): void {
    const tag = node['tag'] as AnyNode;
    if (this.#linkedCall(node) === undefined) { if (isSuperMember(unwrapped(tag)) && this.#superName !== undefined) throw new Unprintable('a template tagged by super'); return super.tagged(node); }
    this.#linked(node, 'call', () => { this.#calleeAndThis(tag); this.put(`,${this.#plan.names.stack}.strings`); this.template(node['quasi'] as AnyNode, true); this.put(`,${this.#named(tag)}`); });
  }

  override expression(node: AnyNode): void {
    if (node.type === 'AssignmentExpression' || node.type === 'UpdateExpression') { const target = (node['left'] ?? node['argument']) as AnyNode; return this.#assigning(target, () => super.expression(node)); }
    if (node.type === 'UnaryExpression' && node['operator'] === 'delete') return this.#assigning(node['argument'] as AnyNode, () => super.expression(node));
    if (node.type === 'MemberExpression' && !this.#targets.has(node)) {
      if (isSuperMember(node) && this.#superName !== undefined) return this.#superRead(node);
      if (this.#linkedCall(node)?.to === 'getter') return this.#linked(node, 'get', () => { this.argument(node['object'] as AnyNode); this.put(`,${keyText(node)}`); });
    }
    super.expression(node);
  }

  readonly #targets = new Set<AnyNode>();
  /** What is assigned to, or deleted, is not read: no getter runs, and `super` cannot be written from outside of its method. */
  #assigning(target: AnyNode, print: () => void): void {
    const inner = unwrapped(target);
    const members = inner.type === 'MemberExpression' ? [inner] : membersOfPattern(inner);
    if (this.#superName !== undefined && members.some(isSuperMember)) throw new Unprintable('an assignment to a property of super');
    for (const member of members) this.#targets.add(member);
    print();
    for (const member of members) this.#targets.delete(member);
  }

  #superRead(node: AnyNode): void {
    this.put(`${String(this.#superName)}(`);
    if (node['computed'] === true) this.argument(node['property'] as AnyNode); else this.put(keyText(node));
    this.put(')');
  }

  /* ---- chains ---- */

  override chain(node: AnyNode): void {
    const links: AnyNode[] = [];
    let head = node['expression'] as AnyNode;
    for (; head.type === 'MemberExpression' || head.type === 'CallExpression'; head = (head['object'] ?? head['callee']) as AnyNode) links.unshift(head);
    if (head.type === 'Super' && this.#superName !== undefined) throw new Unprintable('an optional call of super');
    if (head.type === 'Super' || links.every((link) => this.#linkedCall(link) === undefined)) return super.chain(node);
    const at = `${this.#plan.names.temporary}${this.#temporaries++}`;
    const self = `${this.#plan.names.temporary}${this.#temporaries++}`;
    this.put(`(${self}=void 0,${at}=`); this.argument(head);
    let open = 1;
    for (const link of links) {
      if (link['optional'] === true) { this.put(`,${at}==null?void 0:(`); open += 1; } else this.put(',');
      if (link.type === 'MemberExpression') {
        const linked = this.#linkedCall(link);
        this.put(`${self}=${at},${at}=`);
        if (linked?.to === 'getter') this.#linked(link, 'get', () => this.put(`${self},${keyText(link)}`));
        else { this.put(self); super.member({ ...link, optional: false } as unknown as AnyNode); }
      } else {
        this.put(`${at}=`);
        this.#linked(link, 'call', () => { this.put(`${at},${self},`); this.#list(link); this.put(`,${this.#named(link['callee'] as AnyNode)}`); });
        this.put(`,${self}=void 0`);
        this.put(`,${at}`);
      }
    }
    if (links.at(-1)?.type === 'MemberExpression') this.put(`,${at}`);
    this.put(')'.repeat(open));
  }
}

/** `o.p.q`, where it is made of names alone. */
function nameText(node: AnyNode): string | undefined {
  switch (node.type) {
    case 'Identifier': return node['name'] as string;
    case 'PrivateIdentifier': return `#${String(node['name'])}`;
    case 'ThisExpression': return 'this';
    case 'Super': return 'super';
    case 'MetaProperty': return `${String((node['meta'] as AnyNode)['name'])}.${String((node['property'] as AnyNode)['name'])}`;
    case 'Literal': return typeof node['value'] === 'number' ? undefined : node['raw'] as string;
    case 'MemberExpression': {
      if (node['computed'] === true || node['optional'] === true) return undefined;
      const object = nameText(node['object'] as AnyNode);
      return object === undefined ? undefined : `${object}.${nameText(node['property'] as AnyNode) as string}`;
    }
    default: return undefined;
  }
}

/** The name of a property that is written out, as a string of the language. */
function keyText(member: AnyNode): string {
  const property = member['property'] as AnyNode;
  return JSON.stringify(String(property['name'] ?? property['value']));
}

function unwrapped(node: AnyNode): AnyNode { let at = node; while (at.type === 'ParenthesizedExpression') at = at['expression'] as AnyNode; return at; }

function membersOfPattern(pattern: AnyNode): AnyNode[] {
  switch (pattern.type) {
    case 'MemberExpression': return [pattern];
    case 'ObjectPattern': return (pattern['properties'] as AnyNode[]).flatMap((property) => membersOfPattern((property['value'] ?? property['argument']) as AnyNode));
    case 'ArrayPattern': return (pattern['elements'] as (AnyNode | null)[]).flatMap((element) => (element === null ? [] : membersOfPattern(element)));
    case 'AssignmentPattern': return membersOfPattern(pattern['left'] as AnyNode);
    case 'RestElement': return membersOfPattern(pattern['argument'] as AnyNode);
    default: return [];
  }
}

/** Directives and statements of a function's body; no statements: the body is an expression. */
export function bodyOf(node: AnyNode): { directives: AnyNode[]; statements: AnyNode[] | undefined } {
  const body = node['body'] as AnyNode;
  if (body.type !== 'BlockStatement') return { directives: [], statements: undefined };
  const all = body['body'] as AnyNode[];
  return { directives: all.filter((one) => typeof one['directive'] === 'string'), statements: all.filter((one) => typeof one['directive'] !== 'string') };
}
