/** From which length of a task on another way of running it is no slower. Pure. */
export interface Sample { readonly us: number; readonly inPlace: number; readonly other: number }

/**
 * @param samples  by rising length; times of a task, in any unit that both share
 * @returns the length from which on `other` stays at or below `inPlace`, between two samples by the logarithm of their ratios; 0 when it is so from the
 * shortest on, Infinity when it is not at the longest. Throws a RangeError without samples, or for a time that is none.
 */
export function breakEven(samples: readonly Sample[]): number {
  if (samples.length === 0 || samples.some(({ us, inPlace, other }) => !(us > 0) || !(inPlace > 0) || !(other > 0))) throw new RangeError('a break-even needs lengths and times above 0');
  const lost = samples.findLastIndex(({ inPlace, other }) => other > inPlace);
  if (lost < 0) return 0;
  const [before, after] = [samples[lost] as Sample, samples[lost + 1]];
  if (after === undefined) return Infinity;
  const [high, low] = [Math.log(before.other / before.inPlace), Math.log(after.other / after.inPlace)];
  return before.us * (after.us / before.us) ** (high / (high - low));
}

export const showBreakEven = (us: number, samples: readonly Sample[]): string => {
  const [first, last] = [samples[0]?.us ?? 0, samples.at(-1)?.us ?? 0];
  return us === 0 ? `< ${shown(first)}` : us === Infinity ? `> ${shown(last)}` : shown(us);
};
const shown = (us: number): string => (us >= 1000 ? `${Number((us / 1000).toPrecision(2))} ms` : `${Number(us.toPrecision(2))} us`);
