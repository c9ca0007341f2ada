-- Response of each ended job, to join it by the job's id. A join with the view jobs.responses would read all responses,
-- since Postgres pushes constant conditions down into its union, but no join conditions.
create or replace view jobs.job_responses as
select id as job_id, response::text as body from jobs.jobs where finished_at is not null;

grant select on jobs.job_responses to api_reader;
