import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { Audit, INBOX, LINE, NAMES_COUNT, PARK, Participant, ROLE, SLOTS_TOUCHED, TOP, controlOf, markLive, regionOf, type Memory } from '@capriccio/shared';
import { arena } from './arena.ts';

function scene(): { memory: Memory; audit: Audit } {
  const memory = arena();
  for (const id of [0, 1]) markLive(memory, id);
  const owner = new Participant(memory, 1);
  for (let k = 0; k < 3; k++) owner.makeReady(owner.slots.allocate(), 0);
  owner.rings.publish();
  return { memory, audit: new Audit(memory) };
}

test('audit: what ordinary work leaves is no fault', () => {
  const { audit } = scene();
  for (let k = 0; k < 4; k++) assert.deepEqual(audit.pass(), []);
});

describe('audit: names the word and whose it is', () => {
  test.each([
    ['a park word', PARK, 77, /its park word is 77/], ['a role', ROLE, 7, /its role is 7/], ['a count of slots', SLOTS_TOUCHED, 1 << 29, /slots it has used is/],
    ['a count of names', NAMES_COUNT, -5, /count of its names is -5/], ['a mailbox', INBOX, 3, /its inbox is 3/], ['the end of a ring', TOP + LINE, 1 << 28, /ring 1/],
  ] as const)('%s', (_, offset, value, what) => {
    const { memory, audit } = scene();
    memory.words[controlOf(memory.layout, 1) + offset] = value;
    assert.deepEqual(audit.pass(), []);
    const [fault] = audit.pass();
    assert.equal(fault?.participant, 1);
    assert.equal(fault.at, controlOf(memory.layout, 1) + offset);
    assert.match(fault.what, what);
  });
  test('the state of a slot', () => {
    const { memory, audit } = scene();
    memory.words[regionOf(memory.layout, 1) + 16] = 0xf;
    audit.pass();
    assert.match(audit.pass()[0]!.what, /the state of its slot 1 is 15/);
  });
});

test('audit: who does not live has no words', () => {
  const { memory, audit } = scene();
  memory.words[controlOf(memory.layout, 2) + PARK] = 99;
  for (let k = 0; k < 3; k++) assert.deepEqual(audit.pass(), []);
});
