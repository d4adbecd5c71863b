/**
 * @capriccio/compiler: what is known of a program before it runs. So far: its blocking points. Pure functions; knows nothing of schedulers.
 */
export { SourceError, blockingPoints, type BlockingForm, type BlockingPoint, type SourceKind, type SourceOptions } from './blocking-points.ts';
