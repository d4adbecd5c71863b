/**
 * compile: a source in, its coroutines out. Pure: types are stripped, the synchronous pass links deep recursion, the asynchronous pass makes async
 * functions coroutines; the segments of all three compose to one source map. Generated code imports its runtime as `capriccio:runtime`, or, where
 * it is no module, takes it from `globalThis[Symbol.for('capriccio.runtime')]`; that of linked stacks is `capriccio:stack`, and `capriccio.stack`;
 * for both, of what is compiled ahead, `capriccio/compiled`.
 */
import type { Program } from 'acorn';
import { compileAsync, mayBeAsync, type FunctionReport } from './async/pass.ts';
import { pointsOf, type BlockingPoint } from './blocking-points.ts';
import { Lines, type Position } from './lines.ts';
import { preemptionIn } from './preempt/preemption.ts';
import type { PreemptionReport } from './preempt/plan.ts';
import { parseSource, type AnyNode, type SourceOptions } from './parse.ts';
import { composeSegments, originalOf, type Segments } from './segments.ts';
import { toSourceMap, type SourceMap } from './source-map.ts';
import { linkStacks, type Linked } from './stacks/link-stacks.ts';
import type { StackReport } from './stacks/stack-report.ts';

export interface CompileOptions extends SourceOptions {
  /** Compile also small closures that are made often: each costs more than it saves, so they stay native by default. */
  readonly smallClosures?: boolean;
  /** For a bundler: it prints anew what is made, and Node resolves what that imports, without a hook. Modules only. */
  readonly isAhead?: boolean;
  /** Bytes of native stack that may lie between two checks of it. Default 16,384. */
  readonly stackBound?: number;
}

export interface CompileReport {
  readonly file: string;
  /** Every async function, compiled or not, in the order of the text. */
  readonly functions: readonly FunctionReport[];
  readonly points: readonly BlockingPoint[];
  /** Its call graph: cycles, checks, and what was left native. */
  readonly stacks: StackReport;
  /** Loops and functions in which a thread may be preempted, and why not in the others. */
  readonly preemption: readonly PreemptionReport[];
}

export interface Compiled {
  readonly code: string;
  /** Leads offsets of `code` to offsets of the source. */
  readonly segments: Segments;
  /** Made when it is asked for. */
  readonly map: SourceMap;
  /** False: `code` is the source, but for stripped types. */
  readonly hasChanged: boolean;
  /** Made when it is asked for. */
  readonly report: CompileReport;
}

/** Throws SourceError where Node would refuse the file. */
export function compile(source: string, options: CompileOptions): Compiled {
  const { file, kind = 'module', smallClosures = false, isAhead = false, stackBound } = options;
  const { code, pass, program } = parseSource(source, options);
  const lines = new Lines(source);
  const lineOf = (offset: number): number => lines.positionOf(Math.max(0, originalOf(pass.segments, offset))).line;
  const link = (tree: Program): Linked => linkStacks(code, tree, { file, kind, lineOf, isAhead, preemption: true, place: (offset) => lines.positionOf(Math.max(0, originalOf(pass.segments, offset))), ...stackBound === undefined ? {} : { stackBound } });
  const linked = link(program);
  const hasLinked = linked.code !== code;
  const between = hasLinked ? composeSegments(linked.segments, pass.segments, linked.code.length) : pass.segments;
  const tree = hasLinked && mayBeAsync(linked.code) ? parseSource(linked.code, { file, kind, typescript: false }).program : program;
  const place = (node: AnyNode): Position => lines.positionOf(Math.max(0, originalOf(between, node.start)));
  const made = compileAsync(linked.code, tree as unknown as AnyNode, { file, kind, smallClosures, isAhead, place, preemption: preemptionIn(linked.preemption, linked.segments) });
  const segments = composeSegments(made.segments, between, made.code.length);
  return {
    code: made.code, segments, hasChanged: made.code !== code,
    get map() { return toSourceMap({ code: made.code, segments }, source, file); },
    get report() {
      const { functions, points } = made.report();
      return {
        file, stacks: (hasLinked ? linked : link(parseSource(code, { file, kind, typescript: false }).program)).report,   // the asynchronous pass has changed the tree
        preemption: linked.preemption?.reports ?? [],
        // Twins hold copies: each function and each point of the source is reported once.
        functions: hasLinked ? [...new Map(functions.map((one) => [`${one.line}:${one.column}`, one])).values()] : functions,
        points: hasLinked ? pointsOf(program as unknown as AnyNode, file, (node) => lines.positionOf(Math.max(0, originalOf(pass.segments, node.start)))).map(({ point }) => point) : points,
      };
    },
  };
}
