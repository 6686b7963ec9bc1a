-- What every script of the queue begins with: names, keys, the clock, and what several scripts do (scripts.h draws the
-- keys). A script is the line "#!lua flags=…", this, and a file of this folder.
--
-- KEYS: 1 prefix of the queue's keys, "tidegate:{QUEUE}:"
-- Reply of every script: {view, word, …}; the view is that after the change, the word `ok` or what was wrong.
--
-- Times: scores and arithmetic are in microseconds (exact in a Lua number); what a caller has set is kept as the
-- nanoseconds it came in, as text.
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

-- Depth by status, bytes, expired, damaged, when the oldest open job was created, when the next one is due.
local function view()
  local counts = {}
  for status = 0, 6 do counts[#counts + 1] = text(call('ZCARD', P .. 'status:' .. status)) end
  local meta = call('HMGET', P .. 'meta', 'bytes', 'expired', 'damaged')
  for i = 1, 3 do counts[#counts + 1] = meta[i] or '0' end
  local oldest = ''
  for status = 0, 2 do
    local first = call('ZRANGE', P .. 'status:' .. status, 0, 0)[1]
    local created = first and get(first, 'created')[1]
    if created and (oldest == '' or us(created) < us(oldest)) then oldest = created end
  end
  counts[#counts + 1] = oldest
  local next = call('ZRANGE', P .. 'order', 0, 0)[1]
  counts[#counts + 1] = next and get(next, 'due')[1] or ''
  return counts
end
local function reply(...) return {view(), ...} end

-- The order score of a job that comes in now: later than every one before it.
local function next_order()
  local order = math.max(now, tonumber(call('HGET', P .. 'meta', 'last') or '0') + 1)
  call('HSET', P .. 'meta', 'last', text(order))
  return order
end

local function open_jobs()
  return call('ZCARD', P .. 'status:0') + call('ZCARD', P .. 'status:1') + call('ZCARD', P .. 'status:2')
end

-- A script must come by the latest connection of its process: what an older one had under way comes too late.
local function is_stale(consumer, connection) return call('HGET', P .. 'processes', consumer) ~= connection end
local STALE = 'this connection has been replaced by another'

local function move(id, seq, from, to)
  call('ZREM', P .. 'status:' .. from, id)
  call('ZADD', P .. 'status:' .. to, seq, id)
  set(id, 'status', to)
end

-- Into the stream, and out of everything that leads to a claim.
local function enqueue(id)
  local entry = call('XADD', P .. 'work', '*', 'job', id)
  set(id, 'entry', entry)
end
local function dequeue(id, entry)
  call('ZREM', P .. 'delayed', id)
  if not entry or entry == '' then return end
  call('XACK', P .. 'work', GROUP, entry)
  call('XDEL', P .. 'work', entry)
  set(id, 'entry', '')
end

-- The entry counts as idle for so long, as an entry of `consumer`: when its idle time reaches IDLE_AT_END, its lease is
-- over.
local function set_idle(consumer, entry, idle_ms)
  call('XCLAIM', P .. 'work', GROUP, consumer, 0, entry, 'IDLE', idle_ms, 'JUSTID')
end
-- The consumer that holds the entry; nil: none.
local function owner_of(entry)
  local pending = call('XPENDING', P .. 'work', GROUP, entry, entry, 1)[1]
  return pending and pending[2]
end

local function add_attempt(id, at_ns, took_ns, failure)
  call('RPUSH', P .. 'history:' .. id, at_ns .. ' ' .. took_ns .. ' ' .. failure)
end

-- "at took *n error": n deferrals in a row with this error, the last of them then. The oldest entries of more than `kept`
-- are dropped.
local function add_deferral(id, at_ns, took_ns, failure, kept)
  local history = P .. 'history:' .. id
  local count, error_before = string.match(call('LINDEX', history, -1) or '', '^%S+ %S+ %*(%d+) (.*)$')
  local again = error_before == failure
  local line = at_ns .. ' ' .. took_ns .. ' *' .. text(again and count + 1 or 1) .. ' ' .. failure
  if again then return call('LSET', history, -1, line) end
  call('RPUSH', history, line)
  local deferred = {}
  for _, entry in ipairs(call('LRANGE', history, 0, -1)) do
    if string.match(entry, '^%S+ %S+ %*%d+ ') then deferred[#deferred + 1] = entry end
  end
  if #deferred > tonumber(kept) then call('LREM', history, 1, deferred[1]) end
end

-- 0 - size: "-0" is not a number to the server.
local function subtract_bytes(size) call('HINCRBY', P .. 'meta', 'bytes', text(0 - tonumber(size))) end
local function drop_body(id, size)
  call('UNLINK', P .. 'body:' .. id)
  subtract_bytes(size)
end
local function drop_result(id, size)
  call('UNLINK', P .. 'result:' .. id)
  call('ZREM', P .. 'results', id)
  subtract_bytes(size)
  set(id, 'result_size', '-1')
end
local function free_key(id, key)
  if key and key ~= '' and call('GET', P .. 'key:' .. key) == id then call('DEL', P .. 'key:' .. key) end
end

-- The job ends: out of everything that holds open jobs, into what holds final ones.
local function finish(id, to)
  local job = get(id, 'status', 'seq', 'entry', 'key')
  dequeue(id, job[3])
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

local function delete_job(id)
  local job = get(id, 'status', 'size', 'result_size', 'key', 'entry')
  if not job[1] then return end
  local status = tonumber(job[1])
  dequeue(id, job[5])
  if status <= RETRYING or status == DEAD then drop_body(id, job[2]) end
  if status == SUCCEEDED and tonumber(job[3]) >= 0 then drop_result(id, job[3]) end
  free_key(id, job[4])
  for _, set_of in ipairs({'status:' .. status, 'accepting', 'order', 'expiring', 'ended'}) do
    call('ZREM', P .. set_of, id)
  end
  call('UNLINK', P .. 'job:' .. id, P .. 'history:' .. id, P .. 'body:' .. id)
end

-- The fields of a running job that decide what becomes of it, by name.
local function fields_of(id)
  local names = {'status', 'claim', 'seq', 'entry', 'size', 'created', 'expires', 'external', 'order'}
  local values, job = get(id, unpack(names)), {}
  for i, name in ipairs(names) do job[name] = values[i] end
  return job
end

-- The running job ARGV[1] where the claim ARGV[2] still holds it; else nil and the reply.
local function held()
  local id = ARGV[1]
  local job = fields_of(id)
  local status = tonumber(job.status or ACCEPTING)
  if status == ACCEPTING then return nil, reply('not_found') end
  if status == RUNNING and job.claim == ARGV[2] then return job end
  return nil, reply('conflict', 'job ' .. id .. ' is no longer held by this claim')
end

-- A running job whose attempt has failed waits for its next one.
local function await_retry(id, job, failure, ended_ns, due_ns, due_us)
  dequeue(id, job.entry)
  move(id, job.seq, RUNNING, RETRYING)
  set(id, 'due', due_ns, 'error', failure, 'attempted', ended_ns)
  call('ZADD', P .. 'order', due_us, id)
  call('ZADD', P .. 'expiring', text(us(job.expires)), id)
  if job.external ~= '1' then call('ZADD', P .. 'delayed', due_us, id) end
end

-- An attempt has ended with its process or its lease, without a verdict.
local function lose_attempt(id, failure)
  add_attempt(id, ns(now), '0', failure)
  call('HINCRBY', P .. 'job:' .. id, 'lost', 1)
  set(id, 'attempted', ns(now))
end

-- A running job is queued again, due at `due_ns`.
local function requeue(id, job, due_ns, order)
  move(id, job.seq, RUNNING, QUEUED)
  set(id, 'due', due_ns)
  call('ZADD', P .. 'order', order, id)
  call('ZADD', P .. 'expiring', text(us(job.expires)), id)
end

-- The job is running, for `lease` microseconds from now.
local function hand_out(id, seq, status, lease)
  if status == RUNNING then lose_attempt(id, 'lease_lost') end
  call('HINCRBY', P .. 'job:' .. id, 'attempt', 1)
  call('HINCRBY', P .. 'job:' .. id, 'claim', 1)
  move(id, seq, status, RUNNING)
  set(id, 'lease', text(now + lease), 'due', ns(now + lease))
  call('ZADD', P .. 'order', text(now + lease), id)
  return reply('job', id, get(id, 'claim', 'route', 'method', 'target', 'fields', 'size', 'body_ref', 'attempt',
                               'max_attempts', 'created', 'expires', 'key', 'crc', 'deferrals', 'attempted'))
end

-- The fields of a record that a client or an operator sees (reply.cc reads them in this order).
local function record(id)
  return get(id, 'route', 'status', 'attempt', 'max_attempts', 'created', 'expires', 'due', 'finished', 'error',
             'method', 'target', 'size', 'body_ref', 'replays', 'deferrals', 'result_status', 'result_size')
end

-- Expires what is too old and deletes what ended long ago, at most `rows` of each kind. True: there may be more.
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
  for _, id in ipairs(due('ended', now - 2 * results_ttl)) do delete_job(id) end
  for _, id in ipairs(due('accepting', now - 3600 * 1000000)) do delete_job(id) end
  return more
end
