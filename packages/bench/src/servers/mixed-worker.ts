/** Piscina's worker file for the heavy part. */
export { render as default } from './apps/markdown.ts';
