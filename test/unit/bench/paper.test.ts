/** Each question that repeats an experiment of the paper says what the paper found, and what differs here. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'vitest';
import { questions } from '../../../packages/bench/src/questions.ts';

test.each(Object.keys(questions).filter((name) => name.startsWith('paper/')))('%s has the paper’s figure beside ours, and what differs', (name) => {
  const text = readFileSync(new URL(`../../../packages/bench/src/${name}.ts`, import.meta.url), 'utf8');
  const notes = [...text.matchAll(/note\('(?<said>[^']+)'\)/g)].map(({ groups }) => groups?.['said'] ?? '').join(' ');
  assert.match(notes, /Paper, (?:section|figures?|table) \d/);
  assert.match(notes, /What differs: /);
});
