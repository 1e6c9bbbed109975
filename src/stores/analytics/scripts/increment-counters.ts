import { defineScript } from '../../../redis/script.ts';

/**
 * Counts up: all of the counters, or none when one holds no whole number. A counter without TTL gets its window's, so
 * the window begins with the first event and is never extended.
 *
 * KEYS where the counters may be, those of one counter together; what is absent is written to the last of them.
 * ARGV three for each counter: how many of KEYS are its own, seconds of its window, how much to add.
 * Returns the new counts in order, or the key of the one that cannot be used.
 */
export const INCREMENT_COUNTERS = defineScript(
  incrementCounters(`
for place, key in ipairs(places) do
  counts[place] = redis.call('INCRBY', key, ARGV[place * 3])
  if redis.call('TTL', key) == -1 then redis.call('EXPIRE', key, ARGV[place * 3 - 1]) end
end`),
);

/** Only tells whether all of them can be counted up; returns no counts. */
export const CHECK_COUNTERS = defineScript(incrementCounters(''));

function incrementCounters(write: string): string {
  return `
local places, first = {}, 1
for at = 1, #ARGV, 3 do
  local last = first + tonumber(ARGV[at]) - 1
  local key = KEYS[last]
  for place = first, last do
    local value = redis.call('GET', KEYS[place])
    if value then
      if not (string.match(value, '^-?%d+$') and #value < 16) then return KEYS[place] end
      key = KEYS[place]
      break
    end
  end
  first = last + 1
  places[#places + 1] = key
end
local counts = {}
${write}
return counts
`;
}
