import { current, sleep } from 'capriccio/thread';

export async function resize(width, factor) {
  await sleep(1);
  return width * factor;
}
export function status() { return current().status; }
export default (...words) => words.join('-');
export const area = ([width, height]) => width * height;
