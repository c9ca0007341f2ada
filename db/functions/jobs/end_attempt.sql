-- Returns the attempts with the end of the last one: its time, outcome and peak memory.
create or replace function jobs.end_attempt(attempts jsonb, at timestamptz, outcome text, peak bigint) returns jsonb language sql stable
  as $$
    select case when jsonb_array_length(attempts) = 0 then attempts
      else jsonb_set(attempts, '{-1}', (attempts -> -1) || jsonb_strip_nulls(jsonb_build_object(
        'endedAt', jobs.iso(at), 'outcome', outcome, 'peakMemoryBytes', peak))) end
  $$;
