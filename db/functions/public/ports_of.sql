-- Returns the codes of the ports of a place: a port's own code, or for a region's slug all ports in the region and its
-- descendants.
create or replace function public.ports_of(place text) returns text[] language sql stable parallel safe
  set search_path = pg_catalog, pg_temp as $$
    with recursive within(slug) as (
      select slug from public.regions where slug = place
      union -- not `union all`, which would never end if regions form a cycle
      select region.slug from public.regions region join within on region.parent_slug = within.slug
    )
    select coalesce(array_agg(code order by code), '{}')
    from public.ports
    where code = place or parent_slug in (select slug from within)
  $$;

grant execute on function public.ports_of(text) to api_reader, price_readers;
