-- Numbered responses whose sending their run has not recorded: usually those of its last seconds. At most 1,000 per
-- run, in the order of their numbers: the limit makes Postgres read them from the index, however many responses the run
-- has sent.
create or replace view jobs.pending_responses as
select j.id as job_id, r.id as run_id, j.finished_at
from jobs.runs r cross join lateral (
  select n.id, n.finished_at from jobs.jobs n
  where n.run_id = r.id and n.response_number > r.sent_through and n.due_at is null and n.sent_at is null
  order by n.response_number limit 1000) j
where r.state <> 'ENDED';
