-- The last attempt has failed: the job is dead.
--
-- ARGV: 1 id, 2 claim, 3 at, 4 took, 5 error of the attempt
-- Reply: ok | not_found | conflict
local id, _, lost = ARGV[1], held()
if lost then return lost end
add_attempt(id, ARGV[3], ARGV[4], ARGV[5])
set(id, 'error', ARGV[5])
finish(id, DEAD)
return reply('ok')
