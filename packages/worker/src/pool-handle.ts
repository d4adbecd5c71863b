/** The pool as a thread sees it: `pool()` of capriccio/thread. The interface is here, the core puts an implementation in (DESIGN: imports point down). */
export interface PoolHandle {
  /** Every exported function of a module, typed, as remote functions. */
  module<M>(url: string | URL): unknown & { readonly __module?: M };
  /** Calls the default export of a module. */
  run<R>(url: string | URL, ...args: unknown[]): Promise<R>;
}
