-- Notes which transaction changed a job, and when, where the statement itself has not.
create or replace function jobs.set_changed() returns trigger language plpgsql as $$
begin
  new.changed := pg_current_xact_id();
  new.changed_at := jobs.clock();
  return new;
end
$$;

create or replace trigger set_changed before update on jobs.jobs for each row
when (old.version <> new.version and new.changed <> pg_current_xact_id()) execute function jobs.set_changed();
