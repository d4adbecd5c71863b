// The heavy part of the mixed load: a long document in Markdown, rendered anew for each request.
import markdownIt from 'markdown-it';

const SECTIONS = 110;
export const section = (n: number): string => `## Section ${n}: what *${n}* is about

A paragraph with **strong**, _emphasised_ and \`code\` words, a [link](https://example.org/${n} "title ${n}"), an ![image](/images/${n}.png)
and a line break, ${'which goes on for a while, '.repeat(4)}until it ends; "quoted" -- text... (c) ${n}.

| column | value | note |
|---|---:|:--:|
| ${n} | ${n * 17} | *a* |
| ${n + 1} | ${n * 19} | **b** |

1. first of ${n}
2. second, with \`inline code\` and <https://example.org/auto/${n}>
   - nested *item*
   - another one

> A quotation of ${n}, with ***both*** in it.

\`\`\`js
const x${n} = ${n} * 2; // code is escaped: <b>&amp;</b>
\`\`\`
`;

const text = Array.from({ length: SECTIONS }, (_, n) => section(n)).join('\n');
const renderer = markdownIt({ html: true, linkify: true, typographer: true });

export const render = (): string => renderer.render(text);
