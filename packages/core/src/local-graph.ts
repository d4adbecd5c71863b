/**
 * The blocking graph of a pool of cores: 0: its runtime's one table, put together when somebody asks. There is no conductor, so nothing is decided: windows,
 * forecasts and balanced tickets are there on workers only. Next: conductor/aggregator.ts, which a conductor uses for many.
 */
import { TableReader, mapGraph } from '@capriccio/shared';
import { sharedNow } from '@capriccio/worker';
import { Aggregator } from './conductor/aggregator.ts';
import { countDescriptors, systemDescriptors } from './conductor/descriptors.ts';
import type { Plan } from './conductor/snapshot.ts';
import { ProcessUsage } from './conductor/usage.ts';
import { describeGraph, type GraphData } from './graph.ts';
import type { FullPoolOptions } from './options.ts';

/** Number of this thread among the readers. */
const MAIN = 0;
const NOTHING_DECIDED: Plan = { roots: new Map(), nodes: new Map(), marks: new Map(), decisions: [] };

export class LocalGraph {
  readonly #limits: FullPoolOptions['limits'];
  readonly #aggregator = new Aggregator();
  readonly #usage = new ProcessUsage(sharedNow());

  constructor(buffer: SharedArrayBuffer, participantCount: number, id: number, { descriptors, ...limits }: FullPoolOptions['limits']) {
    this.#aggregator.meet(id, new TableReader(mapGraph(buffer, participantCount), id, MAIN));
    this.#limits = { ...limits, descriptors: Math.min(descriptors, systemDescriptors()) };
  }

  /** As it was published last. */
  read(): GraphData {
    const nowMs = sharedNow();
    this.#aggregator.read();
    this.#usage.look(nowMs);
    const { heapBytes, externalBytes, descriptors } = this.#limits;
    const snapshot = this.#aggregator.snapshot(nowMs, { heapLimit: heapBytes, externalLimit: externalBytes, descriptors: countDescriptors(), descriptorsLimit: descriptors });
    return describeGraph(snapshot, NOTHING_DECIDED, this.#aggregator.names, this.#usage.resources);
  }
}
