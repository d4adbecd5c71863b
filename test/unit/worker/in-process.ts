/** Both ends of calls in one isolate: participant 0 calls, participant 1 is a runtime that never sleeps outside of its event loop. */
import { MessageChannel, type Transferable } from 'node:worker_threads';
import { Participant, Tasks, allocateMemory, layOut, mapMemory, markLive, parker } from '@capriccio/shared';
import { Arrivals, Caller, CarriedStores, Runtime, SharedBufferTable, nameOfFunction, type Envelope, type PortMessage, type Postman, type Target } from '@capriccio/worker';

export interface InProcess extends Disposable {
  readonly caller: Caller;
  readonly runtime: Runtime;
  /** An export of a module in test/fixtures. */
  target(file: string, exportName: string): Target;
  /** Takes what has come home, from now on at each turn of the event loop; before the first call nothing is taken. */
  collect(): void;
}

export function inProcess(): InProcess {
  const layout = layOut({ participantCount: 2, slotCount: 64, payloadBytes: 1 << 20, namesBytes: 4_096, ringCount: 2 });
  const buffer = allocateMemory(layout);
  const memory = mapMemory(buffer, layout);
  const { port1, port2 } = new MessageChannel();
  const me = new Participant(memory, 0);
  const results = new Arrivals();
  const postman: Postman = {
    post: (to, message, transfer = []) => { port1.postMessage({ to, from: 0, message } satisfies Envelope, [...transfer] as Transferable[]); },
    broadcast: (message) => { port1.postMessage({ to: 1, from: 0, message } satisfies Envelope); },
    receiveNow: () => { /* the next turn is soon enough */ },
  };
  const buffers = new SharedBufferTable(0, (number, shared) => postman.broadcast({ kind: 'buffer', number, buffer: shared }), (number) => postman.broadcast({ kind: 'drop', number }));
  port1.on('message', ({ message }: { message: PortMessage }) => { if (message.kind === 'result') results.arrive(message.slot, message.generation, message.value); });
  markLive(memory, 0);
  const runtime = new Runtime({ buffer, layout, id: 1, seat: 0, serial: 1, port: port2, sharedBuffers: [], sliceMs: 1, retriesMax: 0, cancelGraceMs: 50, isSpare: false, mayBlock: false });
  runtime.start();
  const caller = new Caller(me, new Tasks(me, buffers), {
    publish: () => { if (me.rings.publish()) parker.offer(memory); },
    chooseWorker: () => 1,
    retriesMax: 0,
    outstandingMax: Infinity,
    onBusy() { /* the test ends when it ends */ },
    stores: new CarriedStores(), onCancelled() { /* nobody replaces a worker here */ },
  }, postman, results, buffers);
  let collecting: NodeJS.Timeout | undefined;
  return {
    caller, runtime,
    target: (file, exportName) => caller.target(nameOfFunction(new URL(`../../fixtures/${file}`, import.meta.url).href, exportName), `${file}#${exportName}`),
    collect() { collecting ??= setInterval(() => { me.blocks.collect(); caller.collect(); }, 0); },
    [Symbol.dispose]() {
      clearInterval(collecting);
      port1.close();
    },
  };
}
