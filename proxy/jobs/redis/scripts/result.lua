-- The response of a job that has succeeded; its body is read from result:ID.
--
-- ARGV: 1 id, 2 results_ttl (us)
-- Reply: ok, status, fields, crc, size | not_found | conflict, status | gone
local job = get(ARGV[1], 'status', 'finished', 'result_size', 'result_status', 'result_fields', 'result_crc')
local status = tonumber(job[1] or ACCEPTING)
if status == ACCEPTING then return reply('not_found') end
if status ~= SUCCEEDED then return reply('conflict', job[1]) end
if tonumber(job[3]) < 0 or us(job[2]) + tonumber(ARGV[2]) <= now then
  return reply('gone', 'the result of job ' .. ARGV[1] .. ' has been deleted')
end
return reply('ok', job[4], job[5], job[6], job[3])
