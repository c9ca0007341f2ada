-- Stores a rejected request for people to find: one row per distinct request, at most 1,000 per tenant and day;
-- further ones are only counted.
create or replace function jobs.reject(p_id text, p_tenant text, p_request_id text, p_source text, p_error json, p_body text)
returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  moment timestamptz := jobs.clock();
  rejected_today bigint;
begin
  update jobs.rejected set copies = copies + 1, last_at = moment, tracked = false where id = p_id;
  if found then return; end if;
  insert into jobs.rejected_days as d (tenant, day, requests) values (p_tenant, (moment at time zone 'utc')::date, 1)
  on conflict (tenant, day) do update set requests = d.requests + 1 returning requests into rejected_today;
  if rejected_today <= 1000 then
    insert into jobs.rejected (id, tenant, request_id, source, error, body, created_at, last_at)
    values (p_id, p_tenant, p_request_id, p_source, jobs.bounded_error(p_error)::jsonb, left(p_body, 4000), moment, moment)
    -- A copy that another transaction stored since the update above.
    on conflict (id) do update set copies = rejected.copies + 1, last_at = moment, tracked = false;
  end if;
end
$$;

grant execute on function jobs.reject(text, text, text, text, json, text) to api_reader, dispatcher;
