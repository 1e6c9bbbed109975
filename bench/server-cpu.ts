import type { Stacklore } from '../src/stacklore.ts';

/** Processor time that the server has used so far, in milliseconds. */
export async function serverCpuMs(lore: Stacklore): Promise<number> {
  const info = await lore.databases.knowledge.send<string>(['INFO', 'cpu']);
  const value = (name: string) => Number(new RegExp(`${name}:([\\d.]+)`).exec(info)?.[1] ?? 0);
  return (value('used_cpu_sys') + value('used_cpu_user')) * 1_000;
}
