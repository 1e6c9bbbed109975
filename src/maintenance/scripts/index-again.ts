import { defineScript } from '../../redis/script.ts';

/**
 * Writes one field of each hash as it is, which makes the server index the hash anew.
 *
 * KEYS the hashes. Returns nothing of use.
 */
export const INDEX_AGAIN = defineScript(`
for _, key in ipairs(KEYS) do
  if redis.call('TYPE', key).ok == 'hash' then
    local docId = redis.call('HGET', key, 'doc_id')
    if docId then redis.call('HSET', key, 'doc_id', docId) end
  end
end
return 1
`);
