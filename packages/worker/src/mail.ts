/** The port to main, seen from a worker: posting, receiving at once, and what has come by port for slots. */
import { receiveMessageOnPort, type MessagePort, type Transferable } from 'node:worker_threads';
import { Arrivals, type PortMessage, type Postman } from './ports.ts';

/** To whom a message goes; `ALL`: everybody but the sender. `moved`: what moves with it, for main, that passes it on, must move it again. */
export interface Envelope { readonly to: number; readonly from: number; readonly message: PortMessage; readonly moved?: readonly unknown[] }
export const ALL = -1;

export class Mail implements Postman {
  readonly arguments: Arrivals = new Arrivals();
  readonly results: Arrivals = new Arrivals();
  readonly #port: MessagePort;
  readonly #me: number;
  readonly #receive: (message: PortMessage) => void;

  constructor(port: MessagePort, me: number, receive: (message: PortMessage) => void) {
    this.#port = port;
    this.#me = me;
    this.#receive = receive;
    port.on('message', (envelope: Envelope) => receive(envelope.message));
  }

  post(to: number, message: PortMessage, transfer: readonly unknown[] = []): void {
    const envelope: Envelope = transfer.length === 0 ? { to, from: this.#me, message } : { to, from: this.#me, message, moved: transfer };
    this.#port.postMessage(envelope, transfer as Transferable[]);
  }
  broadcast(message: PortMessage): void { this.post(ALL, message); }
  receiveNow(): void {
    for (let received = receiveMessageOnPort(this.#port); received !== undefined; received = receiveMessageOnPort(this.#port)) {
      this.#receive((received.message as Envelope).message);
    }
  }
}
