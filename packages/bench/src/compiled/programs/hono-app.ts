/** An API with Hono: middleware around asynchronous handlers, a session, JSON in and out. */
import { Hono, type Context, type Next } from 'hono';

interface Item { readonly id: string; readonly price: number; readonly stock: number }
type Variables = { session: { readonly user: string } };
type Shop = Context<{ Variables: Variables }>;

const items = new Map(Array.from({ length: 50 }, (_, k) => [`item-${k}`, { id: `item-${k}`, price: 100 + k * 7, stock: k % 5 } satisfies Item]));
const sessions = new Map(Array.from({ length: 20 }, (_, k) => [`token-${k}`, { user: `user-${k}` }]));

/** As a cache in another process is: each answer comes later. */
async function lookUp<T>(map: ReadonlyMap<string, T>, key: string): Promise<T | undefined> {
  await Promise.resolve();
  return map.get(key);
}

async function authenticate(c: Shop, next: Next): Promise<Response | void> {
  const session = await lookUp(sessions, c.req.header('authorization') ?? '');
  if (session === undefined) return c.json({ error: 'who are you?' }, 401);
  c.set('session', session);
  await next();
}
async function stamp(c: Shop, next: Next): Promise<void> {
  await next();
  c.header('x-served-by', 'shop');
}

async function priceOf(id: string, count: number): Promise<number> {
  const item = await lookUp(items, id);
  if (item === undefined) throw new RangeError(`there is no ${id}`);
  return count > item.stock ? Infinity : item.price * count;
}

async function totalOf(lines: readonly { id: string; count: number }[]): Promise<number> {
  let total = 0;
  for (const { id, count } of lines) total += await priceOf(id, count);
  return total;
}

const app = new Hono<{ Variables: Variables }>();
// oxlint-disable-next-line oxc/no-async-endpoint-handlers -- Hono awaits its middleware
app.use('*', stamp);
// oxlint-disable-next-line oxc/no-async-endpoint-handlers
app.use('/orders/*', authenticate);
app.onError((error, c) => c.json({ error: error.message }, 404));
app.get('/items/:id', async (c) => {
  const item = await lookUp(items, c.req.param('id'));
  return item === undefined ? c.notFound() : c.json(item);
});
app.post('/orders/:kind', async (c) => {
  const { lines } = await c.req.json<{ lines: { id: string; count: number }[] }>();
  const total = await totalOf(lines);
  return Number.isFinite(total) ? c.json({ user: c.get('session').user, kind: c.req.param('kind'), total }, 201) : c.json({ error: 'out of stock' }, 409);
});

export const WINDOW = 16;
export async function task(k: number): Promise<unknown> {
  const response = k % 2 === 0
    ? await app.request(`/items/item-${k % 53}`)
    : await app.request('/orders/express', { method: 'POST', headers: { authorization: `token-${k % 21}` }, body: JSON.stringify({ lines: [{ id: `item-${k % 52}`, count: 1 }, { id: 'item-4', count: 3 }] }) });
  return `${response.status} ${response.headers.get('x-served-by') ?? ''} ${await response.text()}`;
}
