import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, test } from 'vitest';
import {
  MissingBufferError, Participant, ResultPendingError, SharedArrayBufferless, Tasks, buffersOf, extrasOf, isCapriccioError, slots, type Memory, type Packed, type SharedBuffers,
} from '@capriccio/shared';
import { arena } from './arena.ts';
