-- Returns the prices of GET /rates for each query, in the order of the queries: `day,count,sum;…`, newest day first. A
-- query without prices has the result `region` if its origin or destination is a region, else null. The plan is cached
-- per connection, because planning costs as much as four queries. A plan made while the table was empty would be a
-- sequential or bitmap scan, hence the settings. The inner `order by` lets the index give the order, without a sort.
create or replace function public.daily_sums(p_origins text[], p_destinations text[], p_first date[], p_last date[])
returns setof text language plpgsql stable set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off as $$
begin
  return query
    select coalesce((
        select string_agg(priced.day || ',' || priced.count || ',' || priced.sum, ';' order by priced.day desc)
        from (select p.day, count(*) as count, sum(p.price) as sum from public.prices p
              where p.orig_code = query.origin and p.dest_code = query.destination and p.day between query.first and query.last
              group by p.day order by p.day desc) priced),
        case when exists (select from public.regions where slug in (query.origin, query.destination)) then 'region' end)
    from unnest(p_origins, p_destinations, p_first, p_last)
      with ordinality query (origin, destination, first, last, position)
    order by query.position;
end
$$;

grant execute on function public.daily_sums(text[], text[], date[], date[]) to api_reader;
