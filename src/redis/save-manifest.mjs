/**
 * Replaces a collection's manifest and the name of its index if both are still those that were read, so that nothing declared
 * meanwhile is lost, no index comes back that another one was put in the place of, and no dropped collection by half. Lua as
 * text, as the idle watcher sends it too.
 *
 * KEYS 1 the collection's hash. ARGV 1 created_at, 2 manifest and 3 index as read, 4 the new manifest, 5 its index.
 * Returns 1 when saved, 0 when the collection is another one by now.
 */
export const SAVE_MANIFEST = `
local stored = redis.call('HMGET', KEYS[1], 'created_at', 'manifest', 'index')
for at = 1, 3 do
  if stored[at] ~= ARGV[at] then return 0 end
end
redis.call('HSET', KEYS[1], 'manifest', ARGV[4], 'index', ARGV[5])
return 1
`;
