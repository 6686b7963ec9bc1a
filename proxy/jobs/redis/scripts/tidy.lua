-- Expires and deletes what is due for it.
--
-- ARGV: 1 results_ttl (us)
-- Reply: ok | more (there may be more to do)
return reply(sweep(200, tonumber(ARGV[1])) and 'more' or 'ok')
