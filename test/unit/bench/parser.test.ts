import { describe, expect, it } from 'vitest';
import { ProtocolError, ResponseParser } from '../../../packages/bench/src/load/parser.ts';

const sized = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello';
const chunked = 'HTTP/1.1 404 Not Found\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n7;name=value\r\n, world\r\n0\r\nx-trailer: 1\r\n\r\n';

function parse(text: string, { piece = text.length, parser = new ResponseParser() } = {}): { status: number; body: string; keepAlive: boolean }[] {
  const bytes = Buffer.from(text);
  const found = [];
  for (let at = 0; at < bytes.length; at += piece) found.push(...parser.push(bytes.subarray(at, at + piece)));
  return found.map(({ status, body, keepAlive }) => ({ status, body: body.toString(), keepAlive }));
}

describe('a response parser', () => {
  it('reads a body by its length', () => {
    expect(parse(sized)).toEqual([{ status: 200, body: 'hello', keepAlive: true }]);
  });

  it('reads a chunked body with extensions and trailers', () => {
    expect(parse(chunked)).toEqual([{ status: 404, body: 'hello, world', keepAlive: true }]);
  });

  it('reads the same however the bytes are split', () => {
    const text = sized + chunked + sized;
    for (let piece = 1; piece <= text.length; piece++) expect(parse(text, { piece })).toEqual(parse(text));
  });

  it('hands out pipelined responses one by one and keeps what follows', () => {
    const parser = new ResponseParser();
    expect(parse(sized + chunked + sized.slice(0, 30), { parser })).toHaveLength(2);
    expect(parser.idle).toBe(false);
    expect(parse(sized.slice(30), { parser })).toEqual([{ status: 200, body: 'hello', keepAlive: true }]);
    expect(parser.idle).toBe(true);
  });

  it('expects no body after HEAD, 204 and 304', () => {
    expect(parse('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n', { parser: new ResponseParser(() => true) })[0]?.body).toBe('');
    expect(parse('HTTP/1.1 204 No Content\r\n\r\n')).toHaveLength(1);
    expect(parse('HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n')).toHaveLength(1);
  });

  it('reads an empty body', () => {
    expect(parse('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')).toEqual([{ status: 200, body: '', keepAlive: true }]);
  });

  it('skips what is only provisional', () => {
    expect(parse(`HTTP/1.1 100 Continue\r\n\r\n${sized}`)).toHaveLength(1);
  });

  it('tells whether the connection goes on', () => {
    expect(parse('HTTP/1.1 200 OK\r\nConnection: close\r\ncontent-length: 0\r\n\r\n')[0]?.keepAlive).toBe(false);
    expect(parse('HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n')[0]?.keepAlive).toBe(false);
  });

  it('ends a body of no stated length with the connection', () => {
    const parser = new ResponseParser();
    expect(parse('HTTP/1.1 200 OK\r\n\r\nhello', { parser, piece: 3 })).toEqual([]);
    expect(parser.end()).toMatchObject({ status: 200, keepAlive: false, body: Buffer.from('hello') });
  });

  it('refuses a response that the connection cut short', () => {
    for (const cut of [10, sized.length - 1]) {
      const parser = new ResponseParser();
      parser.push(Buffer.from(sized.slice(0, cut)));
      expect(() => parser.end()).toThrow(ProtocolError);
    }
    expect(new ResponseParser().end()).toBeUndefined();
  });

  it.each([
    ['no status line', 'hello\r\n\r\n'],
    ['a length that is none', 'HTTP/1.1 200 OK\r\ncontent-length: five\r\n\r\n'],
    ['a negative length', 'HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n'],
    ['a body beyond the bound', 'HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n'],
    ['a chunk longer than its size', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhello\r\n'],
    ['a head without end', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(70_000)}`],
  ])('refuses %s', (_, text) => {
    expect(() => parse(text)).toThrow(ProtocolError);
  });
});
