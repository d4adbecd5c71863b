/** A debugger for tests: sessions with the threads of a child process by the inspector protocol. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { WebSocket } from 'ws';

export type Fields = Record<string, unknown>;
interface Message { readonly id?: number; readonly method?: string; readonly params?: Fields; readonly result?: Fields; readonly error?: unknown }

/** The protocol's session with one thread. */
export class Session {
  readonly #post: (text: string) => void;
  readonly #answers = new Map<number, (message: Message) => void>();
  readonly #seen: Message[] = [];
  readonly #waiting = new Set<{ is: (message: Message) => boolean; found: (message: Message) => void }>();
  #last = 0;
  constructor(post: (text: string) => void) { this.#post = post; }

  receive(text: string): void {
    const message = JSON.parse(text) as Message;
    if (message.id !== undefined) { this.#answers.get(message.id)?.(message); return; }
    this.#seen.push(message);
    for (const one of this.#waiting) if (one.is(message)) { this.#waiting.delete(one); one.found(message); }
  }
  async send(method: string, params: Fields = {}): Promise<Fields> {
    const id = ++this.#last;
    const answered = new Promise<Message>((resolve) => { this.#answers.set(id, resolve); });
    this.#post(JSON.stringify({ id, method, params }));
    const { result, error } = await answered;
    assert.equal(error, undefined, `${method}: ${JSON.stringify(error)}`);
    return result as Fields;
  }
  /** An event that has come, or comes. */
  async event(method: string, is: (params: Fields) => boolean = () => true): Promise<Fields> {
    const fits = (message: Message): boolean => message.method === method && is(message.params as Fields);
    const found = this.#seen.find(fits) ?? await new Promise<Message>((resolve) => { this.#waiting.add({ is: fits, found: resolve }); });
    const at = this.#seen.indexOf(found);
    if (at >= 0) this.#seen.splice(at, 1);
    return found.params as Fields;
  }
}

/** Of a child that was started with --inspect: the session with its main thread. */
export async function inspectorOf(child: ChildProcess): Promise<Session> {
  for await (const line of createInterface({ input: child.stderr as NodeJS.ReadableStream })) {
    const url = /ws:\S+/.exec(line)?.[0];
    if (url === undefined) continue;
    const socket = new WebSocket(url);
    onTestFinished(() => { socket.terminate(); });
    const session = new Session((text) => { socket.send(text); });
    socket.on('message', (data: Buffer) => { session.receive(String(data)); });
    await once(socket, 'open');
    return session;
  }
  throw new Error('there is no inspector');
}
