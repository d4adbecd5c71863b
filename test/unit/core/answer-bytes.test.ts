/** Pieces of an answer from a back lane: the bytes that were written, whatever they were given as. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, test } from 'vitest';
import { AnswerBytes, PIECE_MAX } from '../../../packages/core/src/serve/answer-bytes.ts';
import type { Written } from '../../../packages/core/src/serve/lane-socket.ts';

const bytesOf = ({ chunk, encoding }: Written): Buffer => (typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk);
const asBytes = (piece: string | Uint8Array): Uint8Array => (typeof piece === 'string' ? Buffer.from(piece) : piece);

function takeAll(answer: AnswerBytes): (string | Uint8Array)[] {
  const pieces: (string | Uint8Array)[] = [];
  while (answer.length > 0) pieces.push(answer.take());
  return pieces;
}

const encodings: fc.Arbitrary<BufferEncoding> = fc.constantFrom('utf8', 'utf-8', 'latin1', 'ascii', 'ucs2', 'binary');
const texts = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom('a', 'é', '\ud83d', '\ude00', '😀', '\r\n') }));
const written: fc.Arbitrary<Written> = fc.oneof(
  fc.record({ chunk: texts, encoding: encodings }),
  fc.uint8Array({ maxLength: 24 }).map((bytes): Written => ({ chunk: Buffer.from(bytes), encoding: 'utf8' })),
  texts.map((text): Written => ({ chunk: Buffer.from(text).subarray(0, 5), encoding: 'utf8' })),      // ends within a character, perhaps
);

describe('AnswerBytes', () => {
  test('gives the bytes that were written, in whatever mixture and however often it is asked', () => {
    fc.assert(fc.property(fc.array(fc.tuple(written, fc.boolean()), { maxLength: 20 }), (chunks) => {
      const answer = new AnswerBytes();
      const pieces: (string | Uint8Array)[] = [];
      for (const [one, asks] of chunks) {
        answer.push(one);
        if (asks) pieces.push(...takeAll(answer));
      }
      pieces.push(...takeAll(answer));
      assert.deepEqual(Buffer.concat(pieces.map(asBytes)), Buffer.concat(chunks.map(([one]) => bytesOf(one))));
    }), { numRuns: 2000 });
  });

  test('halves of a character that are written one after the other do not become one, for neither would have been', () => {
    const answer = new AnswerBytes();
    for (const chunk of ['<\ud83d', '\ude00>']) answer.push({ chunk, encoding: 'utf8' });
    assert.deepEqual(Buffer.concat(takeAll(answer).map(asBytes)), Buffer.from('<\ufffd\ufffd>'));
  });

  test('text stays text, from strings and from buffers', () => {
    const answer = new AnswerBytes();
    answer.push({ chunk: 'HTTP/1.1 200 OK\r\n\r\n', encoding: 'latin1' });
    answer.push({ chunk: Buffer.from('naïve'), encoding: 'utf8' });
    assert.equal(answer.take(), 'HTTP/1.1 200 OK\r\n\r\nnaïve');
  });

  test('a long text is cut between characters, a long buffer anywhere, and no piece keeps a larger buffer alive', () => {
    const answer = new AnswerBytes();
    const text = `a${'😀'.repeat(PIECE_MAX)}`;
    answer.push({ chunk: text, encoding: 'utf8' });
    const pieces = takeAll(answer) as string[];
    assert.ok(pieces.length > 1 && pieces.every((piece) => piece.length <= PIECE_MAX && piece.isWellFormed()));
    assert.equal(pieces.join(''), text);
    const binary = Buffer.alloc(3 * PIECE_MAX + 1, 0xff);
    answer.push({ chunk: binary, encoding: 'utf8' });
    const cut = takeAll(answer) as Uint8Array[];
    assert.deepEqual(cut.map(({ length }) => length), [PIECE_MAX, PIECE_MAX, PIECE_MAX, 1]);
    assert.ok(cut.every((piece) => piece.buffer.byteLength < 2 * Buffer.poolSize || piece.buffer.byteLength === piece.length));
  });
});
