/**
 * @capriccio/compiler: what is known of a program before it runs. Pure functions; knows nothing of schedulers.
 */
export { blockingPoints, type BlockingForm, type BlockingPoint } from './blocking-points.ts';
export type { SourceKind, SourceOptions } from './parse.ts';
export { NOWHERE, composeSegments, identity, originalOf, type Pass, type Segment, type Segments } from './segments.ts';
export { SourceError } from './source-error.ts';
export { toSourceMap, type SourceMap } from './source-map.ts';
