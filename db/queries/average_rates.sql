-- name: average_rates
-- description: Average price per day between two places, over all their ports, newest day first.
-- param: date_from date "first day, inclusive"
-- param: date_to date "last day, inclusive"
-- param: orig_code place "origin: a port's code, or a region's slug with all its descendants"
-- param: dest_code place "destination: a port's code, or a region's slug with all its descendants"
-- range: date_from date_to
-- column: day date "day of the range; days without prices are included"
-- column: price double precision "average price of the day; null for fewer than three prices"
-- column: count bigint "number of prices; null without prices, as in GET /rates"

with priced as (
  select day, count(*) as count, sum(price)::float8 / count(*) as price
  from public.prices
  where orig_code = any ((select public.ports_of(:orig_code))::text[])
    and dest_code = any ((select public.ports_of(:dest_code))::text[])
    and day between :date_from and :date_to
  group by day
)
select calendar.day::date as day,
       case when priced.count >= 3 then priced.price end as price,
       priced.count
from generate_series(:date_from::timestamp, :date_to::timestamp, interval '1 day') as calendar(day)
left join priced on priced.day = calendar.day
order by calendar.day desc
