-- Returns the attempts with the end of the last one set; an empty array stays empty.
create or replace function jobs.end_attempt(attempts jsonb, at timestamptz, outcome text, peak bigint) returns jsonb language sql stable
  as $$
    select coalesce(jsonb_set(attempts, '{-1}', (attempts -> -1) || jsonb_strip_nulls(jsonb_build_object(
      'endedAt', jobs.iso(at), 'outcome', outcome, 'peakMemoryBytes', peak))), attempts)
  $$;
