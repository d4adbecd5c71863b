/** Horizontal bars in groups, each group on a scale of its own from 0, with the spread as a line: SVG text. Pure. */
import { COLOURS, escape, frame, label, stepFor } from './svg.ts';

interface Bar { readonly name: string; readonly value: number; readonly low: number; readonly high: number }
export interface Bars { readonly title: string; readonly groups: readonly { readonly label: string; readonly bars: readonly Bar[] }[] }

const WIDTH = 720, LEFT = 230, RIGHT = 90, TOP = 44, ROW = 20, BAR = 12, GAP = 34;

export function drawBars({ title, groups }: Bars): string {
  const parts: string[] = [`<text x="16" y="24" class="title">${escape(title)}</text>`];
  const names = [...new Set(groups.flatMap(({ bars }) => bars.map(({ name }) => name)))];
  let y = TOP;
  for (const { label: what, bars } of groups) {
    const most = Math.max(0, ...bars.flatMap(({ value, high }) => [value, high]).filter(Number.isFinite));
    const step = stepFor(most);
    const end = Math.max(step, Math.ceil(most / step) * step);
    const at = (value: number): string => (LEFT + value / end * (WIDTH - LEFT - RIGHT)).toFixed(1);
    parts.push(`<text x="16" y="${y + 12}" font-weight="600">${escape(what)}</text>`);
    y += ROW;
    for (const { name, value, low, high } of bars) {
      if (!Number.isFinite(value)) continue;
      const middle = y + BAR / 2;
      parts.push(`<text x="${LEFT - 8}" y="${middle + 4}" class="end">${escape(name)}</text>`,
        `<rect x="${LEFT}" y="${y}" width="${(Number(at(value)) - LEFT).toFixed(1)}" height="${BAR}" fill="${COLOURS[names.indexOf(name) % COLOURS.length]}"/>`,
        `<line x1="${at(low)}" x2="${at(high)}" y1="${middle}" y2="${middle}" class="spread"/>`,
        `<text x="${(Number(at(Math.max(value, high))) + 6).toFixed(1)}" y="${middle + 4}">${label(value)}</text>`);
      y += ROW;
    }
    y += GAP - ROW;
  }
  return frame(title, WIDTH, y + 10, parts);
}
