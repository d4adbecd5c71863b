/** Line plots as SVG text: axes from 0, a legend, light and dark by the viewer's preference. Pure. */
export interface Series { readonly name: string; readonly points: readonly { readonly x: number; readonly y: number }[]; readonly isDashed?: boolean }
export interface Plot {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly series: readonly Series[];
  /** Each step to the right doubles; x from 1 on. */
  readonly isDoubling?: boolean;
}

const WIDTH = 720, HEIGHT = 420, LEFT = 64, RIGHT = 190, TOP = 44, BOTTOM = 52;
/** Colours that readers with colour blindness tell apart. Source: Okabe and Ito, 2008. */
export const COLOURS = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#999999'] as const;
const TICKS_MAX = 6;

/** A drawing with its style, for light and dark paper. */
export const frame = (title: string, width: number, height: number, parts: readonly string[]): string => `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(title)}">
<style>text{font:12px system-ui,sans-serif;fill:#222}.title{font-size:15px;font-weight:600}.end{text-anchor:end}.middle{text-anchor:middle}.grid{stroke:#ddd}.spread{stroke:#222}.paper{fill:#fff}@media(prefers-color-scheme:dark){text{fill:#ddd}.grid{stroke:#444}.spread{stroke:#ddd}.paper{fill:#181818}}</style>
<rect class="paper" width="${width}" height="${height}"/>
${parts.join('\n')}
</svg>
`;

export const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** A round number so that at most TICKS_MAX steps of it cover `most`. */
export function stepFor(most: number): number {
  if (!(most > 0)) return 1;
  const magnitude = 10 ** Math.floor(Math.log10(most / TICKS_MAX));
  return ([1, 2, 5, 10].find((factor) => factor * magnitude * TICKS_MAX >= most) ?? 10) * magnitude;
}

export function drawPlot({ title, x, y, series, isDoubling = false }: Plot): string {
  const points = series.flatMap((one) => one.points);
  const most = (values: number[]): number => Math.max(0, ...values.filter((value) => Number.isFinite(value)));
  const [stepX, stepY] = [stepFor(most(points.map((point) => point.x))), stepFor(most(points.map((point) => point.y)))];
  const [endX, endY] = [most(points.map((point) => point.x)) || stepX, Math.max(stepY, Math.ceil(most(points.map((point) => point.y)) / stepY) * stepY)];
  const partX = (value: number): number => (isDoubling ? Math.log2(Math.max(1, value)) / Math.max(1, Math.log2(endX)) : value / endX);
  const atX = (value: number): number => LEFT + partX(value) * (WIDTH - LEFT - RIGHT);
  const atY = (value: number): number => HEIGHT - BOTTOM - value / endY * (HEIGHT - TOP - BOTTOM);
  const place = (value: number): string => value.toFixed(1);
  const parts: string[] = [`<text x="${LEFT}" y="24" class="title">${escape(title)}</text>`];
  for (let value = 0; value <= endY + stepY / 2; value += stepY) {
    parts.push(`<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${place(atY(value))}" y2="${place(atY(value))}" class="grid"/>`,
      `<text x="${LEFT - 8}" y="${place(atY(value) + 4)}" class="end">${label(value)}</text>`);
  }
  const ticksX = isDoubling ? Array.from({ length: Math.floor(Math.log2(Math.max(1, endX))) + 1 }, (_, k) => 2 ** k) : Array.from({ length: Math.floor(endX / stepX) + 1 }, (_, k) => k * stepX);
  for (const value of ticksX) parts.push(`<text x="${place(atX(value))}" y="${HEIGHT - BOTTOM + 18}" class="middle">${label(value)}</text>`);
  parts.push(`<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 12}" class="middle">${escape(x)}</text>`,
    `<text transform="translate(16 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" class="middle">${escape(y)}</text>`);
  series.forEach((one, k) => {
    const colour = COLOURS[k % COLOURS.length] as string;
    const seen = one.points.filter((point) => Number.isFinite(point.y));
    parts.push(`<polyline fill="none" stroke="${colour}" stroke-width="2"${one.isDashed === true ? ' stroke-dasharray="5 4"' : ''} points="${seen.map((point) => `${place(atX(point.x))},${place(atY(point.y))}`).join(' ')}"/>`);
    if (one.isDashed !== true) for (const point of seen) parts.push(`<circle cx="${place(atX(point.x))}" cy="${place(atY(point.y))}" r="3" fill="${colour}"/>`);
    parts.push(`<rect x="${WIDTH - RIGHT + 14}" y="${TOP + k * 20 - 2}" width="14" height="3" fill="${colour}"/>`, `<text x="${WIDTH - RIGHT + 34}" y="${TOP + k * 20 + 4}">${escape(one.name)}</text>`);
  });
  return frame(title, WIDTH, HEIGHT, parts);
}

export const label = (value: number): string => (value >= 1e6 ? `${trim(value / 1e6)} M` : value >= 1e4 ? `${trim(value / 1e3)} k` : trim(value));
const trim = (value: number): string => String(Number(value.toPrecision(4)));
