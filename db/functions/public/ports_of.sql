-- The ports that a place names: a port's code names itself, a region's slug every port in it and in all regions below.
create or replace function public.ports_of(place text) returns text[] language sql stable parallel safe
  set search_path = pg_catalog, pg_temp as $$
    with recursive within(slug) as (
      select slug from public.regions where slug = place
      union -- and not `union all`: a circle among the regions ends
      select region.slug from public.regions region join within on region.parent_slug = within.slug
    )
    select coalesce(array_agg(code order by code), '{}')
    from public.ports
    where code = place or parent_slug in (select slug from within)
  $$;

grant execute on function public.ports_of(text) to api_reader, price_readers;
