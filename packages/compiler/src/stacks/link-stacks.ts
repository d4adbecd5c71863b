/**
 * The pass of linked stacks: text to text. Functions that the plan names begin with a check and have a twin beside or inside; every line stays where
 * it was. Next: stack-runtime.ts, which the new text calls.
 */
import type { Program } from 'acorn';
import { Lines, type Position } from '../lines.ts';
import { isNode, type AnyNode, type SourceKind } from '../parse.ts';
import { planPreemption, type PreemptionPlan } from '../preempt/plan.ts';
import { twinEdits } from '../preempt/twin-edits.ts';
import { NOWHERE, identity, type Pass, type Segment, type Segments } from '../segments.ts';
import { callGraphOf, type CallGraph } from './call-graph.ts';
import { STACK_BOUND_BYTES, placeCheckpoints } from './checkpoints.ts';
import { applyEdits, type ClosedBody, type Edit, type Edited } from './edits.ts';
import type { LinkedFunction, StackPlan } from './plan.ts';
import { STACK_GLOBAL, STACK_MODULE } from './stack-names.ts';
import { COMPILED_MODULE } from '../modules.ts';
import { Unprintable } from './printer.ts';
import type { FunctionInfo } from './scopes.ts';
import { emptyReport, reportOf, type StackReport } from './stack-report.ts';
import { MARK_LENGTH, TwinPrinter, bodyOf, distanceText } from './twin-printer.ts';

export interface LinkOptions {
  /** How the file is called in messages. */
  readonly file: string;
  readonly kind: SourceKind;
  /** Bytes of native stack that may lie between two checks. Default 16,384. */
  readonly stackBound?: number;
  /** Line in the source, from 1, of an offset in `code`. Default: `code` is the source. */
  readonly lineOf?: (offset: number) => number;
  /** For a bundler, which prints the text anew. */
  readonly isAhead?: boolean;
  /** Every function gets a twin and every call is linked, on a cycle or not, and every second check counts: for tests. */
  readonly everything?: boolean;
  /** Plans also where threads may be preempted, and gives functions twins for it; then the text imports the runtime of compiled code. */
  readonly preemption?: boolean;
  /** Where an offset in `code` stands in the source. Default: `code` is the source. */
  readonly place?: (offset: number) => Position;
}

export interface Linked extends Pass {
  /** Made when it is asked for. */
  readonly report: StackReport;
  readonly preemption?: PreemptionPlan;
  /** Bodies of twins that need not be looked into. */
  readonly closed?: readonly ClosedBody[];
}

/**
 * @param code     what `program` was parsed from, by parseSource
 * @param program  its tree
 * Throws nothing: what cannot be linked stays as it was, and the report says why. The text is the same where nothing is on a cycle.
 */
export function linkStacks(code: string, program: Program, options: LinkOptions): Linked {
  try {
    return linkGraph(code, program, callGraphOf(program, code, options.kind), options);
  } catch (error) {
    const reason = error instanceof RangeError ? 'it nests deeper than the compiler can follow' : `the compiler failed: ${(error as Error).message}`;
    return { code, segments: identity(code.length), report: emptyReport(reason) };
  }
}

function linkGraph(code: string, program: Program, graph: CallGraph, options: LinkOptions): Linked {
  const { file, kind, stackBound = STACK_BOUND_BYTES, lineOf = linesOf(code), everything = false, isAhead = false } = options;
  const preemption = options.preemption === true && kind !== 'script' ? plannedPreemption(program, graph, lineOf) : undefined;
  const refused = new Map<FunctionInfo, string>();
  for (;;) {
    const placement = placeCheckpoints(graph, { file, lineOf, isScript: kind === 'script', stackBound, everything, isAhead, refused });
    const withReport = (pass: Pass & { readonly closed?: readonly ClosedBody[] }): Linked => new LinkedText(pass, preemption, () => reportOf(graph, placement, code, lineOf));
    if (placement.plan.functions.size === 0 && (preemption?.twins.size ?? 0) === 0) return withReport({ code, segments: identity(code.length) });
    try {
      return withReport(link(code, program, placement.plan, options, preemption));
    } catch (error) {
      if (!(error instanceof RefusedFunction)) throw error;
      refused.set(error.linked.info, error.message);              // then without it: a function fewer each time
    }
  }
}

class LinkedText implements Linked {
  readonly code: string;
  readonly segments: Segments;
  readonly preemption?: PreemptionPlan;
  readonly closed: readonly ClosedBody[];
  readonly #report: () => StackReport;
  constructor({ code, segments, closed = [] }: Pass & { readonly closed?: readonly ClosedBody[] }, preemption: PreemptionPlan | undefined, report: () => StackReport) {
    this.code = code;
    this.segments = segments;
    this.closed = closed;
    if (preemption !== undefined) this.preemption = preemption;
    this.#report = report;
  }
  get report(): StackReport { return this.#report(); }
}

/** Nothing is planned for a tree that nests deeper than can be followed. */
function plannedPreemption(program: Program, graph: CallGraph, lineOf: (offset: number) => number): PreemptionPlan | undefined {
  try {
    return planPreemption(program as unknown as AnyNode, graph, lineOf);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function linesOf(code: string): (offset: number) => number {
  const lines = new Lines(code);
  return (offset) => lines.positionOf(offset).line;
}

/** A function whose twin cannot be printed. */
class RefusedFunction extends Error {
  readonly linked: LinkedFunction;
  constructor(message: string, linked: LinkedFunction) { super(message); this.linked = linked; }
}

/** A check that was put in by an edit, `at` characters into its text. */
interface Mark { readonly linked: LinkedFunction; readonly edit: number; readonly at: number }

function link(code: string, program: Program, plan: StackPlan, options: LinkOptions, preemption: PreemptionPlan | undefined): Pass & { readonly closed: readonly ClosedBody[] } {
  const edits: Edit[] = [];
  const marks: Mark[] = [];
  for (const linked of plan.functions.values()) {
    try {
      editFunction(linked, plan, code, edits, marks);
    } catch (error) {
      throw error instanceof Unprintable ? new RefusedFunction(error.message, linked) : error;
    }
  }
  const twins = preemption === undefined ? undefined : twinEdits(code, preemption, plan, options);
  if (twins !== undefined) edits.push(...twins.edits);
  edits.push(prologue(program as unknown as AnyNode, plan, options.kind, twins?.lead ?? ''));
  const pass = applyEdits(code, edits);
  const closed = edits.flatMap(({ closed: bodies = [] }, k) => { const at = pass.at[k] as number; return at === NOWHERE ? [] : bodies.map(({ start, end, hasYield }) => ({ start: at + start, end: at + end, hasYield })); });
  return { code: plan.isAhead ? pass.code : withDistances(pass, marks, code), segments: pass.segments, closed };
}

function editFunction(linked: LinkedFunction, plan: StackPlan, code: string, edits: Edit[], marks: Mark[]): void {
  const { node } = linked.info;
  const body = node['body'] as AnyNode;
  const isBlock = body.type === 'BlockStatement';
  const printer = new TwinPrinter(plan);
  const { directives } = bodyOf(node);
  const at = isBlock ? directives.at(-1)?.end ?? body.start + 1 : body.start;
  if (!isBlock) printer.put('{'); else if (directives.length > 0) printer.put(';');
  const mark = linked.weight === undefined ? undefined : printer.check(linked);
  if (linked.isLowered) printer.bindings(linked);
  if (!isBlock) printer.put('return ');
  if (mark !== undefined) marks.push({ linked, edit: edits.length, at: mark });
  if (printer.text !== '') edits.push({ start: at, end: at, text: printer.text, places: printer.places, closed: printer.closed });
  if (linked.isLowered) {
    const texts = printer.loweredParameters(linked);
    (node['params'] as AnyNode[]).forEach((param, k) => edits.push({ start: param.start, end: param.end, text: `${texts[k]}${lineEndsOf(code.slice(param.start, param.end))}`, places: [{ at: 0, original: param.start }] }));
  }
  if (!isBlock) edits.push({ start: body.end, end: body.end, text: '}' });
  if (linked.twin !== undefined) {
    const twin = new TwinPrinter(plan);
    twin.twinDeclaration(linked);
    edits.push({ start: node.end, end: node.end, text: twin.text, places: twin.places, closed: twin.closed });
  }
}

const lineEndsOf = (text: string): string => (text.match(/\r\n|[\n\r\u2028\u2029]/g) ?? []).join('');

/** Brings in the runtime: on the first line of statements, after the directives. */
function prologue(program: AnyNode, { isAhead, names: { stack, credit }, functions }: StackPlan, kind: SourceKind, lead: string): Edit {
  const body = program['body'] as AnyNode[];
  const directive = body.findLast((one) => typeof one['directive'] === 'string');
  const first = body[0];
  const at = directive?.end ?? first?.start ?? 0;
  const module = JSON.stringify(isAhead ? COMPILED_MODULE : STACK_MODULE);
  const isCyclic = body.some((one) => typeof (one['source'] as AnyNode | undefined)?.['value'] === 'string' && /^\.{0,2}\//.test(String((one['source'] as AnyNode)['value'])))
    && body.some((one) => one.type.startsWith('Export') && isNode(one['declaration'] ?? null) ? (one['declaration'] as AnyNode).type === 'FunctionDeclaration' : one.type === 'ExportNamedDeclaration');
  // A function of a module in a circle of imports may be called before the module has run: then only what is imported is there. Else a constant is faster.
  const text = functions.size === 0 ? lead : lead + (kind !== 'module' ? `const ${stack}=globalThis[Symbol.for(${JSON.stringify(STACK_GLOBAL)})],${credit}=${stack}.credit;`
    : isCyclic ? `import{stack as ${stack},credit as ${credit}}from${module};`
      : `import{stack as ${stack}}from${module};const ${credit}=${stack}.credit;`);
  return { start: at, end: at, text: directive === undefined ? text : `;${text}` };
}

/** Writes into every check of a function in place how far from the function's beginning it stands. */
function withDistances({ code, segments, at }: Edited, marks: readonly Mark[], source: string): string {
  const copied = segments.filter(({ isCopied }) => isCopied);
  const generatedOf = (original: number): number => {
    let low = 0;
    for (let high = copied.length; high - low > 1;) { const middle = (low + high) >>> 1; if ((copied[middle] as Segment).original <= original) low = middle; else high = middle; }
    const segment = copied[low];
    return segment === undefined ? NOWHERE : segment.at + original - segment.original;
  };
  const pieces: string[] = [];
  let from = 0;
  // What stood inside of a parameter that was taken out has been printed anew, with its distance.
  const placed = marks.filter(({ edit }) => at[edit] !== NOWHERE).map((mark) => ({ linked: mark.linked, offset: (at[mark.edit] as number) + mark.at }));
  for (const { linked, offset } of placed.toSorted((a, b) => a.offset - b.offset)) {
    const text = distanceText(offset - generatedOf(startOf(linked, source)));
    pieces.push(code.slice(from, offset + MARK_LENGTH), text);
    from = offset + MARK_LENGTH + text.length;
  }
  return pieces.join('') + code.slice(from);
}

/** Where the text that `Function.prototype.toString` gives begins, in the source. */
function startOf({ info: { node, holder, form, classNode } }: LinkedFunction, source: string): number {
  if (form === 'constructor') return (classNode as AnyNode).start;
  if (holder === undefined) return node.start;
  return holder.start + (holder['static'] === true ? /^static\s*/.exec(source.slice(holder.start, holder.start + 100))?.[0].length ?? 0 : 0);
}
