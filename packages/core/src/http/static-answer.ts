/**
 * From a file that was found to its answer, for node's pair and for Request and Response. Small files are in memory and leave in one write;
 * large ones are opened, looked at once more (what is announced must be what is sent) and streamed.
 */
import { stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { outcomeOf, type Conditions, type Outcome } from './conditional.ts';
import { asOf, openAgain, type CachedFile } from './file-cache.ts';

/** A file, or the directory's URL with the slash that was missing, or nothing. */
export type Answer = CachedFile | { readonly redirect: string } | undefined;

/** What one read of a streamed file takes at most, bytes: larger reads, fewer trips through the thread pool. */
const CHUNK_BYTES = 256 * 1024;

/** @returns false when there is nothing to answer with: nothing has been written */
export async function send(req: IncomingMessage, res: ServerResponse, answer: Answer): Promise<boolean> {
  if (answer === undefined) return false;
  if ('redirect' in answer) {
    res.writeHead(301, ['Location', answer.redirect + queryOf(req.url ?? ''), 'Content-Length', '0']);
    res.end();
    return true;
  }
  const { headers } = req;
  const conditions = { ifNoneMatch: headers['if-none-match'], ifModifiedSince: headers['if-modified-since'], ifRange: headers['if-range'] as string | undefined, range: headers.range };
  const isWhole = req.method === 'GET';
  const outcome = outcomeOf(answer, conditions, isWhole);
  if (isWhole && hasBody(outcome) && answer.body === undefined) {
    await stream(res, answer, conditions);
    return true;
  }
  res.writeHead(outcome.status, headersFor(answer, outcome));
  if (isWhole) res.end(bodyFor(answer, outcome));
  else res.end();
  return true;
}

async function stream(res: ServerResponse, found: CachedFile, conditions: Conditions): Promise<void> {
  const handle = await openAgain(found);
  let file: CachedFile;
  let outcome: Outcome;
  try {
    file = asOf(found, await handle.stat());
    outcome = outcomeOf(file, conditions, true);
    res.writeHead(outcome.status, headersFor(file, outcome));
  } catch (error) {
    await handle.close();
    throw error;
  }
  const { start, end } = spanOf(file, outcome);
  if (!hasBody(outcome) || start > end) {
    await handle.close();
    res.end();
    return;
  }
  const source = handle.createReadStream({ start, end, highWaterMark: CHUNK_BYTES });   // closes the handle, whatever happens
  try {
    await pipeline(source, res, { end: false });
  } catch (error) {
    const isClientGone = (error as NodeJS.ErrnoException).code === 'ERR_STREAM_PREMATURE_CLOSE';
    res.destroy();
    if (isClientGone) return;
    throw error;
  }
  // A body shorter than announced would leave the client waiting: cut the connection instead.
  if (source.bytesRead === end - start + 1) res.end();
  else res.destroy();
}

/** @returns undefined when there is nothing to answer with */
export async function respond(request: Request, answer: Answer): Promise<Response | undefined> {
  if (answer === undefined) return undefined;
  if ('redirect' in answer) return new Response(null, { status: 301, headers: { Location: answer.redirect + queryOf(request.url) } });
  const field = (name: string): string | undefined => request.headers.get(name) ?? undefined;
  const conditions = { ifNoneMatch: field('if-none-match'), ifModifiedSince: field('if-modified-since'), ifRange: field('if-range'), range: field('range') };
  const isWhole = request.method === 'GET';
  const file = answer.body === undefined && isWhole ? asOf(answer, await stat(answer.realPath)) : answer;
  const outcome = outcomeOf(file, conditions, isWhole);
  const flat = headersFor(file, outcome);
  const headers = Array.from({ length: flat.length / 2 }, (_, n): [string, string] => [flat[2 * n]!, flat[2 * n + 1]!]);
  let body: ConstructorParameters<typeof Response>[0] = null;
  if (isWhole && hasBody(outcome)) body = file.body === undefined ? webStream(file, spanOf(file, outcome)) : bodyFor(file, outcome)! as Uint8Array<ArrayBuffer>;
  return new Response(body, { status: outcome.status, headers });
}

interface Span { readonly start: number; /** inclusive */ readonly end: number }

/** Opens the file when the first bytes are wanted, so that a Response that nobody reads holds no descriptor. */
function webStream(file: CachedFile, { start, end }: Span): ReadableStream<Uint8Array<ArrayBuffer>> {
  let handle: FileHandle | undefined;
  let at = start;
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      try {
        if (at <= end) {
          handle ??= await openAgain(file);
          const { bytesRead, buffer } = await handle.read(new Uint8Array(Math.min(CHUNK_BYTES, end - at + 1)), { position: at });
          if (bytesRead === 0) throw new Error(`${file.realPath} became shorter while it was served`);
          controller.enqueue(buffer.subarray(0, bytesRead));
          at += bytesRead;
          if (at <= end) return;
        }
        controller.close();
      } catch (error) {
        controller.error(error);
      }
      await handle?.close();
    },
    async cancel() { await handle?.close(); },
  }, { highWaterMark: 0 });
}

const hasBody = ({ status }: Outcome): boolean => status === 200 || status === 206;

const spanOf = ({ size }: CachedFile, outcome: Outcome): Span => outcome.status === 206 ? outcome : { start: 0, end: size - 1 };

function headersFor(file: CachedFile, outcome: Outcome): string[] {
  if (outcome.status === 200) return file.headers;
  if (outcome.status === 416) return ['Content-Range', `bytes */${file.size}`, 'Content-Length', '0'];
  const validators = file.headers.slice(4);   // without type and length
  if (outcome.status !== 206) return validators;
  const { start, end } = outcome;
  return ['Content-Type', file.contentType, 'Content-Length', String(end - start + 1), 'Content-Range', `bytes ${start}-${end}/${file.size}`, ...validators];
}

function bodyFor(file: CachedFile, outcome: Outcome): Buffer | undefined {
  if (outcome.status === 206) return file.body?.subarray(outcome.start, outcome.end + 1);
  return outcome.status === 200 ? file.body : undefined;
}

function queryOf(url: string): string {
  const at = url.indexOf('?');
  return at === -1 ? '' : url.slice(at);
}
