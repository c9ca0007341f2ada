-- Error of a cancelled job. A test compares it with the registry in runtime/contract/errors.ts.
create or replace function jobs.cancelled(p_reason text) returns json language sql immutable as $$
  select json_build_object('category', 'User', 'type', 'Cancelled',
    'message', 'The job was cancelled on request.' || coalesce(' Reason: ' || p_reason, ''),
    'retryable', false, 'details', json_build_array())
$$;
