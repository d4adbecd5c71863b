/** Names of the modules that compiled code imports. */

/** Resolved by the load hook. */
export const RUNTIME_MODULE = 'capriccio:runtime';
/** The same, and linked stacks, for code that was compiled ahead: Node finds it. */
export const COMPILED_MODULE = 'capriccio/compiled';

/** A file that imports it has been compiled. */
export const hasBeenCompiled = (code: string): boolean => code.includes(COMPILED_MODULE) && /\b(?:from|import|require\()\s*["'`]capriccio\/compiled["'`]/.test(code);
