/** `capriccio/compiled`: what code imports that `capriccio/bundler` has compiled ahead. Nothing else is to: it changes with the compiler. */
export * from '@capriccio/worker/compiled';
export { credit, stack } from '@capriccio/compiler/stack';
