// What every script begins with, and how the scripts are put together.
#include "jobs/redis/scripts.h"

#include <string>

namespace tidegate::jobs {

namespace {

// Times: scores and arithmetic are microseconds (exact in a Lua number); what a caller has set is kept as the
// nanoseconds it came in, as text.
constexpr const char* kPrelude = R"lua(
local P = KEYS[1]
local QUEUED, RUNNING, RETRYING, SUCCEEDED, DEAD, CANCELLED, EXPIRED, ACCEPTING = 0, 1, 2, 3, 4, 5, 6, 7
local GROUP, IDLE_AT_END = 'tidegate', 86400000
local call = redis.call
local time = call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])

local function text(number) return string.format('%.0f', number) end
local function ns(us) return text(us) .. '000' end
local function us(nanoseconds) return tonumber(string.sub(nanoseconds or '', 1, -4)) or 0 end
local function get(id, ...) return call('HMGET', P .. 'job:' .. id, ...) end
local function set(id, ...) call('HSET', P .. 'job:' .. id, ...) end

local function view()
  local answer = {}
  for status = 0, 6 do answer[#answer + 1] = text(call('ZCARD', P .. 'status:' .. status)) end
  local meta = call('HMGET', P .. 'meta', 'bytes', 'expired', 'damaged')
  for i = 1, 3 do answer[#answer + 1] = meta[i] or '0' end
  local oldest = ''
  for status = 0, 2 do
    local first = call('ZRANGE', P .. 'status:' .. status, 0, 0)[1]
    local created = first and get(first, 'created')[1]
    if created and (oldest == '' or us(created) < us(oldest)) then oldest = created end
  end
  answer[#answer + 1] = oldest
  local next = call('ZRANGE', P .. 'order', 0, 0)[1]
  answer[#answer + 1] = next and get(next, 'due')[1] or ''
  return answer
end
local function answer(...) return {view(), ...} end

local function open_jobs()
  return call('ZCARD', P .. 'status:0') + call('ZCARD', P .. 'status:1') + call('ZCARD', P .. 'status:2')
end

-- The connection that asks must be its process's latest: what an older one had under way comes too late.
local function is_stale(consumer, connection) return call('HGET', P .. 'processes', consumer) ~= connection end
local STALE = 'this connection has been followed by another'

local function move(id, seq, from, to)
  call('ZREM', P .. 'status:' .. from, id)
  call('ZADD', P .. 'status:' .. to, seq, id)
  set(id, 'status', to)
end

local function enter(id)
  local entry = call('XADD', P .. 'work', '*', 'job', id)
  set(id, 'entry', entry)
end
local function take_out(id, entry)
  call('ZREM', P .. 'delayed', id)
  if not entry or entry == '' then return end
  call('XACK', P .. 'work', GROUP, entry)
  call('XDEL', P .. 'work', entry)
  set(id, 'entry', '')
end

local function remember(id, at_ns, took_ns, failure)
  call('RPUSH', P .. 'history:' .. id, at_ns .. ' ' .. took_ns .. ' ' .. failure)
end

-- 0 - size: "-0" is no number to the server.
local function take_off(size) call('HINCRBY', P .. 'meta', 'bytes', text(0 - tonumber(size))) end
local function drop_body(id, size)
  call('UNLINK', P .. 'body:' .. id)
  take_off(size)
end
local function drop_result(id, size)
  call('UNLINK', P .. 'result:' .. id)
  call('ZREM', P .. 'results', id)
  take_off(size)
  set(id, 'result_size', '-1')
end
local function free_key(id, key)
  if key and key ~= '' and call('GET', P .. 'key:' .. key) == id then call('DEL', P .. 'key:' .. key) end
end

-- Out of everything that holds open jobs, into what holds final ones.
local function finish(id, to)
  local job = get(id, 'status', 'seq', 'entry', 'key')
  take_out(id, job[3])
  move(id, job[2], job[1], to)
  call('ZREM', P .. 'order', id)
  call('ZREM', P .. 'expiring', id)
  call('ZADD', P .. 'ended', text(now), id)
  set(id, 'finished', ns(now))
  if to ~= SUCCEEDED then free_key(id, job[4]) end
end
local function expire(id)
  drop_body(id, get(id, 'size')[1])
  finish(id, EXPIRED)
  call('HINCRBY', P .. 'meta', 'expired', 1)
end

-- Nothing is left of it.
local function forget(id)
  local job = get(id, 'status', 'size', 'result_size', 'key', 'entry')
  if not job[1] then return end
  local status = tonumber(job[1])
  take_out(id, job[5])
  if status <= RETRYING or status == DEAD then drop_body(id, job[2]) end
  if status == SUCCEEDED and tonumber(job[3]) >= 0 then drop_result(id, job[3]) end
  free_key(id, job[4])
  for _, set_of in ipairs({'status:' .. status, 'accepting', 'order', 'expiring', 'ended'}) do
    call('ZREM', P .. set_of, id)
  end
  call('UNLINK', P .. 'job:' .. id, P .. 'history:' .. id, P .. 'body:' .. id)
end

-- The running job ARGV[1], which the claim ARGV[2] still holds; else nil and the answer.
local function held()
  local id = ARGV[1]
  local names = {'status', 'claim', 'seq', 'entry', 'size', 'created', 'expires', 'external', 'order'}
  local values, job = get(id, unpack(names)), {}
  for i, name in ipairs(names) do job[name] = values[i] end
  local status = tonumber(job.status or ACCEPTING)
  if status == ACCEPTING then return nil, answer('not_found') end
  if status == RUNNING and job.claim == ARGV[2] then return job end
  return nil, answer('conflict', 'job ' .. id .. ' is no longer held by this claim')
end

-- Running, for `lease` microseconds from now.
local function hand_out(id, seq, status, lease)
  if status == RUNNING then remember(id, ns(now), '0', 'lease_lost') end
  call('HINCRBY', P .. 'job:' .. id, 'attempt', 1)
  call('HINCRBY', P .. 'job:' .. id, 'claim', 1)
  move(id, seq, status, RUNNING)
  set(id, 'lease', text(now + lease), 'due', ns(now + lease))
  call('ZADD', P .. 'order', text(now + lease), id)
  return answer('job', id, get(id, 'claim', 'route', 'method', 'target', 'fields', 'size', 'body_ref', 'attempt',
                               'max_attempts', 'created', 'expires', 'key', 'crc'))
end

local function record(id)
  return get(id, 'route', 'status', 'attempt', 'max_attempts', 'created', 'expires', 'due', 'finished', 'error',
             'method', 'target', 'size', 'body_ref', 'replays')
end

-- What time does: at most `rows` of each kind. True where there may be more.
local function sweep(rows, results_ttl)
  local more = false
  local function due(set_of, before)
    local ids = call('ZRANGEBYSCORE', P .. set_of, '-inf', text(before), 'LIMIT', 0, rows)
    if #ids == rows then more = true end
    return ids
  end
  for _, id in ipairs(due('expiring', now)) do
    local job = get(id, 'status', 'lease')
    local lease = tonumber(job[2] or 0)
    if tonumber(job[1]) == RUNNING and lease > now then
      call('ZADD', P .. 'expiring', text(lease), id)
    else
      expire(id)
    end
  end
  for _, id in ipairs(due('results', now - results_ttl)) do
    local job = get(id, 'result_size', 'key')
    drop_result(id, job[1])
    free_key(id, job[2])
  end
  for _, id in ipairs(due('ended', now - 2 * results_ttl)) do forget(id) end
  for _, id in ipairs(due('accepting', now - 3600 * 1000000)) do forget(id) end
  return more
end
)lua";

// `flags`: no-writes = a look, which a read-only server answers too; allow-oom = it frees more than it takes. Without
// either the server refuses the script whole, before its first write, where it is out of memory, read-only, or cannot
// write its own log.
redis::Script script(const char* flags, const char* body) {
  return redis::Script("#!lua flags=" + std::string(flags) + kPrelude + body);
}
constexpr const char* kLook = "no-writes";
constexpr const char* kFreeing = "allow-oom";
constexpr const char* kTaking = "";

}  // namespace

RedisScripts::RedisScripts()
    : prepare(script(kFreeing, RedisHouseLua::prepare)),
      leave(script(kFreeing, RedisHouseLua::leave)),
      view(script(kLook, RedisHouseLua::view)),
      tidy(script(kFreeing, RedisHouseLua::tidy)),
      append(script(kTaking, RedisIntakeLua::append)),
      admit(script(kTaking, RedisIntakeLua::admit)),
      claim(script(kFreeing, RedisIntakeLua::claim)),
      claim_id(script(kFreeing, RedisIntakeLua::claim_id)),
      renew(script(kFreeing, RedisEndsLua::renew)),
      succeed(script(kFreeing, RedisEndsLua::succeed)),
      retry(script(kFreeing, RedisEndsLua::retry)),
      dead_letter(script(kFreeing, RedisEndsLua::dead_letter)),
      release(script(kFreeing, RedisEndsLua::release)),
      damaged(script(kFreeing, RedisEndsLua::damaged)),
      find(script(kLook, RedisAskedLua::find)),
      list(script(kLook, RedisAskedLua::list)),
      result(script(kLook, RedisAskedLua::result)),
      cancel(script(kFreeing, RedisAskedLua::cancel)),
      replay(script(kTaking, RedisAskedLua::replay)),
      purge(script(kFreeing, RedisAskedLua::purge)) {}

}  // namespace tidegate::jobs
