// What becomes of a claim, in Lua (redis_scripts.h). Each is fenced by the claim number.
#include "jobs/redis/scripts.h"

namespace tidegate::jobs {

// ARGV of all: 1 id, 2 claim

// 3 lease (us)
const char* RedisEndsLua::renew = R"lua(
local id, job, lost = ARGV[1], held()
if lost then return lost end
local lease = math.min(tonumber(ARGV[3]), IDLE_AT_END * 1000)
if job.entry ~= '' then
  local owner = call('XPENDING', P .. 'work', GROUP, job.entry, job.entry, 1)[1]
  local idle = IDLE_AT_END - math.ceil(lease / 1000)
  if owner then call('XCLAIM', P .. 'work', GROUP, owner[2], 0, job.entry, 'IDLE', idle, 'JUSTID') end
elseif job.external ~= '1' then
  call('ZADD', P .. 'delayed', text(now + lease), id)
end
call('ZADD', P .. 'order', text(now + lease), id)
set(id, 'lease', text(now + lease), 'due', ns(now + lease))
return answer('ok')
)lua";

// 3 at, 4 took, 5 error, 6 status, 7 fields, 8 crc, 9 size, 10 upload ("" = the body is 12), 11 its pieces, 12 the
// only piece
const char* RedisEndsLua::succeed = R"lua(
local id, job, lost = ARGV[1], held()
if lost then return lost end
if ARGV[10] ~= '' then
  if call('HLEN', P .. ARGV[10]) ~= tonumber(ARGV[11]) then
    return answer('unavailable', 'the result did not arrive whole')
  end
  call('RENAME', P .. ARGV[10], P .. 'result:' .. id)
  call('PERSIST', P .. 'result:' .. id)
elseif ARGV[9] ~= '0' then
  call('HSET', P .. 'result:' .. id, '0', ARGV[12])
end
remember(id, ARGV[3], ARGV[4], ARGV[5])
drop_body(id, job.size)
finish(id, SUCCEEDED)
set(id, 'error', '', 'result_status', ARGV[6], 'result_fields', ARGV[7], 'result_crc', ARGV[8], 'result_size', ARGV[9])
call('ZADD', P .. 'results', text(now), id)
call('HINCRBY', P .. 'meta', 'bytes', ARGV[9])
return answer('ok')
)lua";

// 3 at, 4 took, 5 error, 6 not_before (ns), 7 not_before (us)
const char* RedisEndsLua::retry = R"lua(
local id, job, lost = ARGV[1], held()
if lost then return lost end
remember(id, ARGV[3], ARGV[4], ARGV[5])
take_out(id, job.entry)
move(id, job.seq, RUNNING, RETRYING)
set(id, 'due', ARGV[6], 'error', ARGV[5])
call('ZADD', P .. 'order', ARGV[7], id)
call('ZADD', P .. 'expiring', text(us(job.expires)), id)
if job.external ~= '1' then call('ZADD', P .. 'delayed', ARGV[7], id) end
return answer('ok')
)lua";

// 3 at, 4 took, 5 error
const char* RedisEndsLua::dead_letter = R"lua(
local id, job, lost = ARGV[1], held()
if lost then return lost end
remember(id, ARGV[3], ARGV[4], ARGV[5])
set(id, 'error', ARGV[5])
finish(id, DEAD)
return answer('ok')
)lua";

// 3 not_before (ns), 4 not_before (us). At once: its entry stays pending with its lease over, so that it is the first
// that XAUTOCLAIM finds: it keeps its place.
const char* RedisEndsLua::release = R"lua(
local id, job, lost = ARGV[1], held()
if lost then return lost end
local at = tonumber(ARGV[4])
local later = at > now
call('HINCRBY', P .. 'job:' .. id, 'attempt', -1)
move(id, job.seq, RUNNING, QUEUED)
set(id, 'due', later and ARGV[3] or job.created)
call('ZADD', P .. 'order', later and ARGV[4] or job.order, id)
call('ZADD', P .. 'expiring', text(us(job.expires)), id)
if job.external == '1' then return answer('ok') end
local owner = job.entry ~= '' and call('XPENDING', P .. 'work', GROUP, job.entry, job.entry, 1)[1]
if owner and not later then
  call('XCLAIM', P .. 'work', GROUP, owner[2], 0, job.entry, 'IDLE', IDLE_AT_END, 'JUSTID')
else
  take_out(id, job.entry)
  call('ZADD', P .. 'delayed', ARGV[4], id)
end
return answer('ok')
)lua";

// To the dead letters: its checksum does not match.
const char* RedisEndsLua::damaged = R"lua(
local id, job, lost = ARGV[1], held()
if lost then return lost end
remember(id, ns(now), '0', 'damaged_record')
set(id, 'error', 'damaged_record')
finish(id, DEAD)
call('HINCRBY', P .. 'meta', 'damaged', 1)
return answer('ok')
)lua";

}  // namespace tidegate::jobs
