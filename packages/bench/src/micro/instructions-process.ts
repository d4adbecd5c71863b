/**
 * Does one operation so many times, and ends: run under a counter by instruction-counter.ts, at two counts whose difference is the operation alone. Its
 * clock is not the machine's: it advances by the same amount each time it is read, so that slices of the scheduler end after as many operations in every
 * run, however slow the counter makes it.
 */
import type { Operation } from './instruction-operations.ts';

const READ_MS = 0.00005;

const real = performance.now.bind(performance);
let ms = real();
performance.now = (): number => { real(); return ms += READ_MS; };       // what a read costs stays in it

const { operations } = await import('./instruction-operations.ts');      // after the clock: what it imports reads it
const [name = '', warm = '', count = ''] = process.argv.slice(2);
const operation: Operation | undefined = operations[name]?.run;
if (operation === undefined) throw new TypeError(`there is no operation ${name}`);
await operation(Number(warm));
await operation(Number(count));
process.exit();
