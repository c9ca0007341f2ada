-- Appends an event to a status history: || appends an object to a jsonb array.
create or replace function jobs.with_event(history jsonb, status text, at timestamptz) returns jsonb language sql stable
  as $$ select history || jsonb_build_object('status', status, 'at', jobs.iso(at)) $$;
