create or replace function jobs.milliseconds(start timestamptz, finish timestamptz) returns bigint language sql immutable
  as $$ select greatest(0, floor(extract(epoch from finish - start) * 1000))::bigint $$;
