-- Adds the caller's trace context to the body of a response, as its first field: senders read it there without parsing
-- the body (runtime/contract/traceparent.ts, runtime/runner/glue/runner.py).
create or replace function jobs.traced_body(p_body text, p_traceparent text) returns text language sql immutable
  as $$ select '{"traceparent" : "' || p_traceparent || '", ' || substr(p_body, 2) $$;
