-- Responses of ended jobs, and responses to requests that created no job (jobs.answers). Ids of the latter are
-- negative, so that one list of ids can contain both.
-- `asked_at` of a due one: the end of its job, or the last request for it.
create or replace view jobs.responses as
select id, id as job_id, response_id, tenant, request_id, status::text as status, response::text as body, finished_at as created_at, due_at, sent_at, message_id, version, changed_at as asked_at
from jobs.jobs where finished_at is not null
union all
select -id, null, response_id, tenant, request_id, 'FAILED', body, created_at, due_at, sent_at, message_id, version, asked_at from jobs.answers;

grant select on jobs.responses to api_reader;
