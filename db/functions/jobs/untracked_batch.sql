-- Returns the next documents that the tracking store lacks; none while writes to it are paused. Chooses those of
-- changed jobs first, in the order of their changes, then refused ones whose back-off has ended; returns them by id.
-- A pass covers the transactions that its snapshot sees and the snapshot of the last complete pass did not see, because
-- they began later or were still open. So changes need not be marked, and none is missed whose transaction commits
-- late. `pass`, `last_changed`, `last_id` and `is_last` are arguments for jobs.tracked, once the documents are written.
-- `pauses` counts the pauses since the store last accepted a batch.
create or replace function jobs.untracked_batch(p_limit integer)
returns table (id bigint, version bigint, document jsonb, pauses integer, pass bigint, last_changed xid8, last_id bigint, is_last boolean)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  progress jobs.tracking_progress;
  -- Transactions that the snapshots of the last complete pass (done) and of this pass (until) do not see: all from
  -- `…_below` on, and those in `…_open`.
  done_below xid8;
  done_open xid8[];
  until_below xid8;
  until_open xid8[];
  changed_ids bigint[];
  change_count integer;
begin
  select p.failures into pauses from jobs.tracking_pause p where p.paused_until <= jobs.clock();
  if not found then return; end if;
  select * into progress from jobs.tracking_progress;
  if progress.until is null and exists (select from jobs.untracked u where not u.refused) then
    update jobs.tracking_progress p set pass = p.pass + 1, until = pg_current_snapshot(), last_changed = '0', last_id = 0
    where p.until is null;
    select * into progress from jobs.tracking_progress;
  end if;

  if progress.until is not null then
    done_below := pg_snapshot_xmax(progress.done);
    done_open := array(select pg_snapshot_xip(progress.done));
    until_below := pg_snapshot_xmax(progress.until);
    until_open := array(select pg_snapshot_xip(progress.until));
    select array_agg(distinct batch.id), count(*), max(batch.changed),
      (array_agg(batch.id order by batch.changed desc, batch.id desc))[1]
    into changed_ids, change_count, last_changed, last_id
    from (
      select c.id, c.changed from (
        (select j.id, j.changed from jobs.jobs j
         where j.changed = any (done_open) and j.changed <> all (until_open) and (j.changed, j.id) > (progress.last_changed, progress.last_id)
         order by j.changed, j.id limit p_limit)
        union all
        (select j.id, j.changed from jobs.jobs j
         where j.changed >= done_below and j.changed < until_below and j.changed <> all (until_open)
           and (j.changed, j.id) > (progress.last_changed, progress.last_id)
         order by j.changed, j.id limit p_limit)
      ) c order by c.changed, c.id limit p_limit
    ) batch;
    if change_count = 0 then
      -- No rows of this pass are left; rows that have changed again belong to the next pass.
      perform jobs.tracked(progress.pass, null, null, true, '{}', '{}');
    else
      pass := progress.pass;
      is_last := change_count < p_limit;
    end if;
  end if;
  for id, version, document in
    select d.id, d.version, d.document from jobs.base_documents d
    where d.id = any (changed_ids || array(
      select r.job_id from jobs.tracking_refused r
      where r.not_before <= jobs.clock() and r.job_id <> all (coalesce(changed_ids, '{}'))
      order by r.failures, r.job_id limit greatest(0, p_limit - coalesce(change_count, 0))))
    order by d.id
  loop
    return next;
  end loop;
end
$$;

grant execute on function jobs.untracked_batch(integer) to dispatcher;
