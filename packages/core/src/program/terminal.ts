/** What a program prints to, where main's stream is a terminal: as wide, with its colours, and told of its new size. */
import { WriteStream } from 'node:tty';
import type { Size } from './messages.ts';

/** What Node's own streams of a terminal can; all of it is by what they write. */
const ABILITIES = ['clearLine', 'clearScreenDown', 'cursorTo', 'moveCursor', 'getColorDepth', 'hasColors'] as const;

export function standForTerminal(stream: NodeJS.WriteStream, size: Size): void {
  for (const name of ABILITIES) Object.defineProperty(stream, name, { value: WriteStream.prototype[name], configurable: true, writable: true });
  Object.assign(stream, { isTTY: true, ...size, getWindowSize: () => [stream.columns, stream.rows] });
}

export function resize(stream: NodeJS.WriteStream, size: Size): void {
  Object.assign(stream, size);
  stream.emit('resize');
}
