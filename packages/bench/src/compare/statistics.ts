/**
 * Did a figure move? Base and head are measured in pairs, so the machine's drift is in both, and what is judged is the logarithm of their ratio. The
 * mean of the pairs' logarithms has Student's distribution; a figure has moved when its confidence interval leaves 1 out and the change is worth a word.
 * With many figures in a comparison some would leave it by chance: the doubt of 1 % is shared among them (Bonferroni).
 */
export interface Change {
  /** Head over base: geometric mean of the pairs, and its confidence interval. */
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
  readonly hasMoved: boolean;
}

const DOUBT = 0.01;
/** Less is nobody's loss. */
const WORTH = 0.02;

/** @param pairs  [base, head] each, positive; @param figures  how many are judged together */
export function changeOf(pairs: readonly (readonly [number, number])[], figures = 1): Change {
  const logs = pairs.map(([base, head]) => Math.log(head / base));
  const mean = logs.reduce((sum, value) => sum + value, 0) / logs.length;
  const variance = logs.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, logs.length - 1);
  const reach = logs.length < 2 ? Infinity : quantileOfStudent(1 - DOUBT / figures / 2, logs.length - 1) * Math.sqrt(variance / logs.length);
  const [ratio, low, high] = [Math.exp(mean), Math.exp(mean - reach), Math.exp(mean + reach)];
  return { ratio, low, high, hasMoved: (low > 1 || high < 1) && Math.abs(mean) > Math.log(1 + WORTH) };
}

/** The value below which Student's t with `freedom` degrees lies with probability `p` > 0.5: by bisection of its distribution. */
export function quantileOfStudent(p: number, freedom: number): number {
  let [low, high] = [0, Math.PI / 2];
  for (let k = 0; k < 50; k++) {
    const middle = (low + high) / 2;
    if (0.5 + share(middle, freedom) / 2 < p) low = middle;
    else high = middle;
  }
  return Math.sqrt(freedom) * Math.tan((low + high) / 2);
}

const STEPS = 2000;
/** P(|T| < t): with t = sqrt(freedom) tan(a) the density becomes cos(a)^(freedom - 1), which has no long tail; integrated by Simpson's rule. */
const share = (angle: number, freedom: number): number => integral(angle, freedom) / integral(Math.PI / 2, freedom);
function integral(end: number, freedom: number): number {
  const step = end / STEPS;
  let sum = 0;
  for (let k = 0; k <= STEPS; k++) sum += (k === 0 || k === STEPS ? 1 : k % 2 === 1 ? 4 : 2) * Math.cos(k * step) ** (freedom - 1);
  return sum * step / 3;
}
