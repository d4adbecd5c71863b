// The load generator's process: takes plans by IPC, one at a time, and answers each with its result. With a file name it
// runs that one plan and prints the result as JSON.
import { readFile } from 'node:fs/promises';
import { runLoad } from './generator.ts';
import type { FromGenerator, LoadPlan, ToGenerator } from './plan.ts';

function tell(message: FromGenerator): void {
  process.send?.(message);
}

async function onMessage(message: ToGenerator): Promise<void> {
  if (message.type === 'stop') return process.disconnect?.();
  try {
    tell({ type: 'result', result: await runLoad(message.plan, (progress) => { tell({ type: 'progress', progress }); }) });
  } catch (error) {
    tell({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
  }
}

const file = process.argv[2];
if (file !== undefined) {
  console.log(JSON.stringify(await runLoad(JSON.parse(await readFile(file, 'utf8')) as LoadPlan), null, 2));
} else if (process.send === undefined) {
  console.error('usage: main.ts <plan.json>, or forked with an IPC channel');
  process.exitCode = 2;
} else {
  process.on('message', (message: ToGenerator) => void onMessage(message));
  // The driver has gone, whatever the reason: nobody is left to end this process.
  process.on('disconnect', () => { process.exit(); });
  tell({ type: 'ready' });
}
