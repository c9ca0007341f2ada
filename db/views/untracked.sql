-- Jobs whose document is missing or outdated in the tracking store. A job has at most two rows: one if it has changed,
-- and one if the store refused its document; see jobs.untracked_batch.
create or replace view jobs.untracked as
select c.job_id, c.since, false as refused
from jobs.tracking_progress p, lateral (
  select j.id as job_id, j.changed, j.changed_at as since from jobs.jobs j where j.changed >= pg_snapshot_xmax(p.done)
  union all
  select j.id, j.changed, j.changed_at from pg_snapshot_xip(p.done) open_transaction join jobs.jobs j on j.changed = open_transaction
) c
where p.until is null or not pg_visible_in_snapshot(c.changed, p.until) or (c.changed, c.job_id) > (p.last_changed, p.last_id)
union all
select job_id, since, true from jobs.tracking_refused;
