/** Composes the conductor thread of what its worker data names. */
import { parentPort, receiveMessageOnPort, workerData, type MessagePort } from 'node:worker_threads';
import { mapMemory } from '@capriccio/shared';
import { Conductor, type NamedPart } from './conductor.ts';
import type { ConductorStart, FromConductor, PartModule, ToConductor } from './part.ts';

export async function runConductor(): Promise<never> {
  const { buffer, layout, parts } = workerData as ConductorStart;
  const port = parentPort as MessagePort;
  const memory = mapMemory(buffer, layout);
  const tell = (message: FromConductor): void => { port.postMessage(message); };
  const made: NamedPart[] = [];
  for (const { name, url, data } of parts) {
    const { create } = await import(url) as PartModule;
    made.push({ name, dueAt: 0, part: create({ memory, data, tell: (message) => { tell({ part: name, message }); } }) });
  }
  return new Conductor(memory, made, { tell, take: () => [...receiveAll(port)] }).run();
}

function* receiveAll(port: MessagePort): Generator<ToConductor> {
  for (let received = receiveMessageOnPort(port); received !== undefined; received = receiveMessageOnPort(port)) yield received.message as ToConductor;
}
