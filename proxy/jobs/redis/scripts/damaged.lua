-- The job is dead: its checksum does not match.
--
-- ARGV: 1 id, 2 claim
-- Reply: ok | not_found | conflict
local id, _, lost = ARGV[1], held()
if lost then return lost end
add_attempt(id, ns(now), '0', 'damaged_record')
set(id, 'error', 'damaged_record')
finish(id, DEAD)
call('HINCRBY', P .. 'meta', 'damaged', 1)
return reply('ok')
