-- A status history with one more event: a jsonb array, to which || appends an object.
create or replace function jobs.with_event(history jsonb, status text, at timestamptz) returns jsonb language sql stable
  as $$ select history || jsonb_build_object('status', status, 'at', jobs.iso(at)) $$;
