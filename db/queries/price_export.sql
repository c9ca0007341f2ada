-- name: price_export
-- description: All or filtered prices, unordered (sorting millions of rows would delay the first row).
-- param: orig_code place = null "origins: a port's code, or a region's slug with all its descendants; null: all"
-- param: dest_code place = null "destinations: a port's code, or a region's slug with all its descendants; null: all"
-- param: date_from date = null "first day, inclusive; null: from the beginning"
-- param: date_to date = null "last day, inclusive; null: to the end"
-- range: date_from date_to
-- column: orig_code text "origin port"
-- column: dest_code text "destination port"
-- column: day date "day of the price"
-- column: price integer "the price"

-- Parameters arrive as literals, so that the planner drops each condition whose parameter is null.
select orig_code, dest_code, day, price
from public.prices
where (:orig_code is null or orig_code = any ((select public.ports_of(:orig_code))::text[]))
  and (:dest_code is null or dest_code = any ((select public.ports_of(:dest_code))::text[]))
  and (:date_from is null or day >= :date_from)
  and (:date_to is null or day <= :date_to)
