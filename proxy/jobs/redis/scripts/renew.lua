-- Another lease for a claim, from now.
--
-- ARGV: 1 id, 2 claim, 3 lease (us)
-- Reply: ok | not_found | conflict
local id, job, lost = ARGV[1], held()
if lost then return lost end
local lease = math.min(tonumber(ARGV[3]), IDLE_AT_END * 1000)
if job.entry ~= '' then
  local owner = owner_of(job.entry)
  if owner then set_idle(owner, job.entry, IDLE_AT_END - math.ceil(lease / 1000)) end
elseif job.external ~= '1' then
  call('ZADD', P .. 'delayed', text(now + lease), id)
end
call('ZADD', P .. 'order', text(now + lease), id)
set(id, 'lease', text(now + lease), 'due', ns(now + lease))
return reply('ok')
