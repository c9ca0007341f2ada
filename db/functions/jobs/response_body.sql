-- Builds the body of every response. Without the inline result it has at most 64 KiB: the error and the labels are
-- bounded here, the rest of the result and the statistics by the domains of jobs.jobs, and the ids when the request is
-- validated. Uses format, because json_build_object looks up the type of each argument. Stable, because format is, so
-- that Postgres inlines it.
create or replace function jobs.response_body(p_response_id text, p_request_id text, p_status text, p_result json, p_error json, p_stats json, p_labels jsonb)
returns text language sql stable as $$
  select jobs.escape_noncharacters(format('{"responseId" : %s, "requestId" : %s, "status" : "%s", "%s" : %s, "stats" : %s, "labels" : %s}',
    to_json(p_response_id), to_json(p_request_id), p_status,
    case when p_status = 'SUCCEEDED' then 'result' else 'error' end,
    coalesce(case when p_status = 'SUCCEEDED' then p_result else jobs.bounded_error(p_error) end, 'null'),
    p_stats, jobs.bounded_labels(p_labels)))
$$;
