-- A dead job is queued again with fresh attempts and a fresh lifetime.
--
-- ARGV: 1 id, 2 '1' = however often it was replayed, 3 how often otherwise
-- Reply: ok | not_found | conflict, status | replayed_too_often, replays
local id = ARGV[1]
local job = get(id, 'status', 'key', 'created', 'expires', 'seq', 'external', 'replays')
local status, key, created, expires, seq, external, replays = unpack(job)
if tonumber(status or ACCEPTING) == ACCEPTING then return reply('not_found') end
if tonumber(status) ~= DEAD then return reply('conflict', status) end
if ARGV[2] ~= '1' and tonumber(replays) >= tonumber(ARGV[3]) then
  return reply('replayed_too_often', replays)
end
local order = next_order()
local new_expires = now + us(expires) - us(created)
set(id, 'attempt', 0, 'deferrals', 0, 'lost', 0, 'attempted', ns(now), 'expires', ns(new_expires), 'due', ns(now),
    'order', text(order))
call('HINCRBY', P .. 'job:' .. id, 'replays', 1)
call('HDEL', P .. 'job:' .. id, 'finished')
call('ZREM', P .. 'ended', id)
call('ZADD', P .. 'expiring', text(new_expires), id)
call('ZADD', P .. 'order', text(order), id)
move(id, seq, DEAD, QUEUED)
if key ~= '' then call('SET', P .. 'key:' .. key, id, 'NX') end
if external ~= '1' then enqueue(id) end
return reply('ok')
