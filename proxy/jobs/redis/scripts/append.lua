-- Stores a job. A key that has made a job before, with the same payload, is that job.
--
-- ARGV: 1 consumer, 2 connection, 3 id, 4 route, 5 method, 6 target, 7 fields, 8 created (ns), 9 expires (ns),
--       10 due (ns), 11 due (us), 12 max_attempts, 13 body_ref, 14 idempotency key, 15 fingerprint, 16 size, 17 crc,
--       18 external ('1' = the body lies elsewhere), 19 max_jobs, 20 max_bytes, 21 results_ttl (us),
--       22 uploaded body ('' = it is 24), 23 its pieces, 24 the only piece
-- Reply: ok, position | existing, id, status, position | conflict | invalid | exhausted | unavailable | stale
local consumer, connection, id, route, method, target, fields, created, expires, due_ns, due_us, max_attempts, body_ref,
  key, fingerprint, size, crc, external, max_jobs, max_bytes, results_ttl, upload, pieces, only_piece = unpack(ARGV)
external = external == '1'
results_ttl = tonumber(results_ttl)

if is_stale(consumer, connection) then return reply('stale', STALE) end
sweep(20, results_ttl)
local before = open_jobs()

local status_there = tonumber(get(id, 'status')[1])
if status_there == ACCEPTING and external then
  if key == '' then set(id, 'key', '') end  -- it does without the one that another job has now
  return reply('ok', text(before))
end
if status_there then return reply('conflict', 'job ' .. id .. ' exists') end

if key ~= '' then
  local twin = call('GET', P .. 'key:' .. key)
  local job = twin and get(twin, 'status', 'print', 'finished') or {}
  local status = tonumber(job[1] or ACCEPTING)
  local gone = status == SUCCEEDED and us(job[3]) + results_ttl <= now
  if status ~= ACCEPTING and not gone then
    if job[2] ~= fingerprint then return reply('invalid', 'the key was used with another payload') end
    local rank = status ~= RUNNING and call('ZRANK', P .. 'order', twin) or 0
    return reply('existing', twin, job[1], text(rank or 0))
  end
end

if before >= tonumber(max_jobs) then return reply('exhausted', 'max_jobs reached') end
local bytes = tonumber(call('HGET', P .. 'meta', 'bytes') or '0')
if bytes + tonumber(size) > tonumber(max_bytes) then return reply('exhausted', 'max_bytes reached') end

if upload ~= '' then
  if call('HLEN', P .. upload) ~= tonumber(pieces) then return reply('unavailable', 'the body did not arrive whole') end
  call('RENAME', P .. upload, P .. 'body:' .. id)
  call('PERSIST', P .. 'body:' .. id)
elseif only_piece ~= '' then
  call('HSET', P .. 'body:' .. id, '0', only_piece)
end

local seq = call('HINCRBY', P .. 'meta', 'seq', 1)
local order = next_order()
local due = tonumber(due_us)
local later = due > now and not external
set(id, 'route', route, 'method', method, 'target', target, 'fields', fields, 'created', created, 'expires', expires,
    'due', due_ns, 'max_attempts', max_attempts, 'body_ref', body_ref, 'key', key, 'print', fingerprint, 'size', size,
    'crc', crc, 'external', external and '1' or '0', 'status', external and ACCEPTING or QUEUED, 'attempt', 0,
    'claim', 0, 'seq', seq, 'order', text(order), 'entry', '', 'error', '', 'result_size', '-1', 'replays', 0,
    'lease', 0)
if key ~= '' then call('SET', P .. 'key:' .. key, id) end
if external then
  call('ZADD', P .. 'accepting', text(now), id)
  return reply('ok', text(before))
end
call('HINCRBY', P .. 'meta', 'bytes', size)
call('ZADD', P .. 'status:0', seq, id)
call('ZADD', P .. 'expiring', text(us(expires)), id)
call('ZADD', P .. 'order', text(later and due or order), id)
if later then call('ZADD', P .. 'delayed', text(due), id) else enqueue(id) end
return reply('ok', text(before))
