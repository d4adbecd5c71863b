import { current, spawn } from 'capriccio/thread';

const thread = spawn(async (n) => n * 2, 21);
if (import.meta.main) console.log(current().name, await thread.join(), ...process.argv.slice(2));
process.exitCode = 3;
