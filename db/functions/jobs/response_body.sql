-- Builds the body of a response: the only place that does. Without the inline result it has at most 64 KiB, since each of
-- its parts is bounded: the error here, labels and stats by their own limits. One call of format in place of
-- json_build_object, which looks up the type of each argument. Stable, as format is, so that Postgres inlines it.
create or replace function jobs.response_body(p_response_id text, p_request_id text, p_status text, p_result json, p_error json, p_stats json, p_labels jsonb)
returns text language sql stable as $$
  select jobs.escape_noncharacters(format('{"responseId" : %s, "requestId" : %s, "status" : "%s", "%s" : %s, "stats" : %s, "labels" : %s}',
    to_json(p_response_id), to_json(p_request_id), p_status,
    case when p_status = 'SUCCEEDED' then 'result' else 'error' end,
    coalesce(case when p_status = 'SUCCEEDED' then p_result else jobs.bounded_error(p_error) end, 'null'),
    p_stats, jobs.bounded_labels(p_labels)))
$$;
