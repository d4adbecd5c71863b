/**
 * The conductor's part that minds the blocking graph: every 50 ms it reads the tables of the workers, decides (decide.ts), and writes each worker's plan; four
 * times a second the report that `pool.graph()` shows. While all is quiet it reads only the heads of the tables, the rest four times a second, and decides
 * once (quiet.ts). It holds nothing that others wait for, and may die at any time: what it said last stays in force, and the next learns anew. Next: part.ts for what a part is, quiet.ts, aggregator.ts, decide.ts.
 */
import { TableReader, isLive, lifeOf, mapGraph, releaseGraph, writePlan, writeReport } from '@capriccio/shared';
import { sharedNow } from '@capriccio/worker';
import { describeGraph } from '../graph.ts';
import type { PolicyPart } from '../options.ts';
import { Aggregator, type ProcessReading } from './aggregator.ts';
import { decide, firstState, isYoungAt, periodMsAt } from './decide.ts';
import { countDescriptors, systemDescriptors } from './descriptors.ts';
import type { Part, PartContext } from './part.ts';
import { dueAt, lookedAt, type Due, type Looked, type Sums } from './quiet.ts';
import type { Plan, Snapshot } from './snapshot.ts';
import { ProcessUsage } from './usage.ts';

/** What the pool gives it. Infinity: no limit. */
export interface GraphPartData {
  readonly graph: SharedArrayBuffer;
  readonly hasWindows: boolean;
  readonly without: readonly PolicyPart[];
  readonly limits: { readonly heapBytes: number; readonly externalBytes: number; readonly descriptors: number };
}

/** Number of the conductor among the readers of tables: no participant has it. */
const CONDUCTOR = 256;
const REPORT_MS = 250;
/** How often open descriptors are counted, ms: a directory is read for it. */
const DESCRIPTORS_MS = 1000;
/** Looks in the sleep of all others, for what workers publish late. */
const RESTS = 4;

export function create({ memory: arena, data }: PartContext): Part {
  const { graph, limits, hasWindows, without } = data as GraphPartData;
  const rules = { hasWindows, hasTickets: !without.includes('tickets'), hasForecasts: !without.includes('forecasts') };
  const isFrozen = without.includes('decisions');
  const { participantCount } = arena.layout;
  const memory = mapGraph(graph, participantCount);
  releaseGraph(memory, CONDUCTOR);                                       // what one that died was reading
  const aggregator = new Aggregator();
  const bornAt = sharedNow();
  const descriptorsLimit = Math.min(limits.descriptors, systemDescriptors());
  let state = firstState(bornAt);
  let reportedAt = -Infinity;
  let looked: Looked | undefined;
  let plan: Plan | undefined;
  /** Every worker has been given it: whoever was reading the one before has not. */
  let isTold = false;
  /** Of each participant, the life that its table is of. */
  const lives = new Int32Array(participantCount);
  const usage = new ProcessUsage(bornAt);
  let descriptors = { count: 0, atMs: -Infinity };
  let isFresh = true;
  let rests = 0;

  const readHeads = (): void => {
    for (let id = 1; id < participantCount; id++) {
      const life = lifeOf(arena, id);
      if (life !== lives[id]) {
        lives[id] = life;
        aggregator.retire(id);
        if (isLive(arena, id)) aggregator.meet(id, new TableReader(memory, id, CONDUCTOR));
      }
    }
    for (const table of aggregator.tables.values()) if (table.readHead()) { isFresh = true; rests = 0; }
  };
  const readProcess = (nowMs: number): ProcessReading => {
    if (nowMs - descriptors.atMs >= DESCRIPTORS_MS) descriptors = { count: countDescriptors(), atMs: nowMs };
    return { externalLimit: limits.externalBytes, heapLimit: limits.heapBytes, descriptors: descriptors.count, descriptorsLimit };
  };

  const dueNow = (nowMs: number, sums: Sums): Due => (looked === undefined || !isTold || isYoungAt(nowMs - bornAt) ? 'decide' : dueAt(nowMs, sums, looked));
  /** @returns the plan in force */
  const decideBy = (snapshot: Snapshot, reading: ProcessReading): Plan => {
    const decided = decide(snapshot, state, rules);
    state = decided.state;
    isTold = true;
    for (const id of aggregator.tables.keys()) {
      const page = aggregator.pageFor(id, decided.plan, reading);
      if (page !== undefined && !isFrozen && !writePlan(memory, id, page)) isTold = false;
    }
    return plan = decided.plan;
  };

  return {
    pass: (nowMs) => {
      readHeads();
      const reading = readProcess(nowMs);
      const sums = aggregator.sums(reading);
      const due = dueNow(nowMs, sums);
      if (isFresh && due !== 'nothing') {
        aggregator.read();
        usage.look(nowMs);
        const snapshot = aggregator.snapshot(nowMs, reading);
        const inForce = due === 'look' && plan !== undefined ? plan : decideBy(snapshot, reading);
        looked = lookedAt(nowMs, sums, looked, due === 'look' ? undefined : inForce);
        if (nowMs - reportedAt >= REPORT_MS && writeReport(memory, JSON.stringify(describeGraph(snapshot, inForce, aggregator.names, usage.resources)))) {
          reportedAt = nowMs;
          isFresh = false;                                               // nothing new until a table is
        }
      }
      return periodMsAt(nowMs - bornAt);
    },
    rest: () => (isFresh || rests++ < RESTS ? REPORT_MS : Infinity),
  };
}
