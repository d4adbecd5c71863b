// The example application, called directly, over a small library of its own.
import { mkdtemp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let root = '';
let fetch: (request: Request) => Promise<Response>;

const files = {
  'alpha/README.md': '# Alpha & <b>Omega</b>\n\n<script>alert(1)</script>\n\n[link](javascript:alert(1))\n\n## One\n\n## Two\n\n## Two\n\nA lighthouse stands here, long enough to be kept.\n',
  'beta/README.md': `# Beta\n\n${'Another lighthouse, and a harbour. '.repeat(400)}\n`,
  'beta/tiny.md': 'tiny',
  '.hidden/README.md': `# Hidden\n\n${'Nobody finds this. '.repeat(10)}\n`,
  'beta/notes.txt': 'not Markdown, but long enough to be kept if it were: '.repeat(4),
};

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'library-test-'));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  process.env.LIBRARY_ROOT = root;
  const { default: app } = await import('../../../examples/library/app.ts');
  fetch = (request) => app.fetch(request);
});

afterAll(async () => {
  delete process.env.LIBRARY_ROOT;
  await rm(root, { recursive: true, force: true });
});

async function get(path: string, init?: RequestInit): Promise<Response> {
  return fetch(new Request(`http://library.test${path}`, init));
}

async function post(body: string | Uint8Array<ArrayBuffer>, type = 'application/json'): Promise<Response> {
  return get('/notes', { method: 'POST', body, headers: { 'content-type': type } });
}

describe('the library', () => {
  it('holds the Markdown files in the order of their paths, and no others', async () => {
    const { documents } = (await (await get('/documents')).json()) as { documents: { id: number; path: string }[] };
    expect(documents.map(({ id, path }) => [id, path])).toEqual([[1, 'alpha/README.md'], [2, 'beta/README.md']]);
  });

  it('renders a page in which nothing of the document is markup or script of its own', async () => {
    const response = await get('/render/1');
    const page = await response.text();
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(page).not.toMatch(/<script|<b>|href="javascript/);
    expect(page).toContain('&lt;script&gt;');
    expect(page).toContain('<title>Alpha &amp; Omega</title>');
    expect(page).toContain('id="two"');
    expect(page).toContain('id="two-1"');
  });

  it('gives a document as it is on disk', async () => {
    const response = await get('/raw/2');
    expect(await response.text()).toBe(files['beta/README.md']);
    expect(response.headers.get('content-length')).toBe(String(files['beta/README.md'].length));
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('finds documents by the beginnings of words, each once, with an excerpt of its own', async () => {
    const { hits } = (await (await get('/search?q=lightho')).json()) as { hits: { id: number; snippet: string }[] };
    expect(hits.map(({ id }) => id).toSorted()).toEqual([1, 2]);
    for (const { id, snippet } of hits) expect(snippet).toContain(id === 1 ? 'stands' : 'Another');
  });

  it('reads no operators in what is searched for', async () => {
    for (const query of ['"', '*', 'NEAR(', 'a OR b', "'; DROP TABLE text", 'title:alpha', '-']) expect((await get(`/search?q=${encodeURIComponent(query)}`)).status).toBe(200);
    expect((await get('/search')).status).toBe(400);
    expect((await get(`/search?q=${'a'.repeat(201)}`)).status).toBe(400);
  });

  it('answers HEAD without a body', async () => {
    const response = await get('/raw/1', { method: 'HEAD' });
    expect(response.headers.get('content-length')).toBe(String(files['alpha/README.md'].length));
    expect(await response.text()).toBe('');
  });

  it.each([['/nothing', 404], ['/raw/3', 404], ['/raw/0', 404], ['/raw/../app.ts', 404], ['/render/1x', 404]])('has nothing at %s', async (path, status) => {
    expect((await get(path)).status).toBe(status);
  });

  it('says which methods an address takes', async () => {
    const response = await get('/raw/1', { method: 'DELETE' });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });
});

describe('a note', () => {
  it('is summarised', async () => {
    const response = await post(JSON.stringify({ title: ' T ', text: 'One two. Two three!', tags: ['b', 'a', 'b'] }));
    expect(await response.json()).toMatchObject({ title: 'T', tags: ['a', 'b'], words: 4, distinctWords: 3, sentences: 2, frequent: { two: 2, one: 1, three: 1 } });
  });

  it.each([
    ['no JSON', '{', 400],
    ['a list', '[]', 400],
    ['no text', '{"title":"t"}', 400],
    ['an empty text', '{"title":"t","text":" "}', 400],
    ['too many tags', JSON.stringify({ title: 't', text: 'x', tags: Array.from({ length: 17 }, () => 't') }), 400],
    ['a long title', JSON.stringify({ title: 't'.repeat(201), text: 'x' }), 400],
    ['a long body', JSON.stringify({ title: 't', text: 'x'.repeat(70_000) }), 413],
  ])('is refused with %s', async (_, body, status) => {
    expect((await post(body)).status).toBe(status);
  });

  it('is refused when it is not UTF-8, or not called JSON', async () => {
    expect((await post(new Uint8Array([0xff, 0xfe]))).status).toBe(400);
    expect((await post('{}', 'text/plain')).status).toBe(415);
  });

  it('is refused as soon as it is too long, whatever length was announced', async () => {
    const endless = new ReadableStream({ pull(controller) { controller.enqueue(new Uint8Array(16_384)); } });
    const response = await get('/notes', { method: 'POST', body: endless, duplex: 'half', headers: { 'content-type': 'application/json' } } as RequestInit);
    expect(response.status).toBe(413);
  });
});

describe('the catalogue', () => {
  it('is built once by several threads that start at the same time', async () => {
    const cache = join(root, '.cache', 'capriccio-example-library');
    await rm(cache, { recursive: true, force: true });
    const url = new URL('../../../examples/library/catalogue.ts', import.meta.url).href;
    const source = `const { buildCatalogue } = await import(${JSON.stringify(url)}); const { parentPort } = await import('node:worker_threads');
      let built = 0; const file = await buildCatalogue(() => built++); parentPort.postMessage({ file, built });`;
    const answers = await Promise.all(Array.from({ length: 4 }, async () => new Promise<{ file: string; built: number }>((resolve, reject) => {
      const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`));
      worker.once('message', resolve).once('error', reject);
    })));
    expect(new Set(answers.map(({ file }) => file)).size).toBe(1);
    expect(answers.filter(({ built }) => built > 0)).toHaveLength(1);
    expect(await readdir(cache)).toEqual([expect.stringMatching(/^[\da-f]{24}\.sqlite$/)]);
  });
});
