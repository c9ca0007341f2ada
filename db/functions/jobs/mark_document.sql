-- Every change of a job marks its tracking document as behind, in the same transaction.
create or replace function jobs.mark_document() returns trigger language plpgsql as $$
begin
  insert into jobs.tracking_outbox (job_id, version) values (new.id, new.version)
  on conflict (job_id) do update set version = excluded.version;
  return null;
end
$$;

create or replace trigger mark_made after insert on jobs.jobs for each row execute function jobs.mark_document();
-- A longer lease alone changes nothing in the document.
create or replace trigger mark_changed after update on jobs.jobs for each row when (old.version <> new.version)
execute function jobs.mark_document();
