/** What is known of a file's stacks, for people: `capriccio analyze` prints it. */
import { leadsOutside, type CallGraph } from './call-graph.ts';
import type { Placement, Why } from './checkpoints.ts';
import { longestPaths } from './cycles.ts';
import type { FunctionInfo } from './scopes.ts';

export interface FunctionPlace { readonly name: string; /** From 1. */ readonly line: number; readonly frameBytes: number }

export interface StackReport {
  /** Functions that have twins. `why`: of those with a check. `weight`: bytes that it takes off, 0 for one that only reads. */
  readonly linked: readonly (FunctionPlace & { readonly why?: Why; readonly weight?: number })[];
  /** Functions of cycles that stay native, and why. */
  readonly left: readonly (FunctionPlace & { readonly reason: string })[];
  /** Calls that the file itself does not resolve: they may call back what was given away. */
  readonly unresolved: readonly { readonly line: number; readonly text: string }[];
  readonly functions: number;
  readonly calls: number;
  /** Calls that lead to a check that counts. */
  readonly checkedCalls: number;
  /** The longest path without a check, in bytes of native stack. */
  readonly longest: { readonly bytes: number; readonly path: readonly string[] };
  /** Why the file was left as it is, if it was. */
  readonly skipped?: string;
}

const TEXT_MAX = 60;

export function reportOf(graph: CallGraph, { plan, why, counted, left }: Placement, code: string, lineOf: (offset: number) => number): StackReport {
  const placeOf = (info: FunctionInfo): FunctionPlace => ({ name: info.name, line: lineOf(info.node.start), frameBytes: graph.weights[info.index] as number });
  const checked = new Set([...counted].map(({ index }) => index));
  const { bytes, next } = longestPaths(graph.inner, graph.weights, checked);
  const finite = bytes.map((value, node) => ({ value, node })).filter(({ value }) => Number.isFinite(value)).toSorted((a, b) => b.value - a.value)[0];
  const path: string[] = [];
  for (let at = finite?.node; at !== undefined && at < graph.functions.length; at = next[at]) path.push((graph.functions[at] as FunctionInfo).name);
  const sites = graph.flow.sites.filter(({ form }) => form !== 'getter');
  return {
    linked: [...plan.functions.values()].map(({ info, weight }) => ({ ...placeOf(info), ...why.has(info) ? { why: why.get(info) as Why, weight: weight as number } : {} })),
    left: [...left].map(([info, reason]) => ({ ...placeOf(info), reason })),
    unresolved: sites.filter((site) => leadsOutside(site) && !graph.bounded.has(site)).map(({ node }) => ({ line: lineOf(node.start), text: code.slice(node.start, node.end).split('\n', 1)[0]?.slice(0, TEXT_MAX) ?? '' })),
    functions: graph.functions.length,
    calls: sites.length,
    checkedCalls: sites.filter(({ callees }) => [...callees].some((callee) => counted.has(callee))).length,
    longest: { bytes: finite?.value ?? 0, path },
  };
}

export const emptyReport = (skipped: string): StackReport => ({ linked: [], left: [], unresolved: [], functions: 0, calls: 0, checkedCalls: 0, longest: { bytes: 0, path: [] }, skipped });
