-- The view alone.
--
-- Reply: ok
return reply('ok')
