/** What the conductor thread of a pool is made of, and what its parts tell the pool. */
import type { FullPoolOptions } from '../options.ts';
import type { ActivationNews, ActivationsData } from './activations.ts';
import type { AuditNews } from './audit.ts';
import type { GraphPartData } from './graph-part.ts';
import type { LimitNews, LimitsData } from './limits.ts';
import type { PartSource } from './part.ts';
import { addressOf } from '../places.ts';

export type { AuditNews } from './audit.ts';
export type PartNews =
  | { readonly part: 'activations'; readonly message: ActivationNews }
  | { readonly part: 'limits'; readonly message: LimitNews }
  | { readonly part: 'audit'; readonly message: AuditNews };

/** By name: the module that exports `create`. */
const partOf = (name: PartNews['part'] | 'graph-part' | 'long-turns', data: unknown): PartSource => ({ name, url: addressOf(`conductor/${name}`), data });

/** @param graph  the memory of the blocking graph */
export function partsOf({ activations, audit, limits, hasWindows, without }: FullPoolOptions, graph: SharedArrayBuffer): PartSource[] {
  const { heapBytes, externalBytes } = limits;
  const parts = [partOf('activations', { by: activations } satisfies ActivationsData), partOf('long-turns', undefined), partOf('graph-part', { graph, limits, hasWindows, without } satisfies GraphPartData)];
  if (heapBytes !== Infinity || externalBytes !== Infinity) parts.push(partOf('limits', { heapBytes, externalBytes } satisfies LimitsData));
  if (audit) parts.push(partOf('audit', undefined));
  return parts;
}
