-- Deletes the responses of deleted jobs, in place of a foreign key (jobs.responses).
create or replace function jobs.delete_responses() returns trigger language plpgsql as $$
begin
  delete from jobs.responses where job_id in (select id from deleted);
  return null;
end
$$;

create or replace trigger delete_responses after delete on jobs.jobs referencing old table as deleted
for each statement execute function jobs.delete_responses();
