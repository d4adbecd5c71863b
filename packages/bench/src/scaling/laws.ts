/** What the Universal Scalability Law says of a curve, as a row of a table. */
import { bottleneck, fit, type Point } from './usl.ts';

export const lawHead: readonly string[] = ['', 'σ, one at a time', 'κ, each pair', 'highest at', 'error', 'bottleneck'];

/** @param points  two or more */
export function lawRow(name: string, points: readonly Point[]): string[] {
  const law = fit(points);
  return [name, law.sigma.toFixed(4), law.kappa.toFixed(6), Number.isFinite(law.peak) ? `${Math.round(law.peak)} cores` : 'no end', `${(law.error * 100).toFixed(1)} %`, bottleneck(law)];
}
