/** A light route, and one that renders documents: one in ten of its pages is long. */
import markdownIt from 'markdown-it';
import { section } from './markdown.ts';

export const PAGES = 200;
export const LONG_EVERY = 10;
const SECTIONS = 6, SECTIONS_LONG = 110;

const texts = Array.from({ length: PAGES }, (_, n) => Array.from({ length: n % LONG_EVERY === 0 ? SECTIONS_LONG : SECTIONS }, (_, k) => section(n + k)).join('\n'));
const renderer = markdownIt({ html: true, typographer: true });

export default {
  fetch(request: Request): Response {
    const page = /\/page\/(\d+)$/.exec(request.url)?.[1];
    if (page === undefined) return Response.json({ hello: 'world' });
    return new Response(renderer.render(texts[Number(page) % PAGES] as string), { headers: { 'content-type': 'text/html' } });
  },
};
