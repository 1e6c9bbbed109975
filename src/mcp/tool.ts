import type { ToolAnnotations } from '@modelcontextprotocol/sdk/types.js';
import type { z } from 'zod';
import type { Stacklore } from '../stacklore.ts';
import type { VisibleCollections } from './visible-collections.ts';

/** What a tool works with. */
export interface ToolContext {
  readonly lore: Stacklore;
  readonly collections: VisibleCollections;
  /** Whose usage the calls count for. */
  readonly userId?: string;
  /** Aborted when the client cancels the call. */
  readonly signal: AbortSignal;
}

/** What a tool has done: data for programs, of which its output schema keeps what it names, and text for a model. */
export interface ToolAnswer {
  readonly data: unknown;
  readonly text: string;
}

/** A tool as data: what a model is told of it, what it takes and gives, and the function that carries it out. */
export interface Tool<Input extends z.ZodObject = z.ZodObject> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: Input;
  readonly output: z.ZodObject;
  readonly annotations: ToolAnnotations;
  run(context: ToolContext, input: z.output<Input>): Promise<ToolAnswer>;
}

/** Ties the type of a tool's input to its schema. */
export function defineTool<Input extends z.ZodObject>(tool: Tool<Input>): Tool {
  // The input is parsed by this very schema before `run` is called.
  return tool as unknown as Tool;
}

/** Nothing outside the knowledge base is reached, and nothing in it changes. */
export const READ_ONLY: ToolAnnotations = { readOnlyHint: true, openWorldHint: false };
