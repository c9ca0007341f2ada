create or replace function jobs.event(status text, at timestamptz) returns jsonb language sql stable
  as $$ select jsonb_build_array(jsonb_build_object('status', status, 'at', jobs.iso(at))) $$;
