// How jobs come in and are handed out, in Lua (redis_scripts.h).
#include "jobs/redis/scripts.h"

namespace tidegate::jobs {

// ARGV: 1 consumer, 2 connection, 3 id, 4 route, 5 method, 6 target, 7 fields, 8 created, 9 expires, 10 due (ns),
// 11 due (us), 12 max_attempts, 13 body_ref, 14 key, 15 payload print, 16 size, 17 crc, 18 external, 19 max_jobs,
// 20 max_bytes, 21 results_ttl (us), 22 upload ("" = the body is 24), 23 its pieces, 24 the only piece
const char* RedisIntakeLua::append = R"lua(
local id, key, size, upload = ARGV[3], ARGV[14], tonumber(ARGV[16]), ARGV[22]
if is_stale(ARGV[1], ARGV[2]) then return answer('stale', STALE) end
sweep(20, tonumber(ARGV[21]))
local before = open_jobs()
local there = get(id, 'status')[1]
if there and tonumber(there) == ACCEPTING and ARGV[18] == '1' then
  if key == '' then set(id, 'key', '') end  -- it does without the one that another job has now
  return answer('ok', text(before))
end
if there then return answer('conflict', 'job ' .. id .. ' exists') end
if key ~= '' then
  local twin = call('GET', P .. 'key:' .. key)
  local job = twin and get(twin, 'status', 'print', 'finished') or {}
  local status = tonumber(job[1] or ACCEPTING)
  local forgotten = status == SUCCEEDED and us(job[3]) + tonumber(ARGV[21]) <= now
  if status ~= ACCEPTING and not forgotten then
    if job[2] ~= ARGV[15] then return answer('invalid', 'the key was used with another payload') end
    local rank = status ~= RUNNING and call('ZRANK', P .. 'order', twin) or 0
    return answer('existing', twin, job[1], text(rank or 0))
  end
end
if before >= tonumber(ARGV[19]) then return answer('exhausted', 'max_jobs reached') end
local bytes = tonumber(call('HGET', P .. 'meta', 'bytes') or '0')
if bytes + size > tonumber(ARGV[20]) then return answer('exhausted', 'max_bytes reached') end
if upload ~= '' then
  if call('HLEN', P .. upload) ~= tonumber(ARGV[23]) then
    return answer('unavailable', 'the body did not arrive whole')
  end
  call('RENAME', P .. upload, P .. 'body:' .. id)
  call('PERSIST', P .. 'body:' .. id)
elseif ARGV[24] ~= '' then
  call('HSET', P .. 'body:' .. id, '0', ARGV[24])
end
local seq = call('HINCRBY', P .. 'meta', 'seq', 1)
local last = tonumber(call('HGET', P .. 'meta', 'last') or '0')
local order = math.max(now, last + 1)
call('HSET', P .. 'meta', 'last', text(order))
local external = ARGV[18] == '1'
local due = tonumber(ARGV[11])
local later = due > now and not external
set(id, 'route', ARGV[4], 'method', ARGV[5], 'target', ARGV[6], 'fields', ARGV[7], 'created', ARGV[8], 'expires', ARGV[9],
    'due', ARGV[10], 'max_attempts', ARGV[12], 'body_ref', ARGV[13], 'key', key, 'print', ARGV[15], 'size', ARGV[16],
    'crc', ARGV[17], 'external', ARGV[18], 'status', external and ACCEPTING or QUEUED, 'attempt', 0, 'claim', 0, 'seq',
    seq, 'order', text(order), 'entry', '', 'error', '', 'result_size', '-1', 'replays', 0, 'lease', 0)
if key ~= '' then call('SET', P .. 'key:' .. key, id) end
if external then
  call('ZADD', P .. 'accepting', text(now), id)
  return answer('ok', text(before))
end
call('HINCRBY', P .. 'meta', 'bytes', ARGV[16])
call('ZADD', P .. 'status:0', seq, id)
call('ZADD', P .. 'expiring', text(us(ARGV[9])), id)
call('ZADD', P .. 'order', text(later and due or order), id)
if later then call('ZADD', P .. 'delayed', text(due), id) else enter(id) end
return answer('ok', text(before))
)lua";

// ARGV: 1 id
const char* RedisIntakeLua::admit = R"lua(
local id = ARGV[1]
local job = get(id, 'status', 'seq', 'size', 'order', 'expires', 'key')
if not job[1] then return answer('not_found') end
if tonumber(job[1]) == QUEUED then return answer('ok') end
if tonumber(job[1]) ~= ACCEPTING then return answer('conflict', job[1]) end
if job[6] ~= '' and call('GET', P .. 'key:' .. job[6]) ~= id then
  return answer('conflict', 'its key has made another job meanwhile')
end
call('ZREM', P .. 'accepting', id)
call('ZADD', P .. 'status:0', job[2], id)
call('ZADD', P .. 'expiring', text(us(job[5])), id)
call('ZADD', P .. 'order', job[4], id)
call('HINCRBY', P .. 'meta', 'bytes', job[3])
set(id, 'status', QUEUED)
return answer('ok')
)lua";

// ARGV: 1 consumer, 2 connection, 3 lease (us), 4 results_ttl (us)
const char* RedisIntakeLua::claim = R"lua(
local consumer, lease = ARGV[1], math.min(tonumber(ARGV[3]), IDLE_AT_END * 1000)
if is_stale(consumer, ARGV[2]) then return answer('stale', STALE) end
sweep(20, tonumber(ARGV[4]))
for _, id in ipairs(call('ZRANGEBYSCORE', P .. 'delayed', '-inf', text(now), 'LIMIT', 0, 100)) do
  call('ZREM', P .. 'delayed', id)
  enter(id)
end

local cursor = '0-0'
local function next_entry()
  for _ = 1, 200 do  -- each looks at up to ten that run
    if not cursor then break end
    local found = call('XAUTOCLAIM', P .. 'work', GROUP, consumer, IDLE_AT_END, cursor, 'COUNT', 1)
    cursor = found[1] ~= '0-0' and found[1] or nil
    if found[2][1] then return found[2][1] end
  end
  local read = call('XREADGROUP', 'GROUP', GROUP, consumer, 'COUNT', 1, 'STREAMS', P .. 'work', '>')
  return read and read[1][2][1]
end

for _ = 1, 100 do
  local entry = next_entry()
  if not entry then return answer('none') end
  local id = entry[2] and entry[2][2] or ''
  local job = get(id, 'status', 'seq', 'entry', 'expires')
  local status = tonumber(job[1] or EXPIRED)
  if status > RETRYING or job[3] ~= entry[1] then
    call('XACK', P .. 'work', GROUP, entry[1])
    call('XDEL', P .. 'work', entry[1])
  elseif us(job[4]) <= now then
    expire(id)
  else
    local idle = IDLE_AT_END - math.ceil(lease / 1000)
    call('XCLAIM', P .. 'work', GROUP, consumer, 0, entry[1], 'IDLE', idle, 'JUSTID')
    return hand_out(id, job[2], status, lease)
  end
end
return answer('none')  -- the rest with the next claim
)lua";

// ARGV: 1 consumer, 2 connection, 3 lease (us), 4 id. A job of this store's own that is claimed by its id leaves the
// stream: it waits in `delayed` for the end of its lease.
const char* RedisIntakeLua::claim_id = R"lua(
local lease, id = tonumber(ARGV[3]), ARGV[4]
if is_stale(ARGV[1], ARGV[2]) then return answer('stale', STALE) end
local job = get(id, 'status', 'seq', 'entry', 'expires', 'lease', 'external')
if not job[1] then return answer('not_found') end
local status = tonumber(job[1])
if status <= RETRYING and us(job[4]) <= now and not (status == RUNNING and tonumber(job[5]) > now) then
  expire(id)
  status = EXPIRED
end
if status > RETRYING then return answer('conflict', tostring(status)) end
if status == RUNNING and tonumber(job[5]) > now then return answer('conflict', tostring(status)) end
take_out(id, job[3])
if job[6] ~= '1' then call('ZADD', P .. 'delayed', text(now + lease), id) end
return hand_out(id, job[2], status, lease)
)lua";

}  // namespace tidegate::jobs
