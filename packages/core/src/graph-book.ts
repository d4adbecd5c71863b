/** Main's end of the blocking graph: the memory of tables and plans, that goes to every worker and to the conductor, and what is reported there. */
import { allocateGraph, clearGraph, mapGraph, readReport, type GraphMemory } from '@capriccio/shared';
import { emptyGraph, type GraphData } from './graph.ts';

/** Number of this thread among the readers. */
const MAIN = 0;

export class GraphBook {
  readonly buffer: SharedArrayBuffer;
  readonly #memory: GraphMemory;
  #last: GraphData = emptyGraph;

  constructor(participantCount: number) {
    this.buffer = allocateGraph(participantCount);
    this.#memory = mapGraph(this.buffer, participantCount);
  }

  /** A worker is dead. */
  forget(worker: number): void { clearGraph(this.#memory, worker); }

  /** What was reported last. */
  graph(): GraphData {
    const text = readReport(this.#memory, MAIN);
    if (text !== undefined) this.#last = JSON.parse(text) as GraphData;
    return this.#last;
  }
}
