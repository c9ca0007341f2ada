-- Error of a read whose result does not fit into a response. A test compares it with the registry in
-- runtime/contract/errors.ts.
create or replace function jobs.result_too_large(p_bytes integer) returns json language sql immutable as $$
  select json_build_object('category', 'User', 'type', 'ResultTooLarge',
    'message', format('The inline result has %s bytes; a response holds at most 900000. Request compression ''gzip'' or fewer rows.', p_bytes),
    'retryable', false, 'details', json_build_array())
$$;
