import { defineScript } from '../../../redis/script.ts';

/**
 * Notes how far a part of an ingest job is, and adds all parts up. A part that begins again counts again once it is as far as
 * before; one that has ended stays as it is.
 *
 * KEYS 1 the parts. ARGV 1 their TTL in seconds; 2 the part's number; 3 sources and 4 chunks that are done; 5 documents that
 * failed; 6 its report as JSON when it has ended, else empty.
 * Returns sources and chunks done and documents failed of all parts, and how many have ended.
 */
export const REPORT_PART = defineScript(`
local progress, failures, report = 'progress:' .. ARGV[2], 'failed:' .. ARGV[2], 'report:' .. ARGV[2]
if redis.call('HEXISTS', KEYS[1], report) == 0 then
  local hasEnded = ARGV[6] ~= ''
  local before = redis.call('HGET', KEYS[1], progress) or '0 0'
  local done, chunks = string.match(before, '^(%d+) (%d+)$')
  done, chunks = tonumber(done or 0), tonumber(chunks or 0)
  local failed = tonumber(redis.call('HGET', KEYS[1], failures) or 0)
  local doneNow, chunksNow, failedNow = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
  if not hasEnded then
    doneNow, chunksNow = math.max(done, doneNow), math.max(chunks, chunksNow)
    failedNow = math.max(failed, failedNow)
  end
  redis.call('HSET', KEYS[1], progress, doneNow .. ' ' .. chunksNow, failures, failedNow)
  redis.call('HINCRBY', KEYS[1], 'done', doneNow - done)
  redis.call('HINCRBY', KEYS[1], 'chunks', chunksNow - chunks)
  redis.call('HINCRBY', KEYS[1], 'failed', failedNow - failed)
  if hasEnded then
    redis.call('HSET', KEYS[1], report, ARGV[6])
    redis.call('HINCRBY', KEYS[1], 'ended', 1)
  end
  redis.call('EXPIRE', KEYS[1], ARGV[1])
end
return redis.call('HMGET', KEYS[1], 'done', 'chunks', 'failed', 'ended')
`);
