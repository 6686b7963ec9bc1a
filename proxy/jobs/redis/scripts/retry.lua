-- The attempt has failed; the job is due again later.
--
-- ARGV: 1 id, 2 claim, 3 at, 4 took, 5 error of the attempt, 6 not_before (ns), 7 not_before (us)
-- Reply: ok | not_found | conflict
local id, job, lost = ARGV[1], held()
if lost then return lost end
add_attempt(id, ARGV[3], ARGV[4], ARGV[5])
dequeue(id, job.entry)
move(id, job.seq, RUNNING, RETRYING)
set(id, 'due', ARGV[6], 'error', ARGV[5])
call('ZADD', P .. 'order', ARGV[7], id)
call('ZADD', P .. 'expiring', text(us(job.expires)), id)
if job.external ~= '1' then call('ZADD', P .. 'delayed', ARGV[7], id) end
return reply('ok')
