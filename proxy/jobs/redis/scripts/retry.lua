-- The attempt has failed; the job is due again later.
--
-- ARGV: 1 id, 2 claim, 3 at, 4 took, 5 error of the attempt, 6 its end (ns), 7 not_before (ns), 8 not_before (us)
-- Reply: ok | not_found | conflict
local id, job, lost = ARGV[1], held()
if lost then return lost end
add_attempt(id, ARGV[3], ARGV[4], ARGV[5])
await_retry(id, job, ARGV[5], ARGV[6], ARGV[7], ARGV[8])
return reply('ok')
