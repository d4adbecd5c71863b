/** Values to bytes and back, with structured clone's semantics. Way in: format.ts (the bytes), encode.ts, decode.ts, failure.ts (what a task threw). */
export { CarriedNames, CarriedShapes } from './carried-shapes.ts';
export { Decoder } from './decode.ts';
export * from './encode.ts';
export { describeFailure, type FailureField, type FailureRecord } from './failure.ts';
export { notCloneable } from './refusal.ts';
export { rebuildFailure, type FailureCaller } from './rebuild-failure.ts';
export { MissingBufferError, type SharedBuffers } from './shared-buffers.ts';
