import { SAVE_SYSTEM_PROMPT } from '../../src/stores/prompts/scripts/save-system-prompt.ts';
import { SAVE_USER_PROMPT } from '../../src/stores/prompts/scripts/save-user-prompt.ts';
import type { Operations } from './operation.ts';

const CONTENT = `You are a helpful assistant. Date: {{date}}. User: {{user_name}}. ${'Answer briefly. '.repeat(30)}`;

/** Prompts against HGETALL, MULTIs of HMGET, HSET and HSETNX, and the bare EVALSHA of a save that loses no version. */
export const promptOperations: Operations = async ({ systemPrompts, templates, userPrompts }, client) => {
  for (let n = 0; n < 100; n += 1) {
    await systemPrompts.save(`ours_${n}`, { content: CONTENT });
    await templates.save(`ours_${n}`, { template: CONTENT, category: 'chat' });
    await userPrompts.save('user_001', `ours_${n}`, { content: CONTENT });
  }
  const fields = await client.hGetAll('prompt:system:ours_0');
  const sha = await client.scriptLoad(SAVE_SYSTEM_PROMPT.lua);
  const saveUserSha = await client.scriptLoad(SAVE_USER_PROMPT.lua);
  return [
    {
      name: 'systemPrompts.get',
      ours: (at) => systemPrompts.get(`ours_${at % 100}`),
      bare: async (at) => {
        const { variables = '', ...rest } = await client.hGetAll(`prompt:system:ours_${at % 100}`);
        return { ...rest, variables: JSON.parse(variables) as unknown };
      },
    },
    {
      name: 'systemPrompts.save (a new version)',
      ours: (at) => systemPrompts.save(`saved_${at % 100}`, { content: `${CONTENT} ${at}` }),
      // A save reads what it follows and puts it into the history, unless it was changed: that needs the script.
      bare: async (at) => {
        const key = `prompt:system:bare_${at % 100}`;
        const history = `stacklore:prompt-history:bare_${at % 100}`;
        const before = await client.hGetAll(key);
        const { version = '', content = '', description = '', variables = '' } = before;
        const earlier = version === '' ? '' : JSON.stringify(before);
        const after = { ...fields, version: `1.0.${at}`, content: `${CONTENT} ${at}` };
        return client.evalSha(sha, {
          keys: [key, history],
          arguments: [earlier, version, content, description, variables, ...Object.entries(after).flat()],
        });
      },
    },
    {
      name: 'templates.get',
      ours: (at) => templates.get(`ours_${at % 100}`),
      bare: async (at) => {
        const stored = await client.hGetAll(`prompt:template:ours_${at % 100}`);
        const { examples = '', required_variables: required = '', ...rest } = stored;
        return {
          ...rest,
          examples: JSON.parse(examples) as unknown,
          required: JSON.parse(required) as unknown,
        };
      },
    },
    {
      name: 'userPrompts.get',
      ours: (at) => userPrompts.get('user_001', `ours_${at % 100}`),
      bare: async (at) => {
        const stored = await client.hGetAll(`prompt:user:user_001:ours_${at % 100}`);
        return { ...stored, created_at: new Date(stored.created_at ?? '') };
      },
    },
    {
      name: 'userPrompts.save',
      ours: (at) => userPrompts.save('user_001', `saved_${at % 100}`, { content: CONTENT }),
      bare: async (at) => {
        const key = `prompt:user:user_001:bare_${at % 100}`;
        // What stays is read first, so that nothing is written over what cannot be read.
        const [isPrivate = null, createdAt = null] = await client.hmGet(key, ['is_private', 'created_at']);
        const kept = [isPrivate, createdAt].map((value) => (value === null ? '' : `=${value}`));
        const values = [CONTENT, isPrivate ?? 'true', createdAt ?? new Date().toISOString()];
        return client.evalSha(saveUserSha, { keys: [key], arguments: [...kept, ...values] });
      },
    },
  ];
};
