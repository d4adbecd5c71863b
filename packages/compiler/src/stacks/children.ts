/** The nodes below a node, without a list being made: the compiler spends most of its time on the way through trees. */
import type { AnyNode } from '../parse.ts';

/** Calls `visit` for each child, in the order of the text. */
export function forEachChild(node: AnyNode, visit: (child: AnyNode) => void): void {
  for (const key in node) {
    const value = node[key] as { type?: unknown } | readonly ({ type?: unknown } | null)[] | null | undefined;
    if (typeof value !== 'object' || value === null) continue;
    if (Array.isArray(value)) { for (const item of value as readonly ({ type?: unknown } | null)[]) if (item !== null && typeof item === 'object' && typeof item.type === 'string') visit(item as AnyNode); }
    else if (typeof (value as { type?: unknown }).type === 'string') visit(value as AnyNode);
  }
}
