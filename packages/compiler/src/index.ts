/**
 * @capriccio/compiler: a source in, its coroutines out, and what is known of a program before it runs. Pure functions; knows nothing of schedulers.
 * Way in: compile.ts.
 */
export { compilerAhead } from './ahead.ts';
export type { FunctionReport } from './async/pass.ts';
export { blockingPoints, type BlockingForm, type BlockingPoint } from './blocking-points.ts';
export { compile, type CompileOptions, type CompileReport, type Compiled } from './compile.ts';
export { COMPILED_MODULE } from './modules.ts';
export { parseSource, type Parsed, type SourceKind, type SourceOptions } from './parse.ts';
export { NOWHERE, composeSegments, identity, originalOf, type Pass, type Segment, type Segments } from './segments.ts';
export { encodePlaces } from './placement.ts';
export type { PreemptionReport } from './preempt/plan.ts';
export { SourceError } from './source-error.ts';
export { toSourceMap, type SourceMap } from './source-map.ts';
export { STACK_MODULE } from './stacks/stack-names.ts';
export { linkStacks, type LinkOptions, type Linked } from './stacks/link-stacks.ts';
export type { FunctionPlace, StackReport } from './stacks/stack-report.ts';
export { analyzeApplication, type AnalyzedFile, type Application, type GraphNode } from './stacks/application.ts';
