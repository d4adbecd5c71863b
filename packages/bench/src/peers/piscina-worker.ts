/** Piscina's worker file: named exports are its task names. */
export { increment, size, spin } from './functions.ts';
