-- Cancels a job that waits. A record that was never admitted is deleted at once: nobody was promised it.
--
-- ARGV: 1 id
-- Reply: ok | not_found | conflict, status
local id = ARGV[1]
local job = get(id, 'status', 'size')
if not job[1] then return reply('not_found') end
local status = tonumber(job[1])
if status == ACCEPTING then
  delete_job(id)
  return reply('ok')
end
if status ~= QUEUED and status ~= RETRYING then return reply('conflict', job[1]) end
drop_body(id, job[2])
finish(id, CANCELLED)
return reply('ok')
