/** An API with Fastify: a hook that authenticates, schemas, a service over a repository, an error of the application's own. */
import Fastify from 'fastify';

interface User { readonly id: number; readonly name: string; readonly role: 'admin' | 'reader'; readonly teamIds: readonly number[] }
interface Team { readonly id: number; readonly title: string; readonly memberIds: readonly number[] }

class NotFound extends Error { readonly statusCode = 404; }

/** As a database driver is: each answer comes later. */
class Repository<T extends { readonly id: number }> {
  readonly #rows: ReadonlyMap<number, T>;
  constructor(rows: readonly T[]) { this.#rows = new Map(rows.map((row) => [row.id, row])); }
  async find(id: number): Promise<T> {
    await Promise.resolve();
    const row = this.#rows.get(id);
    if (row === undefined) throw new NotFound(`there is no ${id}`);
    return row;
  }
}

const users = new Repository<User>(Array.from({ length: 100 }, (_, id) => ({ id, name: `user ${id}`, role: id % 10 === 0 ? 'admin' : 'reader', teamIds: [id % 7, (id * 3) % 7 + 7] })));
const teams = new Repository<Team>(Array.from({ length: 14 }, (_, id) => ({ id, title: `team ${id}`, memberIds: [id, id + 14, id + 28] })));

class Directory {
  async profile(id: number): Promise<object> {
    const user = await users.find(id);
    const joined = await Promise.all(user.teamIds.map(async (teamId) => await this.team(teamId)));
    return { ...user, teams: joined };
  }
  async team(id: number): Promise<object> {
    const { title, memberIds } = await teams.find(id);
    const members: string[] = [];
    for (const memberId of memberIds) members.push((await users.find(memberId)).name);
    return { id, title, members };
  }
}

const profile = {
  type: 'object',
  properties: {
    id: { type: 'integer' }, name: { type: 'string' }, role: { type: 'string' },
    teams: { type: 'array', items: { type: 'object', properties: { id: { type: 'integer' }, title: { type: 'string' }, members: { type: 'array', items: { type: 'string' } } } } },
  },
};

const app = Fastify();
const directory = new Directory();
app.decorateRequest('userId', 0);
app.addHook('onRequest', async (request) => {
  const id = Number(request.headers.authorization);
  const { role } = await users.find(id);
  if (role === 'reader' && request.method !== 'GET') throw Object.assign(new Error('readers read'), { statusCode: 403 });
  (request as unknown as { userId: number }).userId = id;
});
// oxlint-disable-next-line oxc/no-async-endpoint-handlers -- Fastify awaits its handlers
app.get('/users/:id', { schema: { params: { type: 'object', properties: { id: { type: 'integer' } } }, response: { 200: profile } } }, async (request) => await directory.profile((request.params as { id: number }).id));
app.post('/users/:id/notes', { schema: { body: { type: 'object', required: ['text'], properties: { text: { type: 'string', maxLength: 1000 } } } } }, async (request, reply) => {
  const { text } = request.body as { text: string };
  const author = await users.find((request as unknown as { userId: number }).userId);
  reply.code(201);
  return { author: author.name, words: text.split(' ').length };
});
await app.ready();

export const WINDOW = 16;
export async function task(k: number): Promise<unknown> {
  const response = k % 4 === 3
    ? await app.inject({ method: 'POST', url: `/users/${k % 100}/notes`, headers: { authorization: String(k % 100) }, payload: { text: 'one two three' } })
    : await app.inject({ url: `/users/${k % 104}`, headers: { authorization: String(k % 100) } });
  return `${response.statusCode} ${response.body}`;
}
