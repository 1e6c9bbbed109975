import { defineScript } from '../../../redis/script.ts';

/**
 * Adds to the usage of users: all of it, or nothing when one record holds a field that cannot be added to. Every field
 * is written, so that a record is always whole, one of another writer too.
 *
 * KEYS where the records may be, those of one record together; what is absent is written to the last of them.
 * ARGV 1 the number of fields, then their names, then for each record how many of KEYS are its own and what to add to
 * each field.
 * Returns nothing, or the key and the field that cannot be used.
 */
export const ADD_USAGE = defineScript(
  addUsage(`
for _, place in ipairs(places) do
  for field = 1, size do
    redis.call('HINCRBY', place[1], names[field], ARGV[place[2] + field])
  end
end`),
);

/** Only tells whether all of it can be added. */
export const CHECK_USAGE = defineScript(addUsage(''));

function addUsage(write: string): string {
  return `
local size = tonumber(ARGV[1])
local names = {}
for at = 1, size do names[at] = ARGV[at + 1] end
local places, first = {}, 1
for at = size + 2, #ARGV, size + 1 do
  local last = first + tonumber(ARGV[at]) - 1
  local key = KEYS[last]
  for place = first, last do
    if redis.call('EXISTS', KEYS[place]) == 1 then
      key = KEYS[place]
      break
    end
  end
  first = last + 1
  local stored = redis.call('HMGET', key, unpack(names))
  for field = 1, size do
    local value = stored[field]
    -- Below 16 digits no sum leaves the whole numbers that a double holds.
    if value and not (string.match(value, '^-?%d+$') and #value < 16) then return { key, names[field] } end
  end
  places[#places + 1] = { key, at }
end
${write}
return false
`;
}
