-- A connection begins. What its process was handed on an older connection, and never received, is queued again without
-- an attempt; consumers without entries that were long silent are removed.
--
-- ARGV: 1 consumer, 2 connection, 3… ids of the jobs that the process holds
-- Reply: ok, how many were queued again
local consumer, known = ARGV[1], {}
for i = 3, #ARGV do known[ARGV[i]] = true end
if call('EXISTS', P .. 'work') == 0 or #call('XINFO', 'GROUPS', P .. 'work') == 0 then
  call('XGROUP', 'CREATE', P .. 'work', GROUP, '0', 'MKSTREAM')
end
call('HSET', P .. 'processes', consumer, ARGV[2])
local requeued = 0
for _, pending in ipairs(call('XPENDING', P .. 'work', GROUP, '-', '+', 1000, consumer)) do
  local entry = call('XRANGE', P .. 'work', pending[1], pending[1])[1]
  local id = entry and entry[2][2] or ''
  local job = fields_of(id)
  if tonumber(job.status or EXPIRED) == RUNNING and job.entry == pending[1] and not known[id] then
    requeue(id, job, job.created, job.order)
    call('HINCRBY', P .. 'job:' .. id, 'attempt', -1)
    call('HINCRBY', P .. 'job:' .. id, 'claim', 1)
    set_idle(consumer, pending[1], IDLE_AT_END)
    requeued = requeued + 1
  end
end
for _, other in ipairs(call('XINFO', 'CONSUMERS', P .. 'work', GROUP)) do
  local name, pending, idle = other[2], other[4], other[6]
  if name ~= consumer and pending == 0 and idle > IDLE_AT_END then
    call('XGROUP', 'DELCONSUMER', P .. 'work', GROUP, name)
    call('HDEL', P .. 'processes', name)
  end
end
return reply('ok', text(requeued))
