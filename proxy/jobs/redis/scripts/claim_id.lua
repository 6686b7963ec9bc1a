-- Claims one job, due or not. A job of this store's own leaves the stream: it waits in `delayed` for the end of its
-- lease.
--
-- ARGV: 1 consumer, 2 connection, 3 lease (us), 4 id
-- Reply: job, id, fields of the claim | not_found | conflict, status | stale
local lease, id = tonumber(ARGV[3]), ARGV[4]
if is_stale(ARGV[1], ARGV[2]) then return reply('stale', STALE) end
local job = get(id, 'status', 'seq', 'entry', 'expires', 'lease', 'external')
if not job[1] then return reply('not_found') end
local status = tonumber(job[1])
local held_by_another = status == RUNNING and tonumber(job[5]) > now
if status <= RETRYING and us(job[4]) <= now and not held_by_another then
  expire(id)
  status = EXPIRED
end
if status > RETRYING or held_by_another then return reply('conflict', tostring(status)) end
dequeue(id, job[3])
if job[6] ~= '1' then call('ZADD', P .. 'delayed', text(now + lease), id) end
return hand_out(id, job[2], status, lease)
