import { defineScript } from '../../../redis/script.ts';

/**
 * Adds aggregates to metric buckets: all of them, or none when one bucket holds something that cannot be added to.
 * Numbers are written with 17 significant digits, which read back as the very same double; avg always is sum / count.
 *
 * KEYS where the buckets may be, those of one bucket together; what is absent is written to the last of them.
 * ARGV five for each bucket: how many of KEYS are its own, then count, sum, min and max to add.
 * Returns nothing, or the key and the field that cannot be used.
 */
export const RECORD_METRICS = defineScript(
  recordMetrics(`
for _, write in ipairs(writes) do
  local key, count, sum, min, max = unpack(write)
  redis.call('HSET', key,
    'count', string.format('%.0f', count),
    'sum', string.format('%.17g', sum),
    'min', string.format('%.17g', min),
    'max', string.format('%.17g', max),
    'avg', string.format('%.17g', sum / count))
end`),
);

/** Only tells whether all of them can be added. */
export const CHECK_METRICS = defineScript(recordMetrics(''));

function recordMetrics(write: string): string {
  return `
local function number_of(text)
  if not text or string.find(text, '[^%d%.eE+%-%s]') then return nil end
  local value = tonumber(text)
  if value and value == value and value ~= math.huge and value ~= -math.huge then return value end
end
local fields = { 'count', 'sum', 'min', 'max', 'avg' }
local writes, first = {}, 1
for at = 1, #ARGV, 5 do
  local last = first + tonumber(ARGV[at]) - 1
  local key, stored = KEYS[last], nil
  for place = first, last do
    local found = redis.call('HMGET', KEYS[place], unpack(fields))
    if found[1] or redis.call('EXISTS', KEYS[place]) == 1 then
      key, stored = KEYS[place], found
      break
    end
  end
  first = last + 1
  local count, sum = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local min, max = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  if stored then
    local old = {}
    for place, name in ipairs(fields) do
      old[place] = number_of(stored[place])
      if not old[place] then return { key, name } end
    end
    if old[1] < 0 or old[1] ~= math.floor(old[1]) then return { key, 'count' } end
    -- Without observations min and max mean nothing.
    if old[1] > 0 then
      count, sum = count + old[1], sum + old[2]
      min, max = math.min(min, old[3]), math.max(max, old[4])
    end
  end
  if count > 9007199254740991 then return { key, 'count' } end
  if sum == math.huge or sum == -math.huge then return { key, 'sum' } end
  writes[#writes + 1] = { key, count, sum, min, max }
end
${write}
return false
`;
}
