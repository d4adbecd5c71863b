/** How compiled code finds the runtime of linked stacks. Apart from the compiler, for the hook loads that only when it must. */

/** The module that ES modules import it from; whoever loads them provides it. */
export const STACK_MODULE = 'capriccio:stack';
/** Where CommonJS and scripts find it: the property of the global object with the symbol of this name. */
export const STACK_GLOBAL = 'capriccio.stack';
