-- The job is queued again without an attempt. At once: its entry stays pending with its lease over, so that it is the
-- first that XAUTOCLAIM finds and keeps its position.
--
-- ARGV: 1 id, 2 claim, 3 not_before (ns), 4 not_before (us)
-- Reply: ok | not_found | conflict
local id, job, lost = ARGV[1], held()
if lost then return lost end
local later = tonumber(ARGV[4]) > now
requeue(id, job, later and ARGV[3] or job.created, later and ARGV[4] or job.order)
call('HINCRBY', P .. 'job:' .. id, 'attempt', -1)
if job.external == '1' then return reply('ok') end
local owner = job.entry ~= '' and owner_of(job.entry)
if owner and not later then
  set_idle(owner, job.entry, IDLE_AT_END)
else
  dequeue(id, job.entry)
  call('ZADD', P .. 'delayed', ARGV[4], id)
end
return reply('ok')
