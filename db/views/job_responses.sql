-- The response of each job that has ended, for reading one by the job's id. A condition on the id does not reach into the
-- view jobs.responses, which is a union: reading one job there would read all jobs.
create or replace view jobs.job_responses as
select id as job_id, response::text as body from jobs.jobs where finished_at is not null;

grant select on jobs.job_responses to api_reader;
