// The requests of the main job and their right answers. The application runs here too, with no server around it: what it
// answers directly is what every contender must send.
import { bodyHash } from '../load/generator.ts';
import type { PlannedRequest } from '../load/plan.ts';
import type { FetchApp } from '../servers/protocol.ts';

/** A document from here on is long: it takes markdown-it several milliseconds. */
const longBytes = 24 * 1024;
const searchesMax = 48;
const notesMax = 24;

/** Share of the arrivals in percent, and the requests that have it between them. */
interface Group { route: string; percent: number; requests: Omit<PlannedRequest, 'route' | 'weight' | 'status' | 'bodyHash'>[] }

interface Entry { id: number; path: string; bytes: number; title: string }

/** The distinct requests of the mix, in a fixed order. Reads the list of documents from the application itself. */
async function describeMix(app: FetchApp): Promise<Group[]> {
  const { documents } = (await (await direct(app, { method: 'GET', path: '/documents' })).json()) as { documents: Entry[] };
  if (documents.length === 0) throw new Error('the library found no documents below node_modules: run npm ci first');
  const long = documents.filter(({ bytes }) => bytes >= longBytes);
  const short = documents.filter(({ bytes }) => bytes < longBytes);
  const groups: Group[] = [
    { route: 'GET /', percent: 30, requests: [{ method: 'GET', path: '/' }] },
    { route: 'GET /documents', percent: 3, requests: [{ method: 'GET', path: '/documents' }] },
    { route: 'GET /raw/:id', percent: 20, requests: documents.map(({ id }) => ({ method: 'GET', path: `/raw/${id}` })) },
    { route: 'GET /search', percent: 10, requests: searchWords(documents).map((word) => ({ method: 'GET', path: `/search?q=${encodeURIComponent(word)}` })) },
    { route: 'POST /notes', percent: 12, requests: await notes(app, documents) },
    { route: 'GET /render/:id short', percent: 18, requests: short.map(({ id }) => ({ method: 'GET', path: `/render/${id}` })) },
    { route: 'GET /render/:id long', percent: 5, requests: long.map(({ id }) => ({ method: 'GET', path: `/render/${id}` })) },
    { route: 'refused', percent: 2, requests: refused() },
  ];
  return groups.filter(({ requests }) => requests.length > 0);
}

/** What a visitor would look for: the words of the titles. */
function searchWords(documents: Entry[]): string[] {
  const words = documents.flatMap(({ title }) => title.toLowerCase().match(/\p{L}{4,}/gu) ?? []);
  return [...new Set(words)].toSorted().filter((_, index, all) => index % Math.ceil(all.length / searchesMax) === 0);
}

async function notes(app: FetchApp, documents: Entry[]): Promise<Group['requests']> {
  const step = Math.ceil(documents.length / notesMax);
  const chosen = documents.filter((_, index) => index % step === 0);
  return Promise.all(chosen.map(async ({ id, title }) => {
    const text = (await (await direct(app, { method: 'GET', path: `/raw/${id}` })).text()).slice(0, 16_000);
    return note({ title: title.slice(0, 80), text, tags: ['readme', 'note'] });
  }));
}

function note(value: unknown): Group['requests'][number] {
  return { method: 'POST', path: '/notes', headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) };
}

/** A server is also judged by how it says no: 404, 405, 400, 413. */
function refused(): Group['requests'] {
  return [
    { method: 'GET', path: '/nothing/here' },
    { method: 'GET', path: '/raw/999999' },
    { method: 'POST', path: '/documents', body: '' },
    { method: 'GET', path: '/search' },
    { ...note({}), body: '{"title": ' },
    note({ title: 'too long', text: 'word '.repeat(14_000) }),
  ];
}

export interface Workload {
  requests: PlannedRequest[];
  /** CPU that one request of the mix takes when the application is called directly. */
  meanCpuMs: number;
  /** The same by route, with its share of the arrivals. */
  routes: { route: string; percent: number; cpuMs: number; distinct: number }[];
}

/** Asks the application for every right answer, and measures what that costs. */
export async function prepareWorkload(app: FetchApp, onProgress: (done: number, total: number) => void): Promise<Workload> {
  const groups = await describeMix(app);
  const total = groups.reduce((sum, { requests }) => sum + requests.length, 0);
  const requests: PlannedRequest[] = [];
  for (const { route, percent, requests: distinct } of groups) {
    for (const request of distinct) {
      requests.push({ ...request, route, weight: percent / distinct.length, ...(await answerTo(app, request)) });
      if (requests.length % 16 === 0) onProgress(requests.length, total);
    }
  }
  onProgress(total, total);
  // After every route has run once, so that what is measured is compiled code, as it will be under load.
  const routes: Workload['routes'] = [];
  for (const { route, percent, requests: distinct } of groups) routes.push({ route, percent, cpuMs: await meanCpuMs(app, distinct), distinct: distinct.length });
  return { requests, routes, meanCpuMs: routes.reduce((sum, { percent, cpuMs }) => sum + (percent / 100) * cpuMs, 0) };
}

async function answerTo(app: FetchApp, request: Group['requests'][number]): Promise<{ status: number; bodyHash: string }> {
  const response = await direct(app, request);
  if (response.status >= 500) throw new Error(`the application itself fails on ${request.method} ${request.path} (status ${response.status})`);
  return { status: response.status, bodyHash: bodyHash(new Uint8Array(await response.arrayBuffer())) };
}

async function meanCpuMs(app: FetchApp, requests: Group['requests']): Promise<number> {
  const measureMs = 150;
  const before = process.cpuUsage();
  const end = performance.now() + measureMs;
  let done = 0;
  // Whole rounds: half of one could leave out the longest document.
  while (done === 0 || performance.now() < end) {
    for (const request of requests) {
      await (await direct(app, request)).arrayBuffer();
      done++;
    }
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / done;
}

async function direct(app: FetchApp, { method, path, headers, body }: Group['requests'][number]): Promise<Response> {
  return app.fetch(new Request(`http://127.0.0.1${path}`, { method, ...(headers && { headers }), ...(body !== undefined && { body }) }));
}
