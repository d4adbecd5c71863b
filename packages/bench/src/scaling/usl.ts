/**
 * The Universal Scalability Law: throughput on n cores is X(n) = λn / (1 + σ(n − 1) + κn(n − 1)), with λ the rate of one, σ the share that is done
 * by one at a time (contention), κ what each pair costs in coherence. Fitted to n / X(n), which is linear in 1, n − 1 and n(n − 1), by least
 * squares weighted by X² so that relative errors count; a negative coefficient is fitted again without its term.
 * Source: N. Gunther, Guerrilla Capacity Planning, 2007, chapters 4 to 6.
 */
export interface Scalability {
  /** Rate of one core. */
  readonly lambda: number;
  /** Contention, 0 to 1. */
  readonly sigma: number;
  /** Coherence. */
  readonly kappa: number;
  /** Cores at which throughput is highest; Infinity without coherence cost. */
  readonly peak: number;
  /** Root mean square of the relative errors. */
  readonly error: number;
}

export interface Point { readonly cores: number; readonly rate: number }

export function predict({ lambda, sigma, kappa }: Pick<Scalability, 'lambda' | 'sigma' | 'kappa'>, cores: number): number {
  return lambda * cores / (1 + sigma * (cores - 1) + kappa * cores * (cores - 1));
}

/** Fits the law to at least two points with rates above 0. Throws a RangeError for less. */
export function fit(points: readonly Point[]): Scalability {
  if (points.length < 2 || points.some(({ cores, rate }) => !(rate > 0) || !(cores >= 1))) throw new RangeError('the law is fitted to two points or more, with one core or more and a rate above 0');
  const bases: readonly ((cores: number) => number)[] = [() => 1, (n) => n - 1, (n) => n * (n - 1)];
  const choices = points.length > 2 ? [[0, 1, 2], [0, 1], [0, 2], [0]] : [[0, 1], [0]];
  for (const choice of choices) {
    const found = leastSquares(points.map(({ cores, rate }) => ({ row: choice.map((k) => (bases[k] as (n: number) => number)(cores) * rate / cores), value: 1 })));
    const coefficients = [0, 0, 0];
    choice.forEach((k, at) => { coefficients[k] = found[at] as number; });
    const [base, contention, coherence] = coefficients as [number, number, number];
    if (!(base > 0) || contention < 0 || coherence < 0) continue;
    const law = { lambda: 1 / base, sigma: contention / base, kappa: coherence / base };
    const error = Math.sqrt(points.reduce((sum, { cores, rate }) => sum + (predict(law, cores) / rate - 1) ** 2, 0) / points.length);
    return { ...law, peak: law.kappa > 0 ? Math.sqrt((1 - Math.min(1, law.sigma)) / law.kappa) : Infinity, error };
  }
  throw new RangeError('the points fit no law: their rates are not those of one program');
}

/** Solves the normal equations by Gaussian elimination with pivots; at most three unknowns. */
function leastSquares(samples: readonly { readonly row: readonly number[]; readonly value: number }[]): number[] {
  const size = samples[0]?.row.length ?? 0;
  const matrix = Array.from({ length: size }, (_, i) => Array.from({ length: size + 1 }, (_unused, j) =>
    samples.reduce((sum, { row, value }) => sum + (row[i] as number) * (j === size ? value : row[j] as number), 0)));
  for (let k = 0; k < size; k++) {
    let pivot = k;
    for (let r = k + 1; r < size; r++) if (Math.abs(at(matrix, r, k)) > Math.abs(at(matrix, pivot, k))) pivot = r;
    [matrix[k], matrix[pivot]] = [matrix[pivot] as number[], matrix[k] as number[]];
    for (let r = 0; r < size; r++) {
      if (r === k) continue;
      const factor = at(matrix, r, k) / at(matrix, k, k);
      for (let c = k; c <= size; c++) (matrix[r] as number[])[c] = at(matrix, r, c) - factor * at(matrix, k, c);
    }
  }
  return matrix.map((row, k) => (row[size] as number) / (row[k] as number));
}
const at = (matrix: readonly (readonly number[])[], row: number, column: number): number => (matrix[row] as readonly number[])[column] as number;

/** What limits it, in words. */
export function bottleneck({ sigma, kappa, peak }: Scalability): string {
  if (sigma < 0.01 && kappa < 0.0005) return 'nothing within sight';
  if (sigma > 1) return 'more cores do less than one';
  const serial = `${(sigma * 100).toFixed(1)} % is done by one at a time`;
  return Number.isFinite(peak) && kappa * peak > sigma ? `coherence: highest at ${Math.round(peak)} cores` : serial;
}
