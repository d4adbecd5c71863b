/** The only source of chance: a seeded generator, so that the same seed gives the same run. Source: the mixer of splitmix32. */

export type Random = () => number;

export function random(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    mixed ^= mixed >>> 15;
    return (mixed >>> 0) / 4294967296;
  };
}

/** Draws one value. */
export type Draw = (random: Random) => number;

export const always = (value: number): Draw => () => value;
export const exponential = (mean: number): Draw => (next) => -mean * Math.log(1 - next());
/** `first` with probability `share`, else `second`. */
export const either = (share: number, first: Draw, second: Draw): Draw => (next) => (next() < share ? first(next) : second(next));
