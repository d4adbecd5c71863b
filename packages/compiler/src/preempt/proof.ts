/**
 * Which code touches nothing that other threads of its isolate could see or change: there a thread may be preempted, and nobody can tell. What is
 * allowed is listed, and everything else is not: variables of the function that no closure shares, values that are primitive for certain, objects that
 * were made here and have not left, the language's own functions on them, and functions of the same file of which the same is proved.
 *
 * Operators call methods of objects (`valueOf`), so an operand must be primitive. Of a variable that is never assigned again, such as a parameter, that is
 * left to be seen when a thread is about to be preempted: it is *needed* to be primitive. The language's own functions and prototypes are taken to be unchanged.
 */
import type { AnyNode } from '../parse.ts';
import type { FunctionInfo, Scopes } from '../stacks/scopes.ts';
import { Checker, Touches } from './checker.ts';
import type { Values } from './marks.ts';
import { Types, type Summary } from './types.ts';
import { usesOf } from './uses.ts';

export class Proof {
  readonly types: Types;
  /** Proved, or refuted. */
  readonly #summaries = new Map<FunctionInfo, Summary>();
  /** Proved on assumptions about the functions whose proof is under way. */
  readonly #tentative = new Map<FunctionInfo, Summary>();
  readonly #open = new Set<FunctionInfo>();
  /** Functions about which something was assumed, and of these what return other than primitive values. */
  readonly #assumed = new Set<FunctionInfo>();
  readonly #givesObjects = new Set<FunctionInfo>();
  #hasErred = false;

  constructor(scopes: Scopes, values: Values) {
    this.types = new Types(scopes, values, usesOf(scopes), (info) => this.summaryOf(info));
  }

  /** Whether a function touches nothing, from its beginning to its end. Recursion is taken to be proved until it is refuted; then it begins anew. */
  summaryOf(info: FunctionInfo): Summary {
    const known = this.#summaries.get(info) ?? this.#tentative.get(info);
    if (known !== undefined) return known;
    if (this.#open.has(info)) {
      this.#assumed.add(info);
      return { reason: undefined, needs: new Set((info.node['params'] as AnyNode[]).keys()), isPrimitive: !this.#givesObjects.has(info) };
    }
    if (this.#open.size > 0) return this.#proveInside(info);
    for (;;) {
      this.#hasErred = false;
      this.#tentative.clear();
      this.types.forget();
      const summary = this.#proveInside(info);
      if (this.#hasErred && summary.reason !== undefined && this.#assumed.has(info)) {   // it was assumed of itself, and is refuted: what was proved on the way relied on it
        this.#tentative.clear();
        this.types.forget();
        return summary;
      }
      if (this.#hasErred) continue;                                      // each time one more is known not to be as assumed
      for (const [one, found] of this.#tentative) this.#summaries.set(one, found);
      this.types.forget();
      return summary;
    }
  }

  #proveInside(info: FunctionInfo): Summary {
    this.#open.add(info);
    const summary = this.#prove(info);
    this.#open.delete(info);
    const isRefuted = summary.reason !== undefined;
    if (isRefuted) this.#summaries.set(info, summary);
    else this.#tentative.set(info, summary);
    if (this.#assumed.has(info) && (isRefuted || (!summary.isPrimitive && !this.#givesObjects.has(info)))) {
      this.#hasErred = true;
      if (!isRefuted) this.#givesObjects.add(info);
    }
    return summary;
  }

  #prove(info: FunctionInfo): Summary {
    const { node } = info;
    const needs = new Set<number>();
    const params = node['params'] as AnyNode[];
    try {
      if (node['async'] === true || node['generator'] === true) throw new Touches('it is no plain function', node);
      if (info.usesThis || info.usesArguments || info.usesSuper || info.usesDynamicScope || info.usesNewTarget) throw new Touches('it uses this, arguments or eval', node);
      for (const param of params) if (param.type !== 'Identifier') throw new Touches('a parameter is no plain name', param);
      const checker = new Checker(this.types, info, (binding) => binding.kind === 'param');
      const body = node['body'] as AnyNode;
      let isPrimitive: boolean;
      if (body.type === 'BlockStatement') { checker.statement(body); isPrimitive = checker.returnsPrimitive; } else { checker.any(body); isPrimitive = checker.isPrimitive(body); }
      params.forEach((param, k) => { const binding = this.types.scopes.references.get(param); if (binding !== undefined && checker.needs.has(binding)) needs.add(k); });
      return { reason: undefined, needs, isPrimitive };
    } catch (error) {
      if (!(error instanceof Touches)) throw error;
      return { reason: error.message, needs, isPrimitive: false };
    }
  }
}
