-- A job's record.
--
-- ARGV: 1 id
-- Reply: ok, id, fields of the record, position, history | not_found
local id = ARGV[1]
local job = record(id)
local status = tonumber(job[2] or ACCEPTING)
if status == ACCEPTING then return reply('not_found') end
local waits = status == QUEUED or status == RETRYING
local rank = waits and call('ZRANK', P .. 'order', id) or 0
return reply('ok', id, job, text(rank or 0), call('LRANGE', P .. 'history:' .. id, 0, -1))
