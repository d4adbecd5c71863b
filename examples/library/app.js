// The library as a fetch-style application. It knows nothing of what serves it: node:http, node:cluster, or a pool.
//
// Light (/), disk (/raw), database (/search), upload (/notes) and heavy synchronous work (/render of a long document)
// share one thread here, as they do in most applications.
import { openCatalogue } from './catalogue.js';
import { postNote } from './notes.js';
import { renderPage } from './page.js';
import { html, json, markdown, problem, withoutBody } from './responses.js';
const queryLengthMax = 200;
const hitsMax = 10;
const opened = openCatalogue();
const routes = [
    { method: 'GET', pattern: /^\/$/, handler: () => json({ name: 'library', routes: ['/documents', '/render/:id', '/raw/:id', '/search?q=', '/notes'] }) },
    { method: 'GET', pattern: /^\/documents$/, handler: listDocuments },
    { method: 'GET', pattern: /^\/render\/([1-9]\d{0,5})$/, handler: renderDocument },
    { method: 'GET', pattern: /^\/raw\/([1-9]\d{0,5})$/, handler: rawDocument },
    { method: 'GET', pattern: /^\/search$/, handler: search },
    { method: 'POST', pattern: /^\/notes$/, handler: postNote },
];
async function handle(request) {
    const url = new URL(request.url);
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    const matching = routes.filter(({ pattern }) => pattern.test(url.pathname));
    const route = matching.find((candidate) => candidate.method === method);
    if (matching.length === 0)
        return problem(404, 'there is nothing here');
    if (route === undefined)
        return problem(405, 'this address does not take that method', { allow: allowed(matching) });
    const response = await route.handler(request, url, route.pattern.exec(url.pathname)?.[1] ?? '');
    return request.method === 'HEAD' ? withoutBody(response) : response;
}
function allowed(matching) {
    return matching.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ');
}
async function listDocuments() {
    const documents = (await opened).list();
    return json({ count: documents.length, documents });
}
async function renderDocument(_request, _url, id) {
    return withDocument(id, async (catalogue, entry) => html(renderPage(entry.title, entry.path, (await catalogue.read(entry)).toString('utf8'))));
}
async function rawDocument(_request, _url, id) {
    return withDocument(id, async (catalogue, entry) => markdown(await catalogue.read(entry)));
}
async function withDocument(id, use) {
    const catalogue = await opened;
    const entry = catalogue.find(Number(id));
    return entry === undefined ? problem(404, 'there is no such document') : use(catalogue, entry);
}
async function search(_request, url) {
    const query = url.searchParams.get('q')?.trim() ?? '';
    if (query === '' || query.length > queryLengthMax)
        return problem(400, `q: the words to look for, 1 to ${queryLengthMax} characters`);
    const hits = (await opened).search(query, hitsMax);
    return json({ query, count: hits.length, hits });
}
export default {
    async fetch(request) {
        try {
            return await handle(request);
        }
        catch (error) {
            console.error(error);
            return problem(500, 'something went wrong here');
        }
    },
};
//# sourceMappingURL=app.js.map