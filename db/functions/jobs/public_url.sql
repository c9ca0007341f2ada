-- Scheme, host and path of a URL, in linear time. A backslash separates like a slash, as URL parsers have it.
create or replace function jobs.public_url(url text) returns text language sql immutable as $$
  select left(case when start = 0 then bare
    else left(bare, start + 2) || regexp_replace(left(rest, host), '^.*@', '') || substr(rest, host + 1) end, 500)
  from (select split_part(split_part(url, '?', 1), '#', 1) as bare) b,
    lateral (select position('://' in translate(bare, '\', '/')) as start) s,
    lateral (select substr(bare, start + 3) as rest) r,
    lateral (select case position('/' in translate(rest, '\', '/')) when 0 then char_length(rest) else position('/' in translate(rest, '\', '/')) - 1 end as host) h
$$;

grant execute on function jobs.public_url(text) to api_reader, dispatcher;
