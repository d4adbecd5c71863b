/** Open descriptors of the process, for what watches them: graph-part.ts, and local-graph.ts where there is no conductor. */
import { readFileSync, readdirSync } from 'node:fs';

/** How many the system lets this process open; Infinity where it does not tell. */
export function systemDescriptors(): number {
  try { return Number(/^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? Infinity); } catch { return Infinity; }
}

/** How many are open; 0 where the system does not show them. */
export function countDescriptors(): number {
  try { return readdirSync('/proc/self/fd').length; } catch { return 0; }
}
