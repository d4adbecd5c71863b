/** A renderer of Markdown pages: front matter, includes that are read asynchronously, links that are checked, code that is highlighted. */
import { readFile } from 'node:fs/promises';
import { Marked, type Token, type Tokens } from 'marked';

interface Page { readonly title: string; readonly html: string; readonly links: number }

const snippets = new Map([['note', '> **Note.** Included text with `code` and a [link](/notes).'], ['table', '| a | b |\n|---|---|\n| 1 | *2* |\n| 3 | 4 |']]);
const known = new Set(['/notes', '/guide', 'https://example.org/']);

async function snippet(name: string): Promise<string> {
  await Promise.resolve();
  const text = snippets.get(name);
  if (text === undefined) throw new RangeError(`nothing to include: ${name}`);
  return text;
}

async function include(text: string): Promise<string> {
  const lines: string[] = [];
  for (const line of text.split('\n')) {
    const name = /^@include (\w+)$/.exec(line)?.[1];
    lines.push(name === undefined ? line : await snippet(name));
  }
  return lines.join('\n');
}

const highlighted = new Map<string, string>();
async function highlight(code: string): Promise<string> {
  const found = highlighted.get(code);
  if (found !== undefined) return found;
  const html = code.replace(/[&<>]/g, (c) => `&#${c.charCodeAt(0)};`).replace(/\b(const|let|await|async|return|import|from|export)\b/g, '<b>$1</b>');
  highlighted.set(code, html);
  return html;
}

async function isKnown(href: string): Promise<boolean> { return known.has(href) || href.startsWith('#') || href.startsWith('.'); }

async function render(text: string): Promise<Page> {
  let links = 0;
  const marked = new Marked({
    async: true,
    walkTokens: async (token: Token) => {
      if (token.type === 'code') Object.assign(token, { text: await highlight((token as Tokens.Code).text), escaped: true });
      else if (token.type === 'link' && await isKnown((token as Tokens.Link).href)) links++;
    },
  });
  const source = await include(text);
  return { title: /^# (.*)$/m.exec(source)?.[1] ?? '', html: await marked.parse(source), links };
}

const folder = new URL('../../../../../', import.meta.url);
const texts = await Promise.all(['README.md', 'ARCHITECTURE.md', 'docs/performance.md'].map(async (file) => await readFile(new URL(file, folder), 'utf8')));
const pages = texts.map((text) => `${text}\n\n@include note\n\n@include table\n`);

export const WINDOW = 2;
export const task = async (k: number): Promise<unknown> => await render(pages[k % pages.length] as string);
