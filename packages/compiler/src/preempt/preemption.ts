/** What has been planned for the source, found again in the text that linked stacks made of it. */
import type { AnyNode } from '../parse.ts';
import { originalOf, type Segments } from '../segments.ts';
import { LOOPS, type LoopPlan, type Rule } from './loops.ts';
import type { PreemptionPlan } from './plan.ts';

export interface Preemption {
  loopAt(node: AnyNode): LoopPlan | undefined;
  callAt(node: AnyNode): Rule | undefined;
}

/** @param segments  lead from the text that the nodes are of back to the one that was planned for */
export function preemptionIn(plan: PreemptionPlan | undefined, segments: Segments): Preemption {
  const keyOf = (start: number, last: number): string => `${start}:${last}`;
  const byPlace = <T>(planned: ReadonlyMap<AnyNode, T>): ((node: AnyNode) => T | undefined) => {
    if (planned.size === 0) return () => undefined;
    const found = new Map([...planned].map(([{ start, end }, one]) => [keyOf(start, end - 1), one]));
    return (node) => found.get(keyOf(originalOf(segments, node.start), originalOf(segments, node.end - 1)));
  };
  const [loopAt, callAt] = [byPlace(plan?.loops ?? new Map<AnyNode, LoopPlan>()), byPlace(plan?.calls ?? new Map<AnyNode, Rule>())];
  return {
    loopAt: (node) => (LOOPS.has(node.type) ? loopAt(node) : undefined),
    callAt: (node) => (node.type === 'CallExpression' ? callAt(node) : undefined),
  };
}
