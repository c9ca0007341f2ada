-- Response of each ended job, to read one by the job's id. A condition on the id is not pushed down into the view
-- jobs.responses, which is a union: reading one job there would read all jobs.
create or replace view jobs.job_responses as
select id as job_id, response::text as body from jobs.jobs where finished_at is not null;

grant select on jobs.job_responses to api_reader;
