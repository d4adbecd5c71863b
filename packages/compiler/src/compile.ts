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
import { parseAgain, parseSource, type AnyNode, type SourceOptions } from './parse.ts';
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
  const preemption = preemptionIn(linked.preemption, linked.segments);   // by places, before nodes move
  const isAsync = mayBeAsync(linked.code);
  const tree = hasLinked && isAsync ? parseAgain(program, linked, kind) : program;
  const placeIn = (of: Segments) => (node: AnyNode): Position => lines.positionOf(Math.max(0, originalOf(of, node.start)));
  const made = compileAsync(linked.code, tree as unknown as AnyNode, { file, kind, smallClosures, isAhead, place: placeIn(between), preemption });
  const segments = composeSegments(made.segments, between, made.code.length);
  return new CompiledText(made.code, segments, made.code !== code, () => toSourceMap({ code: made.code, segments }, source, file), () => {
    const { functions, points } = made.report();
    const again = isAsync ? parseSource(code, { file, kind, typescript: false }).program : program;   // the asynchronous pass has changed the tree
    return {
      file, stacks: (isAsync ? link(again) : linked).report, preemption: linked.preemption?.reports ?? [],
      // Twins hold copies: each function and each point of the source is reported once.
      functions: hasLinked ? [...new Map(functions.map((one) => [`${one.line}:${one.column}`, one])).values()] : functions,
      points: hasLinked ? pointsOf(again as unknown as AnyNode, file, placeIn(pass.segments)).map(({ point }) => point) : points,
    };
  });
}

class CompiledText implements Compiled {
  readonly code: string;
  readonly segments: Segments;
  readonly hasChanged: boolean;
  readonly #map: () => SourceMap;
  readonly #report: () => CompileReport;
  constructor(code: string, segments: Segments, hasChanged: boolean, map: () => SourceMap, report: () => CompileReport) {
    this.code = code;
    this.segments = segments;
    this.hasChanged = hasChanged;
    this.#map = map;
    this.#report = report;
  }
  get map(): SourceMap { return this.#map(); }
  get report(): CompileReport { return this.#report(); }
}
