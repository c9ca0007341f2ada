-- Builds the body of every response. Without the inline result it has at most 64 KiB, since each of its parts is
-- bounded: error and labels here, the stats by their fields. Stable, since json_build_object is, so that Postgres
-- inlines it.
create or replace function jobs.response_body(p_response_id text, p_request_id text, p_status text, p_result json, p_error json, p_stats json, p_labels jsonb)
returns text language sql stable as $$
  select jobs.escape_noncharacters((case when p_status = 'SUCCEEDED'
    then json_build_object('responseId', p_response_id, 'requestId', p_request_id, 'status', p_status, 'result', p_result,
      'stats', p_stats, 'labels', jobs.bounded_labels(p_labels))
    else json_build_object('responseId', p_response_id, 'requestId', p_request_id, 'status', p_status, 'error', jobs.bounded_error(p_error),
      'stats', p_stats, 'labels', jobs.bounded_labels(p_labels))
  end)::text)
$$;
