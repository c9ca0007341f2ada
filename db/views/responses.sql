-- Responses of ended jobs, and responses to requests that created no job (jobs.answers), whose ids are negated so that
-- one list of ids can contain both.
-- `asked_at` of a due response: the time of its job's end, or of the last request for the response.
create or replace view jobs.responses as
select j.id, j.id as job_id, j.response_id, j.tenant, j.request_id, j.status::text as status, j.response::text as body, j.finished_at as created_at,
  case when u.job_id is null then j.due_at else u.finished_at + interval '10 seconds' end as due_at,
  coalesce(j.sent_at, s.sent_at) as sent_at, coalesce(j.message_id, s.message_id) as message_id, j.version, j.changed_at as asked_at
from jobs.jobs j
left join jobs.pending_responses u on u.job_id = j.id
left join lateral (
  select n.sent_at, n.messages[array_position(n.numbers, j.response_number)] as message_id from (
    select * from jobs.sendings where run_id = j.run_id and through >= j.response_number order by through limit 1) n
  where j.response_number = any (n.numbers)) s on j.response_number is not null
where j.finished_at is not null
union all
select -id, null, response_id, tenant, request_id, 'FAILED', body, created_at, due_at, sent_at, message_id, version, asked_at from jobs.answers;

grant select on jobs.responses to api_reader;
