-- name: lane_coverage
-- description: Coverage of each lane that has prices in a range of days, by origin and destination.
-- param: date_from date "first day, inclusive"
-- param: date_to date "last day, inclusive"
-- param: orig_code place = null "origins: a port's code, or a region's slug with all its descendants; null: all"
-- param: dest_code place = null "destinations: a port's code, or a region's slug with all its descendants; null: all"
-- range: date_from date_to
-- column: orig_code text "origin port"
-- column: dest_code text "destination port"
-- column: days_averaged bigint "days with at least three prices, which an average needs"
-- column: days_thin bigint "days with one or two prices"
-- column: days_missing bigint "days of the range without a price"
-- column: prices bigint "prices in the range"
-- column: first_day date "first day with a price"
-- column: last_day date "last day with a price"

select orig_code,
       dest_code,
       count(*) filter (where prices >= 3) as days_averaged,
       count(*) filter (where prices < 3) as days_thin,
       (:date_to - :date_from + 1)::bigint - count(*) as days_missing,
       sum(prices)::bigint as prices,
       min(day) as first_day,
       max(day) as last_day
from (
  select orig_code, dest_code, day, count(*) as prices
  from public.prices
  where day between :date_from and :date_to
    and (:orig_code is null or orig_code = any ((select public.ports_of(:orig_code))::text[]))
    and (:dest_code is null or dest_code = any ((select public.ports_of(:dest_code))::text[]))
  group by orig_code, dest_code, day
) as days
group by orig_code, dest_code
order by orig_code, dest_code
