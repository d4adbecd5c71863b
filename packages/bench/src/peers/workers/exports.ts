/** A worker file of pools whose tasks are named exports: piscina and tinypool. */
export * from '../functions.ts';
