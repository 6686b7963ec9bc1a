-- A process ends. Nobody will end the claims that it still holds, so they are over now; their entries go to the consumer
-- `nobody`, and its own consumer is removed.
--
-- ARGV: 1 consumer, 2… id and claim of each job that it holds
-- Reply: ok
local consumer = ARGV[1]
for i = 2, #ARGV, 2 do
  local id = ARGV[i]
  local job = fields_of(id)
  if tonumber(job.status or EXPIRED) == RUNNING and job.claim == ARGV[i + 1] then
    lose_attempt(id, 'process_ended')
    requeue(id, job, job.created, job.order)
    call('HINCRBY', P .. 'job:' .. id, 'claim', 1)
    set(id, 'error', 'process_ended')
    if job.entry ~= '' then
      set_idle('nobody', job.entry, IDLE_AT_END)
    elseif job.external ~= '1' then
      call('ZADD', P .. 'delayed', job.order, id)
    end
  end
end
call('HDEL', P .. 'processes', consumer)
if call('EXISTS', P .. 'work') == 1 and #call('XPENDING', P .. 'work', GROUP, '-', '+', 1, consumer) == 0 then
  call('XGROUP', 'DELCONSUMER', P .. 'work', GROUP, consumer)
end
return reply('ok')
