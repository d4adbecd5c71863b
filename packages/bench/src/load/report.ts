// Results as plain text: columns that line up, units in the heading.
import type { RouteResult } from './plan.ts';

/** Fewer samples than this on the far side of a percentile and it would only be the largest sample under another name. */
const tailSamplesMin = 1;

/** Rows under a heading, the first column to the left, the others to the right. */
export function formatTable(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [heading, ...rows];
  const widths = heading.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ').trimEnd();
  return [line(heading), widths.map((width) => '─'.repeat(width)).join('  '), ...rows.map(line)].join('\n');
}

/** One row a route, and one for all. `seconds` is the time over which requests arrived. */
export function formatRoutes(results: readonly RouteResult[], seconds: number): string {
  const heading = ['route', 'sent', 'right/s', 'p50 ms', 'p99 ms', 'p99.9 ms', 'max ms', 'errors', 'wrong'];
  return formatTable(heading, results.map(({ route, sent, right, wrong, failed, latencyUs }) => [
    route, String(sent), (right / seconds).toFixed(1),
    percentileMs(latencyUs.p50, latencyUs.count, 0.5), percentileMs(latencyUs.p99, latencyUs.count, 0.99),
    percentileMs(latencyUs.p999, latencyUs.count, 0.999), percentileMs(latencyUs.max, latencyUs.count, 0.5),
    formatCounts(failed), formatCounts(wrong),
  ]));
}

function percentileMs(us: number, samples: number, share: number): string {
  return samples * (1 - share) < tailSamplesMin - 1e-9 ? '–' : formatMs(us / 1000);
}

/** Three significant figures. */
export function formatMs(ms: number): string {
  if (ms < 10) return ms.toFixed(2);
  return ms < 100 ? ms.toFixed(1) : ms.toFixed(0);
}

/** `3`, or `3 (timeout 2, reset 1)`. */
export function formatCounts(counts: Record<string, number>): string {
  const kinds = Object.entries(counts);
  const total = kinds.reduce((sum, [, times]) => sum + times, 0);
  return total === 0 ? '0' : `${total} (${kinds.map(([kind, times]) => `${kind} ${times}`).join(', ')})`;
}
