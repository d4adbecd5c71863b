/** What a program's author knows of a function and the compiler cannot see. It is read from the text when the file is compiled; the call itself only checks. */
import { CapriccioError } from '@capriccio/shared';

export interface Annotation {
  /** Other threads may run in the middle of each of its loops, and it may be cancelled there: as if `await yieldNow()` stood in them. */
  preemptible?: boolean;
  /** Bytes of native stack that it takes, with all that it calls: of a function that is not compiled. */
  stackBound?: number;
  /** It may block the core: a synchronous wait in the kernel. */
  blocking?: boolean;
}

const KNOWN: Readonly<Record<keyof Annotation, string>> = { preemptible: 'boolean', stackBound: 'number', blocking: 'boolean' };

/**
 * Says of a function, or of a whole module, what the compiler cannot see: `annotate(fn, { preemptible: true })`, `annotate(import.meta, …)`, in CommonJS
 * `annotate(module, …)`. The values must be written out, and the function there or named. Where nothing is compiled it changes nothing.
 * @returns `target`. Throws CAP_ERR_OPTION for another target, or an annotation that is not known.
 */
export function annotate<T extends ((...args: never[]) => unknown) | ImportMeta | NodeModule>(target: T, annotation: Annotation): T {
  if ((typeof target !== 'object' && typeof target !== 'function') || target === null) throw new CapriccioError('CAP_ERR_OPTION', `annotate takes a function, import.meta or module, not ${target === null ? 'null' : typeof target}`);
  if (typeof annotation !== 'object' || annotation === null) throw new CapriccioError('CAP_ERR_OPTION', 'annotate takes an object of annotations, for example { preemptible: true }');
  for (const [name, value] of Object.entries(annotation)) {
    const type = KNOWN[name as keyof Annotation] as string | undefined;
    if (type === undefined) throw new CapriccioError('CAP_ERR_OPTION', `annotate knows no ${name}; it knows ${Object.keys(KNOWN).join(', ')}`);
    if (value !== undefined && (typeof value !== type || (type === 'number' && !(Number.isInteger(value) && (value as number) > 0)))) throw new CapriccioError('CAP_ERR_OPTION', `${name} of annotate must be ${type === 'number' ? 'a whole number of bytes above 0' : 'true or false'}`);
  }
  return target;
}
