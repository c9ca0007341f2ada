-- name: purge_prices
-- description: Deletes all prices before a day.
-- param: before date "the first day that is kept"

delete from public.prices where day < :before
