/**
 * @capriccio/compiler: a source in, its coroutines out, and what is known of a program before it runs. Pure functions; knows nothing of schedulers.
 * Way in: compile.ts.
 */
export type { FunctionReport } from './async/pass.ts';
export { blockingPoints, type BlockingForm, type BlockingPoint } from './blocking-points.ts';
export { compile, type CompileOptions, type CompileReport, type Compiled } from './compile.ts';
export type { SourceKind, SourceOptions } from './parse.ts';
export { NOWHERE, composeSegments, identity, originalOf, type Pass, type Segment, type Segments } from './segments.ts';
export { encodePlaces } from './placement.ts';
export { SourceError } from './source-error.ts';
export { toSourceMap, type SourceMap } from './source-map.ts';
