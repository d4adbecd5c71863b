/** What takes long, as piscina's threads run it, and how a program by hand asks for it. */
import { execSync } from 'node:child_process';
import type { FastifyInstance } from 'fastify';
import { render as renderMarkdown } from '../markdown.ts';
import { spin as spinHere } from '../routes.ts';

export const render = (): string => renderMarkdown();
export const spin = (rounds: number): number => spinHere(rounds);
export function block(): void { execSync('sleep 1'); }

type Work = typeof import('./work.ts');
type Name = { [K in keyof Work]: Work[K] extends (value: never) => unknown ? K : never }[keyof Work];
/** Routes of a program whose long parts are moved. `run` rejects when the queue is full. */
export type ByHand = (app: FastifyInstance, run: (name: Name, value?: unknown) => Promise<unknown>) => void;
