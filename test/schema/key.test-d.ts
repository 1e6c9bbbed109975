// Nothing here runs: `tsc --noEmit` checks it, and fails when a line below "@ts-expect-error" compiles.
import { text } from '../../src/schema/fields.ts';
import { keyTemplate } from '../../src/schema/key.ts';
import { factRecord } from '../../src/schema/knowledge.ts';
import { type Message, type Session, sessionRecord, type Task } from '../../src/schema/main.ts';
import { hash, type ValueOf } from '../../src/schema/record.ts';

const userPrompt = keyTemplate('prompt:user:{userId}:{promptName}');

export function keysTakeExactlyTheirParams(): unknown[] {
  return [
    userPrompt.build({ userId: 'u', promptName: 'p' }),
    // @ts-expect-error a param is missing
    userPrompt.build({ userId: 'u' }),
    // @ts-expect-error the param has another name
    userPrompt.build({ userId: 'u', name: 'p' }),
    // @ts-expect-error there is one param too many
    userPrompt.build({ userId: 'u', promptName: 'p', extra: 'x' }),
    // @ts-expect-error an id is text
    userPrompt.build({ userId: 7, promptName: 'p' }),
    // @ts-expect-error names in TypeScript are camelCase
    sessionRecord.key.build({ session_id: 's' }),
    // @ts-expect-error parse may find that the key is another template's
    userPrompt.parse('prompt:user:u:p').userId,
  ];
}

export function valuesFollowTheirDeclaration(session: Session, task: Task, message: Message): unknown[] {
  const createdAt: Date = session.createdAt;
  const conversationId: string | undefined = session.conversationId;
  const tokens: number | undefined = message.tokens;
  // @ts-expect-error an optional field may be absent
  const always: string = session.conversationId;
  // @ts-expect-error a role is one of three words
  const role: 'robot' = message.role;
  // @ts-expect-error Redis names stay in Redis
  const snake = task.task_id;
  return [createdAt, conversationId, tokens, always, role, snake];
}

const named = hash({
  database: 'main',
  key: 'named:{id}',
  description: 'Only for this file.',
  fields: { name: text, nick: text.optional() },
});
export const withoutNick: ValueOf<typeof named> = { name: 'Petrel' };
// @ts-expect-error a required field is missing
export const withoutName: ValueOf<typeof named> = { nick: 'Dewey' };

export function encodeRefusesWrongValues(): unknown[] {
  return [
    named.encode({ name: 'Petrel', nick: undefined }),
    // @ts-expect-error the field is not declared
    named.encode({ name: 'Petrel', port: 'Ellery' }),
    // @ts-expect-error a fact has more fields than its content
    factRecord.encode({ content: 'Ships float.' }),
  ];
}
