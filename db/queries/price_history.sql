-- name: price_history
-- description: Daily spread of the prices between two places, for days with prices, oldest first.
-- param: orig_code place "origin: a port's code, or a region's slug with all its descendants"
-- param: dest_code place "destination: a port's code, or a region's slug with all its descendants"
-- param: date_from date = null "first day, inclusive; null: from the beginning"
-- param: date_to date = null "last day, inclusive; null: to the end"
-- range: date_from date_to
-- column: day date "a day with at least one price"
-- column: count bigint "number of prices"
-- column: lowest integer "lowest price"
-- column: median double precision "median price"
-- column: average double precision "average price, even if there are only one or two prices"
-- column: highest integer "highest price"

select day,
       count(*) as count,
       min(price) as lowest,
       percentile_cont(0.5) within group (order by price) as median,
       sum(price)::float8 / count(*) as average,
       max(price) as highest
from public.prices
where orig_code = any ((select public.ports_of(:orig_code))::text[])
  and dest_code = any ((select public.ports_of(:dest_code))::text[])
  and (:date_from is null or day >= :date_from)
  and (:date_to is null or day <= :date_to)
group by day
order by day
