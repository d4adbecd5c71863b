/**
 * `capriccio/static`: files of a directory, in every shape of app. Small ones come from memory in one write; others stream.
 *
 *     const files = staticFiles(new URL('./public/', import.meta.url), { maxAgeSeconds: 3600 });
 *
 *     (req, res) listener      if (!(await files.handle(req, res))) { res.statusCode = 404; res.end(); }
 *     Express                  app.use('/assets', async (req, res, next) => { (await files.handle(req, res)) || next(); });
 *     Fastify                  app.get('/assets/*', async (req, reply) => {
 *                                if (await files.handle(req.raw, reply.raw, req.url.slice('/assets'.length))) return reply.hijack();
 *                                reply.callNotFound();
 *                                return reply;
 *                              });
 *     fetch, Hono              return (await files.fetch(request)) ?? new Response(null, { status: 404 });
 *
 * Each thread that loads the app has a cache of its own, so `cacheBytes` counts once a core.
 */
import { CapriccioError } from '@capriccio/shared';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FileCache, type CachedFile, type Found } from './http/file-cache.ts';
import { pathOf } from './http/request-path.ts';
import { respond, send, type Answer } from './http/static-answer.ts';
import { fileNameOf } from './http/static-path.ts';

export interface StaticOptions {
  /** How long browsers and proxies may keep an answer without asking, seconds. Default 0: they ask each time, and get 304. */
  maxAgeSeconds?: number;
  /** The file that stands for a directory. `false`: none. Default 'index.html'. */
  index?: string | false;
  /** Bound of the cache, bytes. Default 64 MiB; 0 keeps nothing. */
  cacheBytes?: number;
  /** The largest file that is kept, bytes; larger ones are streamed. Default 1 MiB. */
  fileBytesMax?: number;
  /** How long a cached file is trusted before it is stat'ed again, milliseconds. Default 1000. */
  validateMs?: number;
  /** 'ignore' (default): a path with a segment that begins with a dot names no file; so `.well-known` needs 'allow'. */
  dotfiles?: 'ignore' | 'allow';
}

export interface StaticFiles {
  /**
   * Answers a GET or HEAD request if its path names a file.
   * @param path  where the file is below the root, percent-encoded as in a URL, with or without a query; default: `req.url`
   * @returns false when there is no such file (or the method is another): nothing has been written. Rejects with the system's error when
   *          the file cannot be read for a reason that is not the client's (EMFILE, EIO); nothing has been written then either.
   */
  handle(req: IncomingMessage, res: ServerResponse, path?: string): Promise<boolean>;
  /** The same for Request and Response. @returns undefined when there is no such file */
  fetch(request: Request, path?: string): Promise<Response | undefined>;
}

/** Throws CAP_ERR_OPTION for options that make no sense. The root need not exist yet. */
export function staticFiles(root: string | URL, options: StaticOptions = {}): StaticFiles {
  const { maxAgeSeconds = 0, index = 'index.html', cacheBytes = 64 * 1024 * 1024, fileBytesMax = 1024 * 1024, validateMs = 1000, dotfiles = 'ignore' } = options;
  for (const [name, value] of Object.entries({ maxAgeSeconds, cacheBytes, fileBytesMax, validateMs })) {
    if (!(value >= 0) || name === 'maxAgeSeconds' && !Number.isSafeInteger(value)) {
      throw new CapriccioError('CAP_ERR_OPTION', `staticFiles: ${name} must be a number of 0 or more, not ${String(value)}`);
    }
  }
  if (index !== false && (index === '' || /[/\\]/.test(index))) throw new CapriccioError('CAP_ERR_OPTION', `staticFiles: index must be a file name or false, not ${JSON.stringify(index)}`);
  const directory = resolve(typeof root === 'string' ? root : fileURLToPath(root));
  const cache = new FileCache(directory, { cacheBytes, fileBytesMax, validateMs, cacheControl: `public, max-age=${maxAgeSeconds}` });

  /** Synchronous for what is cached, so that the answer leaves in the turn of its request. */
  function lookUp(target: string): Answer | Promise<Answer> {
    const name = fileNameOf(pathOf(target), dotfiles);
    if (name === undefined) return undefined;
    const { key, isDirectory } = name;
    if (!isDirectory) {
      const found = cache.find(key);
      return found instanceof Promise ? found.then((late) => late === 'directory' ? redirectTo(key) : late) : asFile(found);
    }
    if (index === false) return undefined;
    const found = cache.find(key === '' ? index : `${key}/${index}`);
    return found instanceof Promise ? found.then(asFile) : asFile(found);
  }

  /** A directory without its slash: links in its index would miss a level. Relative, so that it holds under any mount and names no host. */
  async function redirectTo(key: string): Promise<Answer> {
    if (index === false || asFile(await cache.find(`${key}/${index}`)) === undefined) return undefined;
    return { redirect: `./${encodeURIComponent(key.slice(key.lastIndexOf('/') + 1))}/` };
  }

  return {
    async handle(req, res, path = req.url ?? '/') {
      if (req.method !== 'GET' && req.method !== 'HEAD') return false;
      const answer = lookUp(path);
      return send(req, res, answer instanceof Promise ? await answer : answer);
    },
    async fetch(request, path = request.url) {
      if (request.method !== 'GET' && request.method !== 'HEAD') return undefined;
      return respond(request, await lookUp(path));
    },
  };
}

const asFile = (found: Found): CachedFile | undefined => found === 'directory' ? undefined : found;
