-- An accepting record becomes queued: its work item is with the broker.
--
-- ARGV: 1 id
-- Reply: ok | not_found | conflict, status or reason
local id = ARGV[1]
local job = get(id, 'status', 'seq', 'size', 'order', 'expires', 'key')
local status, seq, size, order, expires, key = unpack(job)
if not status then return reply('not_found') end
if tonumber(status) == QUEUED then return reply('ok') end
if tonumber(status) ~= ACCEPTING then return reply('conflict', status) end
if key ~= '' and call('GET', P .. 'key:' .. key) ~= id then
  return reply('conflict', 'its key has made another job meanwhile')
end
call('ZREM', P .. 'accepting', id)
call('ZADD', P .. 'status:0', seq, id)
call('ZADD', P .. 'expiring', text(us(expires)), id)
call('ZADD', P .. 'order', order, id)
call('HINCRBY', P .. 'meta', 'bytes', size)
set(id, 'status', QUEUED)
return reply('ok')
