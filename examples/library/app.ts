// The library as a fetch-style application. It knows nothing of what serves it: node:http, node:cluster, or a pool.
//
// Light (/), disk (/raw), database (/search), upload (/notes) and heavy synchronous work (/render of a long document)
// share one thread here, as they do in most applications.
import { openCatalogue } from './catalogue.ts';
import type { Catalogue, Entry } from './catalogue.ts';
import { postNote } from './notes.ts';
import { renderPage } from './page.ts';
import { html, json, markdown, problem, withoutBody } from './responses.ts';

const queryLengthMax = 200;
const hitsMax = 10;

const opened: Promise<Catalogue> = openCatalogue();

type Handler = (request: Request, url: URL, argument: string) => Response | Promise<Response>;
interface Route { method: 'GET' | 'POST'; pattern: RegExp; handler: Handler }

const routes: Route[] = [
  { method: 'GET', pattern: /^\/$/, handler: () => json({ name: 'library', routes: ['/documents', '/render/:id', '/raw/:id', '/search?q=', '/notes'] }) },
  { method: 'GET', pattern: /^\/documents$/, handler: listDocuments },
  { method: 'GET', pattern: /^\/render\/([1-9]\d{0,5})$/, handler: renderDocument },
  { method: 'GET', pattern: /^\/raw\/([1-9]\d{0,5})$/, handler: rawDocument },
  { method: 'GET', pattern: /^\/search$/, handler: search },
  { method: 'POST', pattern: /^\/notes$/, handler: postNote },
];

async function handle(request: Request): Promise<Response> {
  const url = new URL(request.url);
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const matching = routes.filter(({ pattern }) => pattern.test(url.pathname));
  const route = matching.find((candidate) => candidate.method === method);
  if (matching.length === 0) return problem(404, 'there is nothing here');
  if (route === undefined) return problem(405, 'this address does not take that method', { allow: allowed(matching) });
  const response = await route.handler(request, url, route.pattern.exec(url.pathname)?.[1] ?? '');
  return request.method === 'HEAD' ? withoutBody(response) : response;
}

function allowed(matching: Route[]): string {
  return matching.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ');
}

async function listDocuments(): Promise<Response> {
  const documents = (await opened).list();
  return json({ count: documents.length, documents });
}

async function renderDocument(_request: Request, _url: URL, id: string): Promise<Response> {
  return withDocument(id, async (catalogue, entry) => html(renderPage(entry.title, entry.path, (await catalogue.read(entry)).toString('utf8'))));
}

async function rawDocument(_request: Request, _url: URL, id: string): Promise<Response> {
  return withDocument(id, async (catalogue, entry) => markdown(await catalogue.read(entry)));
}

async function withDocument(id: string, use: (catalogue: Catalogue, entry: Entry) => Promise<Response>): Promise<Response> {
  const catalogue = await opened;
  const entry = catalogue.find(Number(id));
  return entry === undefined ? problem(404, 'there is no such document') : use(catalogue, entry);
}

async function search(_request: Request, url: URL): Promise<Response> {
  const query = url.searchParams.get('q')?.trim() ?? '';
  if (query === '' || query.length > queryLengthMax) return problem(400, `q: the words to look for, 1 to ${queryLengthMax} characters`);
  const hits = (await opened).search(query, hitsMax);
  return json({ query, count: hits.length, hits });
}

export default {
  async fetch(request: Request): Promise<Response> {
    try {
      return await handle(request);
    } catch (error) {
      console.error(error);
      return problem(500, 'something went wrong here');
    }
  },
};
