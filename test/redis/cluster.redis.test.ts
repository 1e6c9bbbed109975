import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { connectDatabases, type Databases } from '../../src/redis/databases.ts';
import { scanKeyBytes, scanKeys } from '../../src/redis/scan.ts';
import { usePrivateCluster } from '../support/cluster.ts';

const cluster = usePrivateCluster();
let databases: Databases;
const keys = Array.from({ length: 60 }, (_, at) => `key-${at}`);

beforeAll(async () => {
  databases = connectDatabases(loadConfig({ settings: cluster.config(), env: {} }));
  await databases.main.pipeline(keys.map((key) => ['SET', key, key]));
});
afterAll(() => databases.close());

it('x', async () => {
  const { main } = databases;
  for (const c of [['DBSIZE'], ['EXISTS', ...keys], ['MGET', ...keys.slice(0,5)], ['UNLINK', ...keys.slice(0,5)], ['PING'], ['CLIENT','ID'], ['CLIENT','INFO'],['CONFIG','GET','maxmemory'],['INFO','server'],['LASTSAVE'],['TIME'],['CLIENT', 'UNBLOCK', '33'],['SCAN','0'],['BGSAVE','SCHEDULE'],['CONFIG','SET','maxmemory','0'],['MEMORY','USAGE','key-7'],['FT._LIST']])
    console.log(c.slice(0,2).join(' '), await main.send(c).then((r) => JSON.stringify(r).slice(0,150), (e) => `${e.code} ${e.message}`));
  await main.transaction([['SET','a','1'],['SET','b','1']]).catch((e)=>console.log(e.code,e.message));
  await main.send(['EVAL',"return redis.call('GET',KEYS[1])",'2','a','b']).catch((e)=>console.log(e.code,e.message));
  await main.send(['EVAL',"redis.call('SET','zzzz1',1) return redis.call('GET',KEYS[1])",'1','a']).catch((e)=>console.log(e.code,e.message));
  for (const s of await main.shards()) console.log(s.address, await s.send(['DBSIZE']));
  const found = []; for await (const p of scanKeys(main,'key-*')) found.push(...p);
  console.log(found.length);
});
