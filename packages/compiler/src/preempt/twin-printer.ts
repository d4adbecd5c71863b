/**
 * Prints the twins of synchronous functions for preemption: a function's body as a generator whose loops give up the processor (loops.ts), and whose
 * calls of other such functions run as frames of their own:
 *
 *   f(x)    ((r=plain(point,depth,f,x))===SUSPENDED?yield SUSPENDED:r)
 *
 * All on one line. The twin speaks the protocol of compiled async functions, so whoever begins or awaits one of these runs it likewise.
 * Functions inside are printed with what linked stacks make of them.
 */
import type { Position } from '../lines.ts';
import type { AnyNode } from '../parse.ts';
import type { StackPlan } from '../stacks/plan.ts';
import type { FunctionInfo } from '../stacks/scopes.ts';
import { TwinPrinter, bodyOf } from '../stacks/twin-printer.ts';
import { inlineText, listTexts, textsOf, type LoopNames, type LoopPlan, type Rule } from './loops.ts';
import type { PlainTwin, PreemptionPlan } from './plan.ts';

/** A place in the source that generated code names: for stack traces. */
export type PlaceRow = readonly [number: number, line: number, column: number, functionName: string, callee: string];

export interface TwinNames { readonly prefix: string; readonly helper: (name: string) => string }

const SHOWN_MAX = 60;

export class PreemptPrinter extends TwinPrinter {
  readonly #plan: PreemptionPlan;
  readonly #names: TwinNames;
  readonly #code: string;
  readonly #place: (offset: number) => Position;
  readonly #rows: PlaceRow[];
  /** The function whose twin is being printed; undefined inside of functions in it. */
  #own: FunctionInfo | undefined;
  #loops = 0;

  constructor(stacks: StackPlan, plan: PreemptionPlan, names: TwinNames, code: string, place: (offset: number) => Position, rows: PlaceRow[]) {
    super(stacks);
    this.#plan = plan; this.#names = names; this.#code = code; this.#place = place; this.#rows = rows;
  }

  #name(name: string): string { return this.#names.prefix + name; }

  /** `function* name(…){…}`; without a name, an expression. */
  preemptTwin({ info, needs, isMarked, isRecursive }: PlainTwin, name: string): void {
    const { node } = info;
    const { directives, statements } = bodyOf(node);
    this.put(`function* ${name}`);
    this.parameters(node);
    this.put('{');
    for (const directive of directives) this.statement(directive);
    this.#own = info;
    const guard = isMarked || needs.length === 0 ? '' : `,${this.#name('g')}=${this.#names.helper('primitives')}(${needs.join()})`;
    this.put(`let ${this.#name('c')}=0,${this.#name('k')}=${this.#names.helper('turns')}(),${this.#name('d')}=${this.#names.helper('depth')}(),${this.#name('r')}${guard};`);
    const suspended = this.#names.helper('SUSPENDED');
    if (isRecursive) this.put(`if(${this.#look(node, { isMarked, needs }, '1')}<0)yield ${suspended};`);
    if (statements === undefined) { this.put('return '); this.expression(node['body'] as AnyNode); this.put(';'); } else for (const one of statements) this.statement(one);
    this.put('}');
    this.#own = undefined;
  }

  #inside(print: () => void): void {
    const own = this.#own;
    this.#own = undefined;
    print();
    this.#own = own;
  }
  override function(node: AnyNode): void { this.#inside(() => super.function(node)); }
  override method(node: AnyNode, value: AnyNode, kind: string): void { this.#inside(() => super.method(node, value, kind)); }
  override classBody(body: AnyNode): void { this.#inside(() => super.classBody(body)); }

  #point(node: AnyNode, callee: string): string {
    const { line, column } = this.#place(node.start);
    return `${this.#name('p')}+${this.#rows.push([0, line, column, (this.#own as FunctionInfo).name, callee]) - 1}`;
  }

  override call(node: AnyNode): void {
    const rule = this.#own === undefined ? undefined : this.#plan.calls.get(node);
    if (rule === undefined) return super.call(node);
    const callee = node['callee'] as AnyNode;
    const suspended = this.#names.helper('SUSPENDED');
    this.place(node.start);
    this.put(`((${this.#name('r')}=${this.#names.helper('plain')}(${this.#point(node, this.#code.slice(callee.start, Math.min(callee.end, callee.start + SHOWN_MAX)))},${rule.needs.length === 0 ? this.#name('d') : `${this.#name('g')}?${this.#name('d')}:Infinity`},`);
    this.argument(callee);
    if ((node['arguments'] as AnyNode[]).length > 0) { this.put(','); this.arguments(node); }
    this.put(`))===${suspended}?yield ${suspended}:${this.#name('r')})`);
  }

  override statement(node: AnyNode): void {
    if (node.type === 'Raw') { this.put(node['text'] as string); return; }
    let loop = node;
    let labels = '';
    for (; loop.type === 'LabeledStatement'; loop = loop['body'] as AnyNode) labels += `${String((loop['label'] as AnyNode)['name'])}:`;
    const plan = this.#own === undefined ? undefined : this.#plan.loops.get(loop);
    if (plan === undefined) return super.statement(node);
    this.place(node.start);
    this.#loop(loop, plan, labels);
  }

  /** @param made  turns since the last look */
  #look(node: AnyNode, { isMarked, needs }: Rule, made: string): string {
    return `${this.#names.helper(isMarked ? 'lookAsWait' : 'look')}(${made},${this.#point(node, '')},${isMarked || needs.length === 0 ? 'true' : this.#name('g')})`;
  }

  #namesFor(node: AnyNode, rule: Rule): LoopNames {
    const n = this.#loops++;
    return {
      count: this.#name('c'), turns: this.#name('k'), done: this.#name(`n${n}`), end: this.#name(`e${n}`), iterator: this.#name(`i${n}`),
      look: this.#look(node, rule, this.#name('k')),
      suspended: this.#names.helper('SUSPENDED'), strips: this.#names.helper('strips'),
    };
  }

  /** The left side of `for … of` gets a value. */
  #assign(left: AnyNode, value: string): void {
    if (left.type === 'VariableDeclaration') { this.declaration(left, true); this.put(`=${value};`); } else { this.put('('); this.expression(left); this.put(`=${value});`); }
  }

  #loop(node: AnyNode, plan: LoopPlan, labels: string): void {
    const names = this.#namesFor(node, plan.rule);
    const body = node['body'] as AnyNode;
    if (plan.form === 'inline') {
      this.put(labels);
      super.statement({ ...node, body: { type: 'BlockStatement', start: body.start, end: body.end, body: [{ type: 'Raw', text: inlineText(names), start: node.start, end: node.start }, body] } } as unknown as AnyNode);
      return;
    }
    const isDo = node.type === 'DoWhileStatement';
    const { open, condition, close } = textsOf(plan, isDo, names);
    if (plan.form === 'of') {
      this.put(`{const ${names.iterator}=${names.strips}(`); this.argument(node['right'] as AnyNode); this.put(');');
      const left = node['left'] as AnyNode;
      if (plan.isTwice === true) {
        const list = listTexts(names);
        this.put(`${list.open}${labels}${list.condition}`); this.#assign(left, list.next); this.statement(body); this.put(list.close);
      }
      this.put(`${open}${labels}for(`);
      if (left.type === 'VariableDeclaration') this.declaration(left, true); else this.expression(left);
      this.put(` of ${names.iterator}.values){`); this.statement(body); this.put(`${condition}}${close}}`);
    } else if (isDo) {
      this.put(`${open}${labels}do{`); this.statement(body); this.put('}while(('); this.expression(node['test'] as AnyNode); this.put(`)${condition})${close}`);
    } else {
      const init = node['init'] as AnyNode | null | undefined;
      this.put('{');
      if (init?.type === 'VariableDeclaration') { this.declaration(init); this.put(';'); } else if (init !== null && init !== undefined) { this.put('('); this.expression(init); this.put(');'); }
      this.put(`${open}${labels}for(;${condition}`);
      if (plan.form !== 'bounded' && node['test'] !== null) { this.put('&&('); this.expression(node['test'] as AnyNode); this.put(')'); }
      this.put(';');
      if (node['update'] !== null && node['update'] !== undefined) this.expression(node['update'] as AnyNode);
      this.put(')'); this.statement(body); this.put(`${close}}`);
    }
  }
}
