-- Deletes a job that has ended.
--
-- ARGV: 1 id
-- Reply: ok | not_found | conflict, status
local id = ARGV[1]
local status = get(id, 'status')[1]
if tonumber(status or ACCEPTING) == ACCEPTING then return reply('not_found') end
if tonumber(status) <= RETRYING then return reply('conflict', status) end
delete_job(id)
return reply('ok')
