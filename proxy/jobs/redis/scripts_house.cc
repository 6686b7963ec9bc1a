// How a process comes and goes, and what time does, in Lua (redis_scripts.h).
#include "jobs/redis/scripts.h"

namespace tidegate::jobs {

// ARGV: 1 consumer, 2 connection, 3… ids of the jobs that this process knows it holds. What it was handed on an older
// connection and never heard of is given back untried; consumers that left nothing and were long silent are removed.
const char* RedisHouseLua::prepare = R"lua(
local consumer, known = ARGV[1], {}
for i = 3, #ARGV do known[ARGV[i]] = true end
if call('EXISTS', P .. 'work') == 0 or #call('XINFO', 'GROUPS', P .. 'work') == 0 then
  call('XGROUP', 'CREATE', P .. 'work', GROUP, '0', 'MKSTREAM')
end
call('HSET', P .. 'processes', consumer, ARGV[2])
local given_back = 0
for _, pending in ipairs(call('XPENDING', P .. 'work', GROUP, '-', '+', 1000, consumer)) do
  local entry = call('XRANGE', P .. 'work', pending[1], pending[1])[1]
  local id = entry and entry[2][2] or ''
  local job = get(id, 'status', 'entry', 'seq', 'created', 'order', 'expires')
  if tonumber(job[1] or EXPIRED) == RUNNING and job[2] == pending[1] and not known[id] then
    call('HINCRBY', P .. 'job:' .. id, 'attempt', -1)
    call('HINCRBY', P .. 'job:' .. id, 'claim', 1)
    move(id, job[3], RUNNING, QUEUED)
    set(id, 'due', job[4])
    call('ZADD', P .. 'order', job[5], id)
    call('ZADD', P .. 'expiring', text(us(job[6])), id)
    call('XCLAIM', P .. 'work', GROUP, consumer, 0, pending[1], 'IDLE', IDLE_AT_END, 'JUSTID')
    given_back = given_back + 1
  end
end
for _, other in ipairs(call('XINFO', 'CONSUMERS', P .. 'work', GROUP)) do
  local name, pending, idle = other[2], other[4], other[6]
  if name ~= consumer and pending == 0 and idle > IDLE_AT_END then
    call('XGROUP', 'DELCONSUMER', P .. 'work', GROUP, name)
    call('HDEL', P .. 'processes', name)
  end
end
return answer('ok', text(given_back))
)lua";

// ARGV: 1 consumer, 2… id and claim of each job that it still holds: nobody will end those claims any more, so they are
// over now. Their entries go to a consumer that stands for nobody; ours is removed.
const char* RedisHouseLua::leave = R"lua(
local consumer = ARGV[1]
for i = 2, #ARGV, 2 do
  local id = ARGV[i]
  local job = get(id, 'status', 'claim', 'seq', 'entry', 'created', 'order', 'expires', 'external')
  if tonumber(job[1] or EXPIRED) == RUNNING and job[2] == ARGV[i + 1] then
    remember(id, ns(now), '0', 'process_ended')
    call('HINCRBY', P .. 'job:' .. id, 'claim', 1)
    move(id, job[3], RUNNING, QUEUED)
    set(id, 'due', job[5], 'error', 'process_ended')
    call('ZADD', P .. 'order', job[6], id)
    call('ZADD', P .. 'expiring', text(us(job[7])), id)
    if job[4] ~= '' then
      call('XCLAIM', P .. 'work', GROUP, 'nobody', 0, job[4], 'IDLE', IDLE_AT_END, 'JUSTID')
    elseif job[8] ~= '1' then
      call('ZADD', P .. 'delayed', job[6], id)
    end
  end
end
call('HDEL', P .. 'processes', consumer)
if call('EXISTS', P .. 'work') == 1 and #call('XPENDING', P .. 'work', GROUP, '-', '+', 1, consumer) == 0 then
  call('XGROUP', 'DELCONSUMER', P .. 'work', GROUP, consumer)
end
return answer('ok')
)lua";

const char* RedisHouseLua::view = R"lua(
return answer('ok')
)lua";

// ARGV: 1 results_ttl (us)
const char* RedisHouseLua::tidy = R"lua(
return answer(sweep(200, tonumber(ARGV[1])) and 'more' or 'ok')
)lua";

}  // namespace tidegate::jobs
