import type { Database } from '../../src/redis/databases.ts';

/** A database that does something else before its nth command, counted from 0; `commands` tells how many it has been sent. */
export function interfered(
  database: Database,
  nth: number,
  interfere: () => Promise<unknown>,
): { readonly database: Database; readonly commands: () => number } {
  let commands = 0;
  const step = async (run: () => unknown) => {
    const number = commands;
    commands += 1;
    if (number === nth) await interfere();
    return run();
  };
  const proxy = new Proxy(database, {
    get(of, name) {
      const value: unknown = Reflect.get(of, name, of);
      if (typeof value !== 'function') return value;
      const run = value.bind(of) as (...args: unknown[]) => unknown;
      const isCommand = name === 'send' || name === 'pipeline' || name === 'transaction';
      return isCommand ? (...args: unknown[]) => step(() => run(...args)) : run;
    },
  });
  return { database: proxy, commands: () => commands };
}
