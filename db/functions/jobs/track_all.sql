-- Marks every document as missing in the tracking store, to rebuild a lost store. Returns the number of documents.
create or replace function jobs.track_all() returns bigint language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update jobs.tracking_progress set pass = pass + 1, done = '1:1:', until = null;
  -- A restored dump has transaction ids of another cluster, which may be ahead of this one's.
  update jobs.jobs set changed = pg_current_xact_id() where changed > pg_current_xact_id();
  update jobs.rejected set tracked = false where tracked;
  return (select count(*) from jobs.jobs) + (select count(*) from jobs.rejected);
end
$$;

grant execute on function jobs.track_all() to dispatcher;
