// Markdown to a full HTML page: the heavy part of the library, all of it in one go on the thread that serves.
//
// markdown-it rather than marked: the documents are other people's, and its defaults are safe for that (raw HTML comes
// out escaped, `javascript:` links are refused), where marked passes both through and asks for a second library. Bare URLs
// are left as they are: with `linkify` V8 14 may throw its optimised code of markdown-it away and make it anew, for ever;
// a page then takes twice as long in one thread and not in another, by the order in which it met its documents.
import MarkdownIt from 'markdown-it';
import { escapeHtml, stylesheet } from './responses.ts';

const renderer = new MarkdownIt({ html: false, typographer: true });

interface Heading { level: number; text: string; anchor: string }

/** The page for one document, with a table of contents when there are at least three headings. */
export function renderPage(title: string, path: string, source: string): string {
  const tokens = renderer.parse(source, {});
  const headings: Heading[] = [];
  const taken = new Map<string, number>();
  for (const [index, token] of tokens.entries()) {
    const text = tokens[index + 1]?.content ?? '';
    if (token.type !== 'heading_open' || text === '') continue;
    const anchor = anchorOf(text, taken);
    token.attrSet('id', anchor);
    headings.push({ level: Number(token.tag.slice(1)), text, anchor });
  }
  const body = renderer.renderer.render(tokens, renderer.options, {});
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>${stylesheet}</style>
</head>
<body>
<p><a href="/documents">All documents</a> · ${escapeHtml(path)} · ${readingMinutes(source)} min</p>
${headings.length < 3 ? '' : contentsOf(headings)}
<main>
${body}</main>
</body>
</html>
`;
}

function contentsOf(headings: Heading[]): string {
  const items = headings.map(({ level, text, anchor }) => `<li class="level-${level}"><a href="#${escapeHtml(anchor)}">${renderer.renderInline(text)}</a></li>`);
  return `<nav aria-label="Contents"><ol>\n${items.join('\n')}\n</ol></nav>`;
}

/** A heading's words joined by hyphens; the second of the same name gets `-1`, as on GitHub. */
function anchorOf(text: string, taken: Map<string, number>): string {
  const base = text.toLowerCase().replaceAll(/[^\p{L}\p{N}\s-]/gu, '').trim().replaceAll(/\s+/g, '-');
  const count = taken.get(base) ?? 0;
  taken.set(base, count + 1);
  return count === 0 ? base : `${base}-${count}`;
}

function readingMinutes(source: string): number {
  return Math.max(1, Math.round((source.match(/\S+/g)?.length ?? 0) / 220));
}
