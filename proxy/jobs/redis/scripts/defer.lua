-- The attempt has failed and does not count, nor do those before it that ended without a verdict; the job is due again
-- later.
--
-- ARGV: 1 id, 2 claim, 3 at, 4 took, 5 error of the attempt, 6 its end (ns), 7 not_before (ns), 8 not_before (us),
--       9 how many entries of deferrals the history keeps
-- Reply: ok | not_found | conflict
local id, job, lost = ARGV[1], held()
if lost then return lost end
add_deferral(id, ARGV[3], ARGV[4], ARGV[5], ARGV[9])
await_retry(id, job, ARGV[5], ARGV[6], ARGV[7], ARGV[8])
local without_verdict = tonumber(get(id, 'lost')[1] or '0')
set(id, 'attempt', math.max(0, tonumber(get(id, 'attempt')[1]) - 1 - without_verdict))
call('HINCRBY', P .. 'job:' .. id, 'deferrals', 1)
set(id, 'lost', 0)
return reply('ok')
