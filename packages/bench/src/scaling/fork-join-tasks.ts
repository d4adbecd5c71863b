/** Fork-join from inside tasks, with a cut-off of about 10 us: the same functions in sequence below it. */
import { pool } from 'capriccio/thread';

type Self = { fib(n: number): Promise<number>; quicksort(shared: SharedArrayBuffer, low: number, high: number): Promise<number> };
const self = (): Self => pool().module(import.meta.url) as unknown as Self;

/** fib(16) takes about 10 us here. */
const FIB_CUT_OFF = 16;
export const fibHere = (n: number): number => (n < 2 ? n : fibHere(n - 1) + fibHere(n - 2));

export async function fib(n: number): Promise<number> {
  if (n <= FIB_CUT_OFF) return fibHere(n);
  const left = self().fib(n - 1);
  const right = await fib(n - 2);
  return await left + right;
}

/** Sorting so many numbers takes about 10 us here. */
const SORT_CUT_OFF = 128;

export async function quicksort(shared: SharedArrayBuffer, low: number, high: number): Promise<number> {
  const numbers = new Float64Array(shared);
  if (high - low <= SORT_CUT_OFF) { numbers.subarray(low, high + 1).sort(); return 0; }
  const [end, begin] = partition(numbers, low, high);
  const left = self().quicksort(shared, low, end);
  await quicksort(shared, begin, high);
  return await left;
}

function partition(numbers: Float64Array, low: number, high: number): [number, number] {
  const pivot = medianOf(numbers[low] as number, numbers[(low + high) >> 1] as number, numbers[high] as number);
  let i = low, j = high;
  while (i <= j) {
    while ((numbers[i] as number) < pivot) i++;
    while ((numbers[j] as number) > pivot) j--;
    if (i > j) break;
    const kept = numbers[i] as number;
    numbers[i++] = numbers[j] as number;
    numbers[j--] = kept;
  }
  return [j, i];
}

const medianOf = (a: number, b: number, c: number): number => Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
